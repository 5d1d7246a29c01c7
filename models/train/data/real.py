# SPDX-License-Identifier: Apache-2.0
"""Real things for the pack, with the masks that cut_*.py have for them: as cut-outs, and where they stand.

Names are PICTURE#VIEW: what is behind the # are views of one picture, all of them trained on or all held out."""
import sys
from pathlib import Path

import cv2
import numpy as np

sys.path += [str(Path(__file__).resolve().parents[2] / 'evaluate')]
from scores import box_of                       # noqa: E402

LONGEST, LARGEST = 224, 480     # pixels of a stored cut-out and scene


def cut(picture, mask, box=None):
    """BGRA with a soft edge, cropped by the mask's box or a given one (x, y, w, h)."""
    alpha = cv2.GaussianBlur(cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) * 255, (0, 0), 0.8)
    x, y, w, h = box or box_of(mask)
    return np.dstack([picture, alpha])[y:y + h, x:x + w]


def write_scene(stem, pictures, ids):
    """Pictures [h, w, 3] of a scene and the object numbers uint8 [h, w] of each pixel; in the form of render_rooms.py."""
    scale = min(1.0, LARGEST / max(ids[0].shape))
    size = int(ids[0].shape[1] * scale), int(ids[0].shape[0] * scale)
    cv2.imwrite(f'{stem}_{len(ids)}.png', np.concatenate([cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in pictures]))
    cv2.imwrite(f'{stem}_{len(ids)}.ids.png',
                np.concatenate([cv2.resize(n, size, interpolation=cv2.INTER_NEAREST) for n in ids]))


def write_object(stem, frames):
    """Cut-outs BGRA of one size: a thing, or the same one in several frames; in the form of render_objects.py."""
    scale = min(1.0, LONGEST / max(frames[0].shape[:2]))
    frames = [cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for frame in frames]
    cv2.imwrite(f'{stem}_{len(frames)}.png', np.concatenate(frames))
