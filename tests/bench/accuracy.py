# SPDX-License-Identifier: Apache-2.0
"""Mean region similarity J of sam2track on annotated sequences, boxes given on the first frame.

J of a sequence is the mean IoU over its objects and annotated frames, the first one included; of
sequences with boxes only, the IoU of the mask's box.
"""

import argparse
import pathlib

import numpy as np

import pipeline
from sequences import FOLDER, Sequence, iou


def box_iou(mask, box):
    """IoU of the mask's tight box with (x, y, width, height); None: the object is absent."""
    ys, xs = np.nonzero(mask)
    if box is None or not len(ys):
        return float(box is None and not len(ys))
    x, y, width, height = box
    x0, y0, x1, y1 = xs.min(), ys.min(), xs.max() + 1, ys.max() + 1
    common = (max(0, min(x1, x + width) - max(x0, x)) *
              max(0, min(y1, y + height) - max(y0, y)))
    return common / ((x1 - x0) * (y1 - y0) + width * height - common)


def similarity(sequence, properties):
    values = []
    masks = pipeline.track(sequence.frames(), sequence.first_boxes(), **properties)
    for frame, found in enumerate(masks):
        for obj, mask in found.items():
            if sequence.masks:
                truth = sequence.truth(frame, obj)
                if truth is not None:
                    values.append(iou(mask, truth))
            elif obj in sequence.boxes.get(frame, {}):
                values.append(box_iou(mask, sequence.boxes[frame][obj]))
    return float(np.mean(values))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("sequences", nargs="*", metavar="SEQUENCE", help="default: all")
    parser.add_argument("--folder", type=pathlib.Path, default=FOLDER)
    parser.add_argument("--model")
    parser.add_argument("--precision")
    arguments = parser.parse_args()
    properties = {name: value for name in ("model", "precision")
                  if (value := getattr(arguments, name))}
    names = arguments.sequences or sorted(path.name for path in arguments.folder.iterdir())
    scores = []
    for name in names:
        sequence = Sequence(arguments.folder / name)
        scores.append(similarity(sequence, properties))
        kind = "J" if sequence.masks else "box IoU"
        print(f"{name}: {kind} {scores[-1]:.3f}", flush=True)
    print(f"mean: {np.mean(scores):.3f}")


if __name__ == "__main__":
    main()
