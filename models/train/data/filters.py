# SPDX-License-Identifier: Apache-2.0
"""From a picture file to a usable cut-out (RGBA) or background (RGB), or None."""
import sys
from pathlib import Path

import cv2
import numpy as np

sys.path += [str(Path(__file__).resolve().parents[1])]
from compose.sprites import resized             # noqa: E402

cv2.setNumThreads(1)


def fingerprint(picture, step):
    """A coarse grey thumbnail: equal for copies of one picture in several sizes."""
    grey = cv2.cvtColor(picture[..., :3], cv2.COLOR_BGR2GRAY)
    return (cv2.resize(grey, (12, 12), interpolation=cv2.INTER_AREA) // step).tobytes()


def cutout(picture, max_side, min_side):
    """BGRA uint8 [H, W, 4] cropped to its object, or None for what makes no object: almost full
    rectangles, thin glyphs and line art, translucent things, scattered parts."""
    if picture is None or picture.ndim != 3 or picture.shape[2] != 4 or picture.dtype != np.uint8:
        return None
    ys, xs = np.where(picture[..., 3] > 24)
    if len(ys) < 200:
        return None
    picture = picture[ys.min():ys.max() + 1, xs.min():xs.max() + 1]
    height, width = picture.shape[:2]
    if max(height, width) < min_side or min(height, width) < 12:
        return None
    if max(height, width) > max_side:
        scale = max_side / max(height, width)
        picture = resized(picture, (max(8, int(width * scale)), max(8, int(height * scale))))
    solid = picture[..., 3] > 127
    if not 0.12 < solid.mean() < 0.93 or (picture[..., 3][solid] > 230).mean() < 0.7:
        return None
    parts, _, stats, _ = cv2.connectedComponentsWithStats(solid.astype(np.uint8))
    if parts < 2 or stats[1:, cv2.CC_STAT_AREA].max() < 0.75 * solid.sum():
        return None
    if cv2.erode(solid.astype(np.uint8), np.ones((5, 5), np.uint8)).sum() < 0.35 * solid.sum():
        return None
    return picture


def background(picture, min_side=200, max_side=512):
    """BGR uint8 [H, W, 3], its shorter side at most `max_side`, or None for small, translucent, flat
    pictures and for normal maps (bluish on average, little grey contrast)."""
    if picture is None or picture.ndim < 2:
        return None
    if picture.dtype != np.uint8:
        picture = (picture / 256).astype(np.uint8)
    if picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    if picture.shape[2] == 4:
        if (picture[..., 3] < 250).mean() > 0.02:
            return None
        picture = picture[..., :3]
    height, width = picture.shape[:2]
    if min(height, width) < min_side:
        return None
    scale = max_side / min(height, width)
    if scale < 1:
        picture = cv2.resize(picture, (int(width * scale), int(height * scale)), interpolation=cv2.INTER_AREA)
    picture = np.ascontiguousarray(picture[:, :3 * max_side])
    if cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).std() < 6:
        return None
    blue, green, red = picture.reshape(-1, 3).mean(0)
    if blue > 190 and abs(green - 128) < 12 and abs(red - 128) < 12:
        return None
    return picture
