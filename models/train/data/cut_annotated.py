# SPDX-License-Identifier: Apache-2.0
"""Things in photographs that people have outlined: see annotations.py.

    .deps/train/bin/python models/train/data/cut_annotated.py

Writes KIND-objects and KIND-scenes (see real.py) below .deps/train-data/packages/rendered for every kind, and
pictures.csv there: name, licence and origin of every picture used."""
import csv
from multiprocessing import Pool

import cv2
import numpy as np

from annotations import READERS, annotated
from fetch import package_folder
from real import is_whole, write_things

RENDERED = package_folder('rendered')
SMALLEST = 0.015                # of the picture's area, of what is cut out; smaller things are in the scenes


def work_on(job):
    kind, name, found = job
    picture = cv2.imread(str(found.path))
    masks = sorted((mask for mask in found.masks(*picture.shape[:2]) if mask.sum() > 150),
                   key=np.count_nonzero, reverse=True)[:250]
    ids = np.zeros(picture.shape[:2], np.uint8)
    for index, mask in enumerate(masks, 1):                                 # small things lie on large ones
        ids[mask] = index
    visible = ((index, ids == index) for index in range(1, len(masks) + 1))
    write_things(RENDERED, kind, name, picture, ids,
                 ((index, mask) for index, mask in visible if mask.sum() > SMALLEST * mask.size and is_whole(mask)))


def main():
    jobs = []
    with open(RENDERED / 'pictures.csv', 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['picture', 'licence', 'origin'])
        for kind in READERS:
            for use in ('objects', 'scenes'):
                (RENDERED / f'{kind}-{use}').mkdir(parents=True, exist_ok=True)
            for name, picture in sorted(annotated(kind).items()):
                writer.writerow([name, picture.licence, picture.address])
                jobs.append((kind, name, picture))
    with Pool() as pool:
        pool.map(work_on, jobs, 1)
    for kind in READERS:
        print(kind, len(list((RENDERED / f'{kind}-scenes').glob('*.ids.png'))), 'pictures,',
              len(list((RENDERED / f'{kind}-objects').glob('*.png'))), 'things')


if __name__ == '__main__':
    main()
