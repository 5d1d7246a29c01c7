# SPDX-License-Identifier: Apache-2.0
"""Compares the masks of sam2track with those of the official SAM2VideoPredictor, frame by frame.

Both get the same weights, the same decoded pixels and the same boxes on the first frame.
"""

import argparse
import pathlib
import sys
import tempfile

import numpy as np

import builtin_model
import pipeline
import reference
from sequences import FOLDER, ROOT, Sequence, iou

DEFAULT = ["davis_blackswan", "davis_dog", "davis17_dogs-jump"]
MODEL = ROOT / "models" / "builtin" / "builtin.safetensors"


def reference_masks(predictor, sequence):
    """The reference reads a folder of NNNNN.jpg; PIL looks at the content, not at the name."""
    with tempfile.TemporaryDirectory() as folder:
        for i, file in enumerate(sequence.files):
            (pathlib.Path(folder) / f"{i:05d}.jpg").symlink_to(file.resolve())
        yield from reference.track(predictor, folder, sequence.first_boxes())


def compare(predictor, sequence, arguments):
    """[(IoU, frame, object)] over all frames and objects."""
    # One after the other: side by side their threads would slow each other down many times.
    ours = list(pipeline.track(sequence.frames(), sequence.first_boxes(), model=arguments.model,
                               precision=arguments.precision, device=arguments.device))
    theirs = reference_masks(predictor, sequence)
    return [(iou(a[obj], b[obj]), frame, obj)
            for frame, (a, b) in enumerate(zip(ours, theirs, strict=True)) for obj in b]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("sequences", nargs="*", default=DEFAULT, metavar="SEQUENCE",
                        help="a name below --folder (default: %(default)s)")
    parser.add_argument("--folder", type=pathlib.Path, default=FOLDER)
    parser.add_argument("--model", default=str(MODEL), help="a file of the built-in kind")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--least", type=float, default=0.995, help="the mean IoU to reach")
    arguments = parser.parse_args()
    predictor = builtin_model.build(arguments.model)
    failed = False
    for name in arguments.sequences:
        values = compare(predictor, Sequence(arguments.folder / name), arguments)
        mean = np.mean([value for value, _, _ in values])
        low, frame, obj = min(values)
        failed = failed or bool(mean < arguments.least)
        print(f"{name}: mean IoU {mean:.5f} over {len(values)} masks, "
              f"lowest {low:.5f} (frame {frame}, object {obj})", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
