# SPDX-License-Identifier: Apache-2.0
"""Procedural silhouettes: the outlines that no collection of pictures has enough of."""
import cv2
import numpy as np

SIZE = 160


def silhouette(rng):
    """An antialiased mask uint8 [160, 160]: an ellipse, a rounded blob, a polygon, or a body with limbs."""
    kind = rng.random()
    if kind < 0.08:
        return _filled(_ellipse(rng))
    if kind < 0.40:
        return _filled(_rounded(rng))
    if kind < 0.55:
        return _filled(_polygon(rng))
    return _limbs(rng)


def _ellipse(rng):
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle) * (1 if rng.random() < 0.5 else rng.uniform(0.4, 1))], 1)


def _rounded(rng):
    """A star-convex Fourier outline, float [90, 2]."""
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    radius = np.ones_like(angle)
    for k in range(1, rng.integers(2, 9)):
        radius += rng.normal() * 0.5 / k ** rng.uniform(0.7, 1.4) * np.cos(k * angle + rng.uniform(0, 6.3))
    radius = np.clip(radius, 0.25, None)
    return np.stack([np.cos(angle) * radius, np.sin(angle) * radius * rng.uniform(0.35, 1)], 1)


def _polygon(rng):
    corners = rng.integers(3, 8)
    angle = np.sort(rng.random(corners)) * 2 * np.pi
    radius = rng.uniform(0.5, 1, corners)
    return np.stack([np.cos(angle) * radius, np.sin(angle) * radius * rng.uniform(0.4, 1)], 1)


def _filled(points):
    points = points - (points.max(0) + points.min(0)) / 2
    points = points * (SIZE / 2 - 4) / np.abs(points).max() + SIZE / 2
    mask = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask


def _limbs(rng):
    """A union of an ellipse and bent thick strokes: animals, people, cycles, plants from afar."""
    mask = np.zeros((SIZE, SIZE), np.uint8)
    axes = tuple(int(SIZE * rng.uniform(0.08, 0.28)) for _ in range(2))
    cv2.ellipse(mask, (SIZE // 2, SIZE // 2), axes, rng.uniform(0, 180), 0, 360, 255, -1)
    for _ in range(rng.integers(1, 7)):
        point = SIZE / 2 + rng.normal(size=2) * SIZE * 0.12
        direction = rng.uniform(0, 6.3)
        thickness = max(2, int(SIZE * rng.uniform(0.03, 0.16)))
        for _ in range(rng.integers(1, 4)):
            direction += rng.normal() * 0.7
            step = np.array([np.cos(direction), np.sin(direction)]) * SIZE * rng.uniform(0.1, 0.3)
            end = np.clip(point + step, thickness, SIZE - thickness)
            cv2.line(mask, tuple(int(v) for v in point), tuple(int(v) for v in end), 255, thickness)
            point = end
    return cv2.GaussianBlur(mask, (0, 0), 1.2)
