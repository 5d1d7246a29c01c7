# SPDX-License-Identifier: Apache-2.0
"""Small random helpers shared by the composer's files; every one takes a numpy Generator."""
import cv2
import numpy as np


def log_uniform(rng, low, high):
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def smooth_field(rng, size, knots):
    """A smooth random field, float32 [size, size], about unit variance at its knots x knots nodes."""
    return cv2.resize(rng.standard_normal((knots, knots), np.float32), (size, size), interpolation=cv2.INTER_CUBIC)


def crop(rng, picture, size, low, high, aspect=1.0):
    """A random window of `picture`, `low`..`high` of its largest one of the given aspect (w / h),
    resized to [size, size] (so squashed, as frames are for the network) and perhaps mirrored."""
    height, width = picture.shape[:2]
    side = rng.uniform(low, high) * min(height, width / aspect)
    h = int(np.clip(side, min(32, height), height))
    w = int(np.clip(side * aspect, min(32, width), width))
    y, x = rng.integers(height - h + 1), rng.integers(width - w + 1)
    window = cv2.resize(picture[y:y + h, x:x + w], (size, size),
                        interpolation=cv2.INTER_AREA if h > size else cv2.INTER_LINEAR)
    return np.ascontiguousarray(window[:, ::-1] if rng.random() < 0.5 else window)
