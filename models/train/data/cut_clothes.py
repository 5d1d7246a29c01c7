# SPDX-License-Identifier: Apache-2.0
"""Pieces of clothing as people photographed them at home, one in the middle of each picture (CC0): GrabCut finds them.

    .deps/train/bin/python models/train/data/cut_clothes.py

Writes .deps/train-data/packages/rendered/cloth-objects and cloth-scenes (see real.py)."""
from multiprocessing import Pool

import cv2
import numpy as np

from cut_photos import SIDE, contrast, grabbed
from fetch import package_folder
from real import box_of, is_whole, shrunk, write_things
from scores import iou

PICTURES = package_folder('git:alexeygrigorev/clothing-dataset-small')
RENDERED = package_folder('rendered')
EVERY = 2                       # how manieth picture is taken; there are 3068


def piece(picture):
    """Mask bool [H, W] of what is in the middle, or None where GrabCut is not sure: two boxes give the same, the first
    one all but the picture's rim and the second about what it gave, and its edge is one in the picture."""
    height, width = picture.shape[:2]
    first = grabbed(picture, (4, 4, width - 4, height - 4))
    if first is None or not 0.05 < first.mean() < 0.8:
        return None
    x, y, w, h = box_of(first)
    mask = grabbed(picture, (max(2, x - w // 16), max(2, y - h // 16), min(width - 2, x + w + w // 16),
                             min(height - 2, y + h + h // 16)))
    if mask is None or iou(first, mask) < 0.95 or contrast(picture, mask) < 1.2:
        return None
    return mask


def work_on(path):
    name = f'{path.parent.name}-{path.stem}'
    picture = shrunk(cv2.imread(str(path)), SIDE)
    mask = piece(picture)
    if mask is None:
        return 0
    write_things(RENDERED, 'cloth', name, picture, mask.astype(np.uint8), [(0, mask)] if is_whole(mask, 5) else [])
    return 1


def main():
    for use in ('objects', 'scenes'):
        (RENDERED / f'cloth-{use}').mkdir(parents=True, exist_ok=True)
    paths = sorted((PICTURES / 'train').rglob('*.jpg'))[::EVERY]
    with Pool() as pool:
        print(f'{sum(pool.imap_unordered(work_on, paths, 8))} of {len(paths)} pictures')


if __name__ == '__main__':
    main()
