# SPDX-License-Identifier: Apache-2.0
"""Folders of sequences with ground truth.

SEQUENCE/frames/NNNNN.(jpg|png), masks/NNNNN.png (indexed PNG: pixel = object id; a missing file is a frame
without ground truth) and boxes.txt (`frame,obj,x,y,w,h` with a header line; `nan` = absent)."""
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image


@dataclass
class Sequence:
    name: str
    frames: list            # paths in order
    masks: dict             # frame number -> path
    boxes: dict             # (frame number, object) -> (x, y, w, h) or None

    def image(self, number):
        """RGB uint8 [H, W, 3]"""
        return cv2.imread(str(self.frames[number]))[..., ::-1]

    def ids(self, number):
        """Object number of each pixel, [H, W]"""
        return np.array(Image.open(self.masks[number]))

    def objects(self):
        """Objects present in frame 0 with their boxes there."""
        return {obj: box for (frame, obj), box in sorted(self.boxes.items()) if frame == 0 and box is not None}


def read(folder):
    for path in sorted(Path(folder).iterdir()):
        if not (path / 'frames').is_dir():
            continue
        boxes = {}
        for line in (path / 'boxes.txt').read_text().splitlines()[1:]:
            if line.strip():
                frame, obj, *box = line.split(',')
                boxes[int(frame), int(obj)] = None if box[0] == 'nan' else tuple(float(v) for v in box)
        yield Sequence(path.name, sorted((path / 'frames').iterdir()),
                       {int(p.stem): p for p in sorted((path / 'masks').glob('*.png'))}, boxes)


def innermost(mask):
    """The point (x, y) of a bool mask farthest from its border: the first click."""
    padded = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    index = int(cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1].argmax())
    return index % mask.shape[1] + 0.5, index // mask.shape[1] + 0.5
