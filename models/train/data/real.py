# SPDX-License-Identifier: Apache-2.0
"""Real things for the pack, with the masks that cut_*.py have for them: as cut-outs, and where they stand.

Names are PICTURE#VIEW: what is behind the # are views of one picture, all of them trained on or all held out."""
import os
import sys
from pathlib import Path

import cv2
import numpy as np

sys.path += [str(Path(__file__).resolve().parents[2] / 'evaluate')]
from scores import box_of                       # noqa: E402

LONGEST, LARGEST = 320, 640     # pixels of a stored cut-out and scene
MOVABLE = 0.003, 0.25           # of the picture's area


def shrunk(picture, longest):
    """No side longer than `longest` pixels."""
    scale = min(1.0, longest / max(picture.shape[:2]))
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def enlarged(mask, shape):
    """A mask that was found in a smaller copy of a picture, for that picture of [H, W, ...]."""
    return cv2.resize(mask.astype(np.float32), shape[1::-1], interpolation=cv2.INTER_LINEAR) > 0.5


def is_whole(mask, rim=2):
    """Whether a mask keeps so many pixels away from the picture's border."""
    x, y, w, h = box_of(mask)
    return min(x, y, mask.shape[1] - x - w, mask.shape[0] - y - h) >= rim


def cut(picture, mask):
    """BGRA with a soft edge, cropped by the mask's box."""
    alpha = cv2.GaussianBlur(cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) * 255, (0, 0), 0.8)
    x, y, w, h = box_of(mask)
    return np.dstack([picture, alpha])[y:y + h, x:x + w]


def movable(ids):
    """Numbers of things that stand alone and whole, and are neither tiny nor large."""
    for number in np.unique(ids)[1:]:
        mask = ids == number
        around = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        if MOVABLE[0] < mask.mean() < MOVABLE[1] and is_whole(mask) and not ids[around & ~mask].any():
            yield number


def scene(picture, ids):
    """A photograph as a scene: pictures and object numbers. Where things in it can be made to move, there are two: the
    photograph, and what may lie behind those things; the second numbers are theirs alone."""
    moving = np.isin(ids, list(movable(ids)))
    if not moving.any():
        return [picture], [ids]
    hidden = cv2.dilate(moving.astype(np.uint8), np.ones((9, 9), np.uint8))
    return [picture, cv2.inpaint(picture, hidden, 5, cv2.INPAINT_TELEA)], [ids, ids * moving]


def write_picture(path, picture):
    """A picture that is there is whole: what is there is not made again."""
    unfinished = path.with_suffix('.unfinished')
    unfinished.write_bytes(cv2.imencode(path.suffix, picture)[1])
    os.replace(unfinished, path)


def write_scene(stem, pictures, ids):
    """Pictures [h, w, 3] of a scene and the object numbers uint8 [h, w] of each pixel; as render_rooms.py does."""
    scale = min(1.0, LARGEST / max(ids[0].shape))
    size = int(ids[0].shape[1] * scale), int(ids[0].shape[0] * scale)
    write_picture(Path(f'{stem}_{len(ids)}.ids.png'),                       # before the picture that it belongs to
                  np.concatenate([cv2.resize(n, size, interpolation=cv2.INTER_NEAREST) for n in ids]))
    write_picture(Path(f'{stem}_{len(ids)}.png'),
                  np.concatenate([cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in pictures]))


def write_object(stem, thing):
    """A cut-out BGRA, in the form of render_objects.py."""
    write_picture(Path(f'{stem}_1.png'), shrunk(thing, LONGEST))


def write_things(rendered, kind, name, picture, ids, cut_outs):
    """A photograph into KIND-objects and KIND-scenes: its cut-outs (number, mask bool [h, w]), and all of it where
    `ids` has a thing."""
    for number, mask in cut_outs:
        write_object(rendered / f'{kind}-objects' / f'{name}#{number}', cut(picture, mask))
    if ids.any():
        write_scene(rendered / f'{kind}-scenes' / f'{name}#0', *scene(picture, ids))
