# SPDX-License-Identifier: Apache-2.0
"""Checks J and F against the PyPI package vos-benchmark on one sequence with masks.

    .deps/train/bin/pip install --no-deps vos-benchmark tqdm scikit-image lazy-loader
    .deps/train/bin/python models/evaluate/check_scores.py SEQUENCE_FOLDER

What is scored: the masks of three frames earlier, so that good and bad frames both occur."""
import sys
from pathlib import Path

import numpy as np
from vos_benchmark.evaluator import Evaluator

import scores
import sequences


def main():
    folder = Path(sys.argv[1])
    sequence = next(found for found in sequences.read(folder.parent) if found.name == folder.name)
    numbers = sorted(sequence.masks)
    theirs, regions, contours = Evaluator(), {}, {}
    objects = np.unique(sequence.ids(numbers[0]))
    for earlier, number in zip(numbers, numbers[3:]):
        guess, truth = sequence.ids(earlier), sequence.ids(number)
        theirs.feed_frame(guess, truth)
        for obj in objects[objects > 0]:
            regions.setdefault(int(obj), []).append(scores.iou(guess == obj, truth == obj))
            contours.setdefault(int(obj), []).append(scores.contour_accuracy(guess == obj, truth == obj))
    their_j, their_f = theirs.conclude()
    for obj in regions:
        mine = 100 * np.mean(regions[obj]), 100 * np.mean(contours[obj])
        print(f'object {obj}: J {mine[0]:.4f} / {their_j[obj]:.4f}  F {mine[1]:.4f} / {their_f[obj]:.4f}')
        assert np.allclose(mine, (their_j[obj], their_f[obj]), atol=1e-6)


if __name__ == '__main__':
    main()
