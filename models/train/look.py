# SPDX-License-Identifier: Apache-2.0
"""Contact sheets of what the composer makes, to be looked at before training on it.

    .deps/train/bin/python models/train/look.py --pack .deps/train-data/permissive --out .deps/train-data
"""
import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from compose.assets import Assets
from compose.batch import compose
from schedule import Plan

COLOURS = np.array([[255, 0, 0], [0, 255, 0], [0, 80, 255], [255, 255, 0]], np.uint8)


def outlined(image, masks):
    """RGB uint8 [S, S, 3] with the edges of masks [K, S, S] drawn."""
    image = image.copy()
    for mask, colour in zip(masks, COLOURS):
        image[cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0] = colour
    return image


def sheet(batch, columns):
    tiles = [outlined(image, masks) for scene, scene_masks in zip(batch.images, batch.masks)
             for image, masks in zip(scene, scene_masks)]
    rows = [np.hstack(tiles[i:i + columns]) for i in range(0, len(tiles) - columns + 1, columns)]
    return np.vstack(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--pack', required=True)
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--size', type=int, default=192)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    assets = Assets(arguments.pack)
    for name, plan in (('stills', Plan(arguments.size, 1, 40, 3)), ('clips', Plan(arguments.size, 8, 6, 2))):
        begin = time.time()
        batch = compose(arguments.seed, 0, assets, plan)
        print(f'{name}: {(time.time() - begin) / batch.frames * 1e3:.1f} ms a frame')
        cv2.imwrite(str(arguments.out / f'{name}.png'), sheet(batch, 8)[..., ::-1])


if __name__ == '__main__':
    main()
