# SPDX-License-Identifier: Apache-2.0
"""Photographs that people have outlined, read from the repositories of sources.py: those alone whose own licence is
known to be permissive."""
import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from fetch import package_folder
from sources import SOURCES

COCO_LICENCES = {4: 'CC-BY-2.0', 7: 'no known restrictions', 8: 'US government'}    # COCO's numbers of the permissive
OPEN_IMAGES = re.compile(r'([0-9a-f]{16})[_.]')     # how names of its pictures begin; all of them are CC-BY-2.0


@dataclass
class Annotated:
    """A picture and the things in it, outlined in COCO's index or numbered in another picture."""
    path: Path
    licence: str
    address: str                                    # where it comes from
    outlines: list = field(default_factory=list)    # COCO's segmentations: polygons, or a run-length code
    numbers: Path | None = None                     # the picture of numbers,
    segments: list = field(default_factory=list)    # and those in it that are things

    def __len__(self):
        return len(self.segments) if self.numbers else len(self.outlines)

    def masks(self, height, width):
        """bool [H, W] each."""
        if self.numbers:
            numbers = cv2.imread(str(self.numbers)).astype(np.int64) @ [65536, 256, 1]
            return [numbers == segment for segment in self.segments]
        codes = [coco_mask.merge(coco_mask.frPyObjects(outline, height, width)) if isinstance(outline, list)
                 else outline for outline in self.outlines]
        return [coco_mask.decode(code) > 0 for code in codes]


def _folders(kind):
    """(package, folder) of the sources whose names begin with that word."""
    return [(source.package, package_folder(source.package)) for source in SOURCES
            if source.kind == 'raw' and source.name.split('-')[0] == kind]


def _by_picture(index, key):
    """{number of the picture: what its annotations that are no crowds have under that key}"""
    found = {}
    for annotation in index['annotations']:
        if annotation.get(key) and not annotation.get('iscrowd'):
            found.setdefault(annotation['image_id'], []).append(annotation[key])
    return found


def _exports(folder, key):
    """(path, _by_picture) of the pictures in indices like COCO's that lie beside them."""
    for file in sorted(folder.rglob('_annotations.coco.json')):
        index = json.loads(file.read_text())
        found = _by_picture(index, key)
        for entry in index['images']:
            if entry['id'] in found:
                yield file.parent / entry['file_name'], found[entry['id']]


def _panoptic(index, folder):
    """{number of the picture: (its picture of numbers, those of things)}"""
    things = {category['id'] for category in index.get('categories', []) if category.get('isthing')}
    return {annotation['image_id']: (folder / annotation['file_name'],
                                     [segment['id'] for segment in annotation['segments_info']
                                      if segment['category_id'] in things and not segment['iscrowd']])
            for annotation in index['annotations'] if 'segments_info' in annotation}


@cache
def _coco_pictures():
    """{name of the file: path} in all of COCO's repositories: an index may lie in another one."""
    return {path.name: path for _, folder in _folders('coco') for path in sorted(folder.rglob('*.jpg'))}


def coco(folder):
    """COCO's own pictures, with its own indices: of all things, of a person alone, or of numbers."""
    files = _coco_pictures()
    for file in sorted(folder.rglob('*.json')):
        index = json.loads(file.read_text())
        if not isinstance(index, dict) or not {'images', 'annotations'} <= index.keys():
            continue
        outlines, panoptic = _by_picture(index, 'segmentation'), _panoptic(index, file.with_suffix(''))
        for entry in index['images']:
            number = entry['id']
            outlined = number in outlines or number in panoptic
            if entry['license'] in COCO_LICENCES and entry['file_name'] in files and outlined:
                yield str(number), Annotated(files[entry['file_name']], COCO_LICENCES[entry['license']],
                                             entry['flickr_url'], outlines.get(number, []),
                                             *panoptic.get(number, ()))


def open_images(folder):
    """Pictures of Open Images among others, in an index like COCO's."""
    for path, outlines in _exports(folder, 'segmentation'):
        name = OPEN_IMAGES.match(path.name)
        if name:
            yield name[1], Annotated(path, 'CC-BY-2.0', 'Open Images', outlines)


def photographed(folder):
    """An author's own pictures (the names are those that a telephone gives), an index for each beside it."""
    for path in sorted(folder.rglob('20??????_*.jpg')):
        index = json.loads(path.with_suffix('.json').read_text())
        yield path.stem, Annotated(path, 'CC-BY-4.0', '', [one['segmentation'] for one in index['annotations']])


def _boxes_in_lines(folder):
    """(path, boxes [n][x, y, w, h] in pixels) out of a text for each picture, a box a line: a class and four shares of
    the picture, middle and sides (as YOLO has it), or a class of some words and the corners in pixels (as OIDv4_ToolKit
    has it)."""
    pictures = {path.stem: path for path in folder.rglob('*.jpg')}
    for text in sorted(folder.rglob('*.txt')):
        path = pictures.get(text.stem)
        if not path:
            continue
        values = np.array([line.split()[-4:] for line in text.read_text().splitlines() if line.strip()], float)
        if values.size and values.max() <= 1:
            height, width = cv2.imread(str(path)).shape[:2]
            values *= [width, height, width, height]
            values[:, :2] -= values[:, 2:] / 2
        elif values.size:
            values[:, 2:] -= values[:, :2]
        yield path, values.tolist()


def boxed(most):
    """(name, path, boxes) of the pictures of Open Images in the sources `boxed-...` that have no more than so many
    boxes, every one once."""
    seen = set()
    for _, folder in _folders('boxed'):
        for path, boxes in [*_exports(folder, 'bbox'), *_boxes_in_lines(folder)]:
            name = OPEN_IMAGES.match(path.name)
            if name and name[1] not in seen and path.exists() and 0 < len(boxes) <= most:
                seen.add(name[1])
                yield name[1], path, boxes


READERS = dict(coco=coco, animals=open_images, books=photographed)      # by the first word of a source's name


def annotated(kind):
    """{name: Annotated} of one kind of READERS, every picture once: where most of it is outlined."""
    found = {}
    for package, folder in _folders(kind):
        for name, picture in READERS[kind](folder):
            picture.address = picture.address or package
            if name not in found or len(picture) > len(found[name]):
                found[name] = picture
    return found
