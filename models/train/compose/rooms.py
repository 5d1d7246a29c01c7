# SPDX-License-Identifier: Apache-2.0
"""Scenes with objects of their own: rendered rooms, videos, and photographs under a moving camera."""
import copy

import cv2
import numpy as np

from . import motion
from .random_tools import smooth_field

MOVING = 0.85                       # share of the things of a photograph that move, of those that can
DOUBLED = 0.25                      # share of those that have a double, which crosses their way
# Share of the photographs that are seen as a search window shows one of their things, and the least pixels of that one.
FRAMED, LEAST_FRAMED = 0.4, 900


class _Mover:
    """A thing of a photograph that moves by itself and bends: a premultiplied patch float32 [h, w, 4] and its path in
    the picture. At first it is as it was."""

    def __init__(self, rng, picture, mask, length, speed):
        x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
        longest = max(w, h)
        swings = motion.swings(rng, length, speed) if rng.random() < 0.85 else np.zeros((length, 2))
        pad = 3 + int((0.02 + 1.8 * np.abs(swings).max()) * longest)
        self.corner = np.array([x - pad, y - pad])

        def padded(part, border):
            return cv2.copyMakeBorder(part[y:y + h, x:x + w], pad, pad, pad, pad, border)

        alpha = cv2.GaussianBlur(padded(mask.astype(np.float32), cv2.BORDER_CONSTANT), (0, 0), 0.7)[..., None]
        self.patch = np.dstack([padded(picture, cv2.BORDER_REPLICATE) * alpha, alpha * 255])
        self.path = motion.drift(rng, 1.5 * longest, length, speed)
        self.scale = np.exp(motion.drifting_factor(rng, length, 0.01, 0.04, speed))
        self.turn = motion.drifting_factor(rng, length, 0.015, 0.05, speed)
        self.bend = [cv2.resize(smooth_field(rng, 16, 3), self.patch.shape[1::-1]) for _ in range(2)]
        self.swings = (swings - swings[0]) * longest

    def _bent(self, t):
        rows, columns = np.indices(self.patch.shape[:2], np.float32)
        x, y = np.float32(self.swings[t])
        return cv2.remap(self.patch, columns + self.bend[0] * x, rows + self.bend[1] * y, cv2.INTER_LINEAR)

    def double(self, rng, side, speed):
        """One of the same look, mirrored and in another light, that crosses this one's way."""
        other = copy.copy(self)
        light = np.append(rng.uniform(0.8, 1.1) * rng.uniform(0.93, 1.07, 3), 1).astype(np.float32)
        other.patch = np.minimum(self.patch[:, ::-1] * light, self.patch[:, ::-1, 3:])
        other.path = motion.passing(rng, self.path, side, speed)
        other.swings = -self.swings
        return other

    def paint(self, scene, labels, number, view, t):
        """view [2, 3]: from a pixel of the picture to one of the frame."""
        middle = self.corner + np.array(self.patch.shape[1::-1]) / 2
        cos, sin = self.scale[t] * np.cos(self.turn[t]), self.scale[t] * np.sin(self.turn[t])
        linear = np.array([[cos, -sin], [sin, cos]])
        own = np.hstack([linear, (self.path[t] + middle - linear @ (middle - self.corner))[:, None]])
        placed = view @ np.vstack([own, [0, 0, 1]])
        patch = cv2.warpAffine(self._bent(t), placed, scene.shape[1::-1])
        alpha = patch[..., 3:] / 255
        labels[alpha[..., 0] > 0.5] = number
        return scene * (1 - alpha) + patch[..., :3]


def _movers(rng, pictures, numbers, length, speed):
    """Some of the movable things of a photograph, and what is left of it: {number: _Mover}, picture, numbers."""
    picture, rest = pictures[0], numbers[0]
    movable = np.unique(numbers[1])[1:] if len(numbers) == 2 and length > 1 else []
    moving = [number for number in movable if rng.random() < MOVING]
    if not moving:
        return {}, picture, rest
    mask = np.isin(numbers[1], moving)
    hidden = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8))[..., None]
    movers = {number: _Mover(rng, picture, numbers[1] == number, length, speed) for number in moving}
    highest = int(numbers.max())
    for number in moving:
        if rng.random() < DOUBLED and highest < 255:
            highest += 1
            movers[highest] = movers[number].double(rng, min(picture.shape[:2]) / 2, speed)
    return movers, np.where(hidden, pictures[1], picture), np.where(mask, 0, rest)


def _thing_box(rng, numbers):
    """Box (x, y, w, h) of one of the things of a photograph, or None if it has none of some pixels."""
    present, area = np.unique(numbers, return_counts=True)
    large = [number for number, pixels in zip(present, area) if number and pixels > LEAST_FRAMED]
    return np.array(cv2.boundingRect((numbers == rng.choice(large)).astype(np.uint8))) if large else None


def _visited(rng, pictures, numbers, size, length, speed):
    """A photograph under a moving camera, some of its things moving by themselves: frames uint8 [T, S, S, 3], object
    numbers uint8 [T, S, S]."""
    height, width = numbers[0].shape
    around = _thing_box(rng, numbers[0]) if length == 1 and rng.random() < FRAMED else None
    if around is None:
        side = min(height, width) * rng.uniform(0.4, 1) ** 0.7
        squeeze = np.array([rng.uniform(min(1, 0.7 * width / side), min(2, width / side)), 1])  # frames become squares
    else:
        wanted = max(around[2:]) * rng.uniform(1.3, 2.2)
        side = min(wanted, height)
        squeeze = np.array([min(wanted, width) / side, 1])
    pan, zoom = motion.camera(rng, size, length, speed)
    turn = rng.normal() * 0.01 * speed * np.arange(length)
    reach = np.minimum(side * squeeze / 2, [width / 2, height / 2])
    most = np.array([width, height]) - reach + 1e-6
    middle = rng.uniform(reach, most) if around is None else \
        np.clip(around[:2] + around[2:] / 2 + rng.normal(size=2) * 0.04 * side, reach, most)
    mirror = np.array([rng.choice([-1, 1]), 1])
    movers, picture, rest = _movers(rng, pictures, numbers, length, speed)
    frames, labels = np.empty((length, size, size, 3), np.uint8), np.empty((length, size, size), np.uint8)
    for t in range(length):
        cos, sin = np.cos(turn[t]), np.sin(turn[t])
        linear = (squeeze * mirror)[:, None] * np.array([[cos, -sin], [sin, cos]]) * side / size / zoom[t]
        view = cv2.invertAffineTransform(np.hstack([linear, (middle - linear @ (size / 2 + pan[t]))[:, None]]))
        frame = cv2.warpAffine(picture, view, (size, size), borderMode=cv2.BORDER_REFLECT)
        labels[t] = cv2.warpAffine(rest, view, (size, size), flags=cv2.INTER_NEAREST)       # reflections are no things
        for number, mover in movers.items():
            frame = mover.paint(frame, labels[t], number, view, t)
        frames[t] = frame
    return frames, labels


def _played(rng, frames, numbers, length):
    """A window of a scene of several pictures, forwards or backwards, to and fro if they are few."""
    order = np.arange(len(frames))[::rng.choice([-1, 1])]
    order = order[rng.integers(len(order) - length + 1):][:length] if length <= len(order) else \
        np.resize(np.concatenate([order, order[::-1]]), length)
    height, width = (int(side * rng.uniform(0.5, 1)) for side in numbers.shape[1:])
    y, x = (rng.integers(whole - part + 1) for whole, part in zip(numbers.shape[1:], (height, width)))
    mirrored = slice(None, None, rng.choice([-1, 1]))
    return (stack[order, y:y + height, x:x + width][:, :, mirrored] for stack in (frames, numbers))


def room_scene(rng, assets, size, length, smallest, speed):
    """A scene with objects of its own, rendered or real: BGR uint8 [T, S, S, 3] and masks float32 [T, n, S, S] of up to
    six of them; a still is one frame. `smallest`: an object's side, were it a square, of the frame's."""
    frames, numbers = assets.room(rng)
    frames, numbers = _visited(rng, frames, numbers, size, length, speed) if len(frames) < 3 else \
        _played(rng, frames, numbers, length)
    present, area = np.unique(numbers[0], return_counts=True)
    present = [n for n, pixels in zip(present, area) if n and 1.2 * smallest ** 2 < pixels / numbers[0].size < 0.6]
    chosen = rng.permutation(present)[:6] if present else []
    pictures = np.stack([cv2.resize(np.ascontiguousarray(frame), (size, size)) for frame in frames])
    masks = np.zeros((length, len(chosen), size, size), np.float32)
    for t in range(length):
        for k, number in enumerate(chosen):
            masks[t, k] = cv2.resize((numbers[t] == number).astype(np.float32), (size, size))
    return pictures, masks
