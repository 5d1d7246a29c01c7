# SPDX-License-Identifier: Apache-2.0
"""Compares the masks of sam2track in a low precision with those in fp32, frame by frame.

On the drawn clip of 20 frames that the comparison of stages uses, and on real sequences.
"""

import argparse
import pathlib
import sys

import numpy as np

import inputs
import pipeline
from sequences import FOLDER, Sequence, iou


class DrawnClip:
    name = "drawn clip of 20 frames"

    def frames(self):
        yield from inputs.draw(256)

    def first_boxes(self):
        """The three discs."""
        discs = [(40, 40, 18), (70, 30, 10), (25, 80, 12)]  # hundredths of the side
        return {i: tuple(2.56 * value for value in (x - r, y - r, 2 * r, 2 * r))
                for i, (x, y, r) in enumerate(discs, 1)}


def compare(sequence, arguments):
    """IoU of every mask in both precisions."""
    runs = [list(pipeline.track(sequence.frames(), sequence.first_boxes(), model=arguments.model,
                                device=arguments.device, precision=precision))
            for precision in ("fp32", arguments.precision)]
    return [iou(a[obj], b[obj]) for a, b in zip(*runs, strict=True) for obj in a]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("sequences", nargs="*", metavar="SEQUENCE",
                        help="names below --folder (default: the drawn clip and all there are)")
    parser.add_argument("--folder", type=pathlib.Path, default=FOLDER)
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--precision", default="bf16", choices=["bf16", "fp16"],
                        help="fp16 needs --device cuda")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--least", type=float, default=0.98, help="the mean IoU to reach")
    arguments = parser.parse_args()
    sequences = [Sequence(arguments.folder / name) for name in arguments.sequences]
    if not sequences:
        sequences = [DrawnClip()]
        if arguments.folder.is_dir():
            sequences += [Sequence(folder) for folder in sorted(arguments.folder.iterdir())]
        else:
            print(f"no sequences in {arguments.folder}: the drawn clip alone")
    everything = []
    for sequence in sequences:
        values = compare(sequence, arguments)
        everything += values
        print(f"{sequence.name}: {arguments.precision} against fp32: mean IoU "
              f"{np.mean(values):.5f} over {len(values)} masks, lowest {min(values):.5f}",
              flush=True)
    mean = np.mean(everything)
    print(f"all: mean IoU {mean:.5f} over {len(everything)} masks")
    sys.exit(bool(mean < arguments.least))


if __name__ == "__main__":
    main()
