# SPDX-License-Identifier: Apache-2.0
"""What a camera does to a scene: few pixels, defocus, motion blur, exposure, colour cast, sharpening, noise,
compression."""
import cv2
import numpy as np

from .random_tools import log_uniform

_NOISE = cv2.GaussianBlur(np.random.default_rng(7).standard_normal((2400, 1000), np.float32), (0, 0), 0.7).ravel()
_NOISE /= _NOISE.std()
FARTHEST = 0.25                     # that exposure drifts, of what it was


class Lens:
    """One camera for a whole clip; `moving` clips have more motion blur and drifting exposure. A `coarse` one sees few
    pixels, enlarged to the frame's size: what a search window shows of a small thing."""

    def __init__(self, rng, moving, coarse=False, speed=1):
        self.rng = rng
        self.enlarged = log_uniform(rng, 1.3, 8) if coarse else 1
        self.gain, self.gamma = rng.uniform(0.65, 1.3), log_uniform(rng, 0.75, 1.35)
        self.cast, self.drift = rng.uniform(0.9, 1.1, 3), rng.normal() * 0.015 * speed
        self.defocus = rng.uniform(0.3, 1.6) if rng.random() < 0.35 else 0
        self.kernel = self._streak(rng) if rng.random() < (0.2 if moving else 0.08) else None
        # As most do; the material, enlarged as much of it is, is softer than footage.
        self.sharpening = rng.uniform(0.3, 1.2) if not self.defocus and rng.random() < 0.5 else 0
        self.noise = rng.uniform(1, 12) if rng.random() < 0.4 else 0
        self.quality = int(rng.integers(25, 90)) if rng.random() < 0.5 else None
        self.grey = rng.random() < 0.04

    @staticmethod
    def _streak(rng):
        length, angle = int(rng.choice([3, 5])), rng.uniform(0, np.pi)
        kernel, centre = np.zeros((length, length), np.float32), length // 2
        end = np.array([np.cos(angle), np.sin(angle)]) * centre
        cv2.line(kernel, tuple(int(round(v)) for v in centre - end), tuple(int(round(v)) for v in centre + end), 1, 1)
        return kernel / kernel.sum()

    def shoot(self, scene, t):
        """scene: float32 BGR [S, S, 3] of frame t -> uint8 RGB [S, S, 3]."""
        size = scene.shape[:2]
        if self.enlarged > 1:
            side = max(1, round(size[0] / self.enlarged))
            scene = cv2.resize(scene, (side, side), interpolation=cv2.INTER_AREA)
        if self.defocus:
            scene = cv2.GaussianBlur(scene, (0, 0), self.defocus)
        if self.kernel is not None:
            scene = cv2.filter2D(scene, -1, self.kernel)
        gain = self.gain * (1 + FARTHEST * np.tanh(self.drift * t / FARTHEST))
        curve = 255 * (np.arange(256) / 255) ** self.gamma * gain
        table = np.clip(curve[:, None] * self.cast, 0, 255).astype(np.uint8).reshape(256, 1, 3)
        frame = cv2.LUT(np.clip(scene, 0, 255).astype(np.uint8), table)
        if self.sharpening:
            frame = cv2.addWeighted(frame, 1 + self.sharpening, cv2.GaussianBlur(frame, (0, 0), 1), -self.sharpening, 0)
        if self.noise:
            at = self.rng.integers(len(_NOISE) - frame.size)
            grain = _NOISE[at:at + frame.size].reshape(frame.shape) * self.noise
            frame = np.clip(frame + grain, 0, 255).astype(np.uint8)
        if self.quality:
            frame = cv2.imdecode(cv2.imencode('.jpg', frame, [cv2.IMWRITE_JPEG_QUALITY, self.quality])[1], 1)
        if frame.shape[:2] != size:
            frame = cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR)
        if self.grey:
            frame = cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        return frame[..., ::-1]
