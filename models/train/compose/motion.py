# SPDX-License-Identifier: Apache-2.0
"""How objects and the camera move. Positions are pixels [T, 2], scales factors [T], turns radians [T]. `speed` is that
of a whole clip, 1 the fastest; with it time passes more slowly, as of a video of more frames a second."""
import numpy as np

from .random_tools import log_uniform


def clip_speed(rng):
    """Of real clips the middles of objects move by a hundredth of the frame's side from frame to frame."""
    return log_uniform(rng, 0.12, 1)


def camera(rng, size, length, speed):
    """Pan [T, 2] and zoom [T] of the background, both starting at rest, with hand shake."""
    steps = rng.normal(size=(length, 2)) * size * 0.004 * speed
    pan = np.cumsum(np.cumsum(steps, 0) + rng.normal(size=(1, 2)) * size * log_uniform(rng, 0.002, 0.03), 0) * speed
    pan = np.clip(pan - pan[0], -0.2 * size, 0.2 * size)
    shake = rng.normal(size=(length, 2)) * (rng.uniform(0, 2.5) if rng.random() < 0.4 else 0.3) * size / 256
    zoom = np.cumsum(rng.normal(size=length) * 0.006 + rng.normal() * 0.008) * speed
    return pan + shake * speed ** 0.5, np.exp(zoom - zoom[0])


def drift(rng, size, length, speed):
    """A path from the origin: velocity, acceleration and a wobble."""
    t = np.arange(length)[:, None] * speed
    path = rng.normal(size=2) * size * log_uniform(rng, 0.004, 0.06) * t + rng.normal(size=2) * size * 0.004 * t * t / 2
    amplitude, rate, phase = rng.uniform(0, 0.03) * size, rng.uniform(0.3, 1.5), rng.uniform(0, 6.3)
    wobble = np.concatenate([np.sin(rate * t + phase), np.cos(rate * t + phase)], 1) * amplitude
    return path + wobble - wobble[0]


def excursion(rng, length, distance):
    """Away by `distance` pixels and back (or not), starting no earlier than frame 1: leaving the frame,
    hiding behind its border, coming back."""
    away = rng.integers(1, max(2, length // 2))
    back = length + length // 2 if rng.random() < 0.3 else rng.integers(away + 2, length + 2)
    t = np.clip((np.arange(length) - away + 1) / max(1, back - away), 0, 1)
    direction = rng.uniform(0, 2 * np.pi)
    bump = np.minimum(1, 2.2 * np.sin(np.pi * t))
    return (bump * distance)[:, None] * np.array([np.cos(direction), np.sin(direction)])


def passing(rng, target, size, speed):
    """A path that crosses `target`'s ([T, 2]) at a middle frame: an occluder or a crossing neighbour."""
    length = len(target)
    meet = rng.uniform(1, max(1.5, length - 1.5))
    angle, fast = rng.uniform(0, 2 * np.pi), size * log_uniform(rng, 0.03, 0.16) * max(speed, 0.4)
    velocity = np.array([np.cos(angle), np.sin(angle)]) * fast
    at = target[min(length - 1, int(round(meet)))]
    return at + velocity * (np.arange(length)[:, None] - meet)


def swings(rng, length, speed):
    """How far what bends is bent in x and y, as shares of its longest side, [T, 2], at rates of their own."""
    rates = rng.uniform(0.3, 1.5, 2) * max(speed, 0.35)
    return log_uniform(rng, 0.02, 0.12) * np.sin(np.arange(length)[:, None] * rates + rng.uniform(0, 6.3, 2))


def to_and_fro(index, count):
    """Indices of pictures that are played forwards, then backwards: the last one and the first are no neighbours."""
    index = index % max(1, 2 * count - 2)
    return np.minimum(index, 2 * count - 2 - index)


def drifting_factor(rng, length, usual, rare, speed):
    """exp of a steady drift [T]: usually small, sometimes fast."""
    return rng.normal() * (usual if rng.random() < 0.8 else rare) * np.arange(length) * speed
