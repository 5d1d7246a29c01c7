# SPDX-License-Identifier: Apache-2.0
"""Scenes of pictures kept from training as a folder of sequences: what models/evaluate says of them may decide about
properties of the elements, which real footage may not.

    .deps/train/bin/python models/train/held_out.py --pack PACK --out FOLDER --count 60 --length 8
    .deps/train/bin/python models/evaluate FOLDER --out RESULTS [--search-window 1.5] [--follow-window 2.5] [--skip stills]

Squares of 640 px, one object each. Deterministic."""
import argparse
from pathlib import Path

import cv2
import numpy as np

from compose.assets import Assets
from compose.scene import scene

SEED = 3_000_003
SIZE = 640


def write(folder, images, masks):
    """images: RGB uint8 [T, S, S, 3]; masks: uint8 [T, S, S]."""
    for part in ('frames', 'masks'):
        (folder / part).mkdir(parents=True, exist_ok=True)
    lines = ['frame,obj,x,y,w,h']
    for t, (image, mask) in enumerate(zip(images, masks)):
        cv2.imwrite(str(folder / 'frames' / f'{t:05}.png'), image[..., ::-1])
        cv2.imwrite(str(folder / 'masks' / f'{t:05}.png'), mask)
        box = ','.join(map(str, cv2.boundingRect(mask))) if mask.any() else 'nan,nan,nan,nan'
        lines.append(f'{t},1,{box}')
    (folder / 'boxes.txt').write_text('\n'.join(lines) + '\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--pack', required=True)
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--count', type=int, default=60)
    parser.add_argument('--length', type=int, default=1, help='frames')
    parser.add_argument('--kind', choices=['small', 'coarse'], help='of scenes, all alike; default: as in training')
    arguments = parser.parse_args()
    rng, assets = np.random.default_rng(SEED), Assets(arguments.pack, validation=True)
    if arguments.kind:
        assets = assets.of_kind(arguments.kind)
    for number in range(arguments.count):
        images, masks = scene(rng, assets, SIZE, arguments.length, 1)
        write(arguments.out / f'{number:04}', images, (masks[:, 0] > 0).astype(np.uint8))


if __name__ == '__main__':
    main()
