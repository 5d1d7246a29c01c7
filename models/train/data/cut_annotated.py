# SPDX-License-Identifier: Apache-2.0
"""Things in photographs that people have outlined: the pictures of COCO whose own licence is CC-BY, or that are in the
public domain as far as is known, out of the repositories of sources.py that carry some; annotations are CC-BY-4.0.

    .deps/train/bin/python models/train/data/cut_annotated.py

Writes .deps/train-data/packages/rendered/coco-objects and coco-scenes (see real.py), and coco-scenes/pictures.csv: number,
licence and address of every picture used."""
import csv
import json
from dataclasses import dataclass, field
from multiprocessing import Pool
from pathlib import Path

import cv2
import numpy as np

from fetch import package_folder
from real import cut, is_whole, scene, write_object, write_scene
from sources import SOURCES

OBJECTS, SCENES = (package_folder('rendered') / name for name in ('coco-objects', 'coco-scenes'))
PERMISSIVE = {4: 'CC-BY-2.0', 7: 'no known restrictions', 8: 'US government'}        # COCO's numbers of licences
SMALLEST = 0.015                # of the picture's area, of what is cut out; smaller things are in the scenes


@dataclass
class Annotated:
    """A picture and its annotations in COCO's index, of one of its two forms."""
    entry: dict
    path: Path
    polygons: list = field(default_factory=list)    # an annotation each
    numbers: Path | None = None                     # or a picture of numbers,
    segments: list = field(default_factory=list)    # and those in it that are things

    def masks(self):
        """bool [H, W] each, of what is no crowd."""
        if self.numbers:
            numbers = cv2.imread(str(self.numbers)).astype(np.int64) @ [65536, 256, 1]
            return [numbers == segment['id'] for segment in self.segments if not segment['iscrowd']]
        masks = []
        for annotation in self.polygons:
            if not annotation['iscrowd']:
                masks.append(np.zeros((self.entry['height'], self.entry['width']), np.uint8))
                cv2.fillPoly(masks[-1], [np.round(np.reshape(part, (-1, 2))).astype(np.int32)
                                         for part in annotation['segmentation']], 1)
        return [mask > 0 for mask in masks]


def annotated():
    """{number: Annotated}, every picture with a permissive licence once."""
    found = {}
    folders = [package_folder(source.package) for source in SOURCES if 'coco' in source.name and source.kind == 'raw']
    for folder in folders:
        paths = {(path.parent.name, path.name): path for path in sorted(folder.rglob('*.jpg'))}
        for file in sorted([*folder.rglob('instances_*.json'), *folder.rglob('panoptic_*.json')]):
            index = json.loads(file.read_text())
            things = {category['id'] for category in index['categories'] if category.get('isthing')}
            new = {entry['id']: Annotated(entry, paths[file.stem.split('_')[1], entry['file_name']])
                   for entry in index['images'] if entry['license'] in PERMISSIVE and entry['id'] not in found
                   and (file.stem.split('_')[1], entry['file_name']) in paths}
            for annotation in index['annotations']:
                picture = new.get(annotation['image_id'])
                if picture and 'segments_info' in annotation:
                    picture.numbers = file.with_suffix('') / annotation['file_name']
                    picture.segments = [s for s in annotation['segments_info'] if s['category_id'] in things]
                elif picture:
                    picture.polygons.append(annotation)
            found |= {number: picture for number, picture in new.items() if picture.polygons or picture.segments}
    return found


def work_on(job):
    number, found = job
    picture = cv2.imread(str(found.path))
    masks = sorted((mask for mask in found.masks() if mask.sum() > 150), key=np.count_nonzero, reverse=True)[:250]
    ids = np.zeros(picture.shape[:2], np.uint8)
    for index, mask in enumerate(masks, 1):                                 # small things lie on large ones
        ids[mask] = index
    for index in range(1, len(masks) + 1):
        mask = ids == index
        if mask.sum() > SMALLEST * mask.size and is_whole(mask):
            write_object(OBJECTS / f'{number}#{index}', cut(picture, mask))
    if masks:
        write_scene(SCENES / f'{number}#0', *scene(picture, ids))


def main():
    for folder in (OBJECTS, SCENES):
        folder.mkdir(parents=True, exist_ok=True)
    found = annotated()
    with open(SCENES / 'pictures.csv', 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['COCO', 'licence', 'picture'])
        for number, picture in sorted(found.items()):
            writer.writerow([number, PERMISSIVE[picture.entry['license']], picture.entry['flickr_url']])
    with Pool() as pool:
        pool.map(work_on, sorted(found.items()), 1)
    print(f'{len(found)} pictures, {len(list(OBJECTS.glob("*.png")))} things')


if __name__ == '__main__':
    main()
