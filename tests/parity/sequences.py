# SPDX-License-Identifier: Apache-2.0
"""Annotated frame folders: NAME/frames/NNNNN.*, NAME/boxes.txt, NAME/masks/NNNNN.png."""

import csv
import math
import pathlib

import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT.parent / "shared" / "data" / "sequences"


class Sequence:
    def __init__(self, folder):
        self.name = folder.name
        self.files = sorted((folder / "frames").iterdir())
        self.boxes = {}  # {frame: {object: (x, y, width, height) in pixels, or None: absent}}
        with open(folder / "boxes.txt", newline="") as file:
            for row in csv.DictReader(file):
                box = tuple(float(row[key]) for key in "xywh")
                self.boxes.setdefault(int(row["frame"]), {})[int(row["obj"])] = (
                    None if math.isnan(box[0]) else box)
        self.masks = {int(file.stem): file for file in sorted(folder.glob("masks/*.png"))}

    def first_boxes(self):
        return {obj: box for obj, box in self.boxes[0].items() if box}

    def frames(self):
        """Yields [H, W, 3] RGB of uint8, decoded as the reference decodes them."""
        for file in self.files:
            yield np.asarray(Image.open(file).convert("RGB"))

    def truth(self, frame, obj):
        """The annotated mask [H, W] of bool, or None when the frame has no annotation."""
        file = self.masks.get(frame)
        return None if file is None else np.asarray(Image.open(file)) == obj


def iou(a, b):
    """Intersection over union of two masks; two empty ones agree."""
    union = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / union if union else 1.0
