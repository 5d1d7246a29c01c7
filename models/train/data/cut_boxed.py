# SPDX-License-Identifier: Apache-2.0
"""Things in photographs of Open Images around which people have drawn boxes: GrabCut finds them, where it is sure.

    .deps/train/bin/python models/train/data/cut_boxed.py

Writes .deps/train-data/packages/rendered/boxed-objects and boxed-scenes (see real.py). Goes on where it was stopped."""
import csv
from multiprocessing import Pool

import cv2
import numpy as np

from annotations import boxed
from cut_photos import contrast, grabbed
from fetch import package_folder
from real import LARGEST as STORED, box_of, enlarged, is_whole, shrunk, write_things
from scores import box_iou, iou

RENDERED = package_folder('rendered')
OBJECTS, SCENES = RENDERED / 'boxed-objects', RENDERED / 'boxed-scenes'
SIDE = 384                      # photographs are searched no larger than this
SMALLEST, LARGEST = 600, 0.6    # pixels of a thing, share of the picture
MOST = 4                        # boxes: where there are more, things stand in crowds


def thing(picture, box):
    """Mask bool [H, W] of what is in a box (x, y, w, h), or None where GrabCut is not sure: a wider box gives the same,
    it fills the box, and its edge is one in the picture."""
    corners = np.array([*box[:2], box[0] + box[2], box[1] + box[3]])
    found = []
    for rim in (2, max(4, 0.06 * max(box[2:]))):
        wider = np.clip(corners + rim * np.array([-1, -1, 1, 1]), 1, np.tile(picture.shape[1::-1], 2) - 1)
        found.append(grabbed(picture, tuple(int(side) for side in wider)))
        if found[-1] is None or found[-1].sum() < SMALLEST:
            return None
    mask = found[0]
    sure = (mask.mean() < LARGEST and iou(*found) > 0.9 and box_iou(box_of(mask), box) > 0.8
            and contrast(picture, mask) > 0.9)
    return mask if sure else None


def work_on(job):
    name, path, boxes = job
    whole = cv2.imread(str(path))
    picture, stored = shrunk(whole, SIDE), shrunk(whole, STORED)
    scale = picture.shape[1] / whole.shape[1]
    masks = [thing(picture, [side * scale for side in box]) for box in boxes if min(box[2:]) * scale > 16]
    masks = sorted((mask for mask in masks if mask is not None), key=np.count_nonzero, reverse=True)
    ids, whole_ones = np.zeros(stored.shape[:2], np.uint8), []
    for number, mask in enumerate((enlarged(mask, stored.shape) for mask in masks), 1):
        if (ids[mask] > 0).mean() < 0.05:                       # two that overlap: which is in front is not known
            ids[mask] = number
            if is_whole(mask, 5):
                whole_ones.append((number, mask))
    write_things(RENDERED, 'boxed', name, stored, ids, whole_ones)
    return name


def main():
    for folder in (OBJECTS, SCENES):
        folder.mkdir(parents=True, exist_ok=True)
    with Pool() as pool, open(SCENES / 'tried', 'a+') as tried:
        tried.seek(0)
        before = set(tried.read().split())
        jobs = [job for job in sorted(boxed(MOST)) if job[0] not in before]
        for name in pool.imap(work_on, jobs, 4):
            print(name, file=tried, flush=True)
    used = sorted(path.name.split('#')[0] for path in SCENES.glob('*.ids.png'))
    with open(SCENES / 'pictures.csv', 'w', newline='') as file:
        csv.writer(file).writerows([name, 'CC-BY-2.0', 'Open Images'] for name in used)
    print(f'{len(used)} of {len(before) + len(jobs)} pictures, {len(list(OBJECTS.glob("*.png")))} things')


if __name__ == '__main__':
    main()
