# SPDX-License-Identifier: Apache-2.0
"""Masks of annotated sequences to polygons and back by pycocotools: the IoU with what they were.

COCO's polygons have no holes: the second column compares with the masks whose holes are filled.
"""

import argparse
import json
import pathlib
import subprocess
import sys

import cv2
import numpy as np
from pycocotools import mask as coco

from sequences import FOLDER, ROOT, Sequence, iou

MIN_SIDE = 32  # pixels of a mask's box


def masks_of(sequence):
    """Every annotated mask whose box has MIN_SIDE pixels on both sides: [H, W] of bool."""
    for frame in sequence.masks:
        for obj in sequence.first_boxes():
            mask = sequence.truth(frame, obj)
            if min(np.count_nonzero(mask.any(axis)) for axis in (0, 1)) >= MIN_SIDE:
                yield mask


def filled(mask):
    """Without holes: what 4-connected steps from outside do not reach."""
    outside = np.pad((~mask).astype(np.uint8), 1, constant_values=1)
    _, parts = cv2.connectedComponents(outside, connectivity=4)
    return (parts != parts[0, 0])[1:-1, 1:-1]


def polygons_of(masks, arguments):
    height, width = masks[0].shape
    run = subprocess.run(
        [arguments.program, *map(str, (width, height, arguments.tolerance, arguments.min_area))],
        input=b"".join(mask.astype(np.uint8).tobytes() for mask in masks), stdout=subprocess.PIPE,
        check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def back(polygons, shape):
    if not polygons:
        return np.zeros(shape, bool)
    return coco.decode(coco.merge(coco.frPyObjects(polygons, *shape))).astype(bool)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--folder", type=pathlib.Path, default=FOLDER)
    parser.add_argument("--tolerance", type=float, default=1)
    parser.add_argument("--min-area", type=float, default=0)
    parser.add_argument("--program", type=pathlib.Path,
                        default=ROOT / "build" / "tests" / "parity" / "polygon_answers")
    arguments = parser.parse_args()
    rows = []
    print(f"{'IoU':30} {'masks':>6} {'lowest':>8} {'mean':>7} {'filled: lowest':>15} {'mean':>7} "
          f"{'corners':>8}")

    def show(name, values):
        low, mean = values.min(axis=0), values.mean(axis=0)
        print(f"{name:30} {len(values):6} {low[0]:8.4f} {mean[0]:7.4f} {low[1]:15.4f} "
              f"{mean[1]:7.4f} {mean[2]:8.0f}", flush=True)

    for folder in sorted(path for path in arguments.folder.iterdir() if path.is_dir()):
        masks = list(masks_of(Sequence(folder)))
        if not masks:
            continue
        answers = polygons_of(masks, arguments)
        backs = [back(polygons, mask.shape) for polygons, mask in zip(answers, masks, strict=True)]
        rows.append(np.array([
            [iou(found, mask), iou(found, filled(mask)), sum(map(len, polygons)) / 2]
            for found, mask, polygons in zip(backs, masks, answers)]))
        show(folder.name, rows[-1])
    rows = np.concatenate(rows)
    show("all", rows)
    sys.exit(rows[:, 1].min() < 0.98)


if __name__ == "__main__":
    main()
