# SPDX-License-Identifier: Apache-2.0
"""Sequences in which the objects are away for a while, made of sequences with masks.

    python3 models/evaluate/construct.py FOLDER OUT [--only NAME]

NAME_black: the middle third is black. NAME_bar: in the middle third a grey bar as high as the picture hides the
first object; it comes from the left and leaves to the right. What is hidden is taken out of the truth."""
import argparse
from pathlib import Path

import numpy as np
from PIL import Image

import scores
import sequences


def hidden(kind, number, count, truth):
    """-> bool [H, W]: what is hidden in this frame. truth: bool [H, W], the first object."""
    covered = np.zeros(truth.shape, bool)
    first, last = count // 3, 2 * count // 3
    if not first <= number < last:
        return covered
    if kind == 'black':
        covered[:] = True
        return covered
    box = scores.box_of(truth)
    if box is not None:
        x, _, width, _ = box
        phase = (number - first) / max(1, last - 1 - first)         # in, over the object, out
        shift = (min(0, 4 * phase - 1) + max(0, 4 * phase - 3)) * 1.2 * width
        covered[:, max(0, int(x - 0.1 * width + shift)):max(0, int(x + 1.1 * width + shift))] = True
    return covered


def construct(sequence, kind, out):
    folder = out / f'{sequence.name}_{kind}'
    for part in ('frames', 'masks'):
        (folder / part).mkdir(parents=True, exist_ok=True)
    lines, objects, truth = ['frame,obj,x,y,w,h'], list(sequence.objects()), None
    for number in range(len(sequence.frames)):
        image = sequence.image(number).copy()
        ids = sequence.ids(number).copy() if number in sequence.masks else None
        truth = truth if ids is None else ids == objects[0]
        covered = hidden(kind, number, len(sequence.frames), truth)
        image[covered] = 0 if kind == 'black' else 128
        Image.fromarray(image).save(folder / f'frames/{number:05d}.png')
        if ids is None:
            continue
        ids[covered] = 0
        Image.fromarray(ids).save(folder / f'masks/{number:05d}.png')
        for obj in objects:
            box = scores.box_of(ids == obj) or ['nan'] * 4
            lines.append(','.join(str(value) for value in (number, obj, *box)))
    (folder / 'boxes.txt').write_text('\n'.join(lines) + '\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder')
    parser.add_argument('out', type=Path)
    parser.add_argument('--only', default='', help='sequences whose name contains this')
    arguments = parser.parse_args()
    for sequence in sequences.read(arguments.folder):
        if sequence.masks and arguments.only in sequence.name:
            for kind in ('black', 'bar'):
                construct(sequence, kind, arguments.out)


if __name__ == '__main__':
    main()
