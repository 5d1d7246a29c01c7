# SPDX-License-Identifier: Apache-2.0
"""The sources of a data pack as a table for the model card; every picture with its licence as CSV; and the photographs
that cut_annotated.py and cut_boxed.py took as CSV, with licence and origin, for models/builtin/photographs.csv.

    .deps/train/bin/python models/train/data/list_sources.py PACK [--csv FILE] [--photographs FILE]
"""
import argparse
import csv
import json
from collections import Counter
from pathlib import Path

from fetch import package_folder
from sources import SOURCES

MADE_FROM = dict(objects='sweethome3d-furniture, pypi:pybullet, textures of freedoom',     # by a name's first word
                 scans='git:elpis-lab/ycb_dataset', vehicles='git:osrf/gazebo_models',
                 people='git:c-frame/valid-avatars-glb',
                 photo='the photographs below',
                 video='git:intel-iot-devkit/sample-videos',
                 cloth='git:alexeygrigorev/clothing-dataset-small', coco='COCO: photographs.csv',
                 animals='Open Images: photographs.csv', boxed='Open Images: photographs.csv',
                 books='git:DiKe2004/sam2-finetune-segmentation: photographs.csv')
MADE_FROM['rooms'] = MADE_FROM['objects']


def photographs():
    """Rows of (picture, licence, origin)."""
    rendered = package_folder('rendered')
    with open(rendered / 'pictures.csv', newline='') as annotated, \
            open(rendered / 'boxed-scenes/pictures.csv', newline='') as boxed:
        return [*csv.reader(annotated), *csv.reader(boxed)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('pack', type=Path)
    parser.add_argument('--csv', type=Path)
    parser.add_argument('--photographs', type=Path)
    arguments = parser.parse_args()
    entries = [entry for entry in json.loads(arguments.pack.with_suffix('.json').read_text())['entries']
               if entry['kind'] != 'room-ids']
    print('| source | package | use | pictures | licences |\n|---|---|---|---|---|')
    for source in SOURCES:
        licences = Counter(entry['licence'] for entry in entries if entry['source'] == source.name)
        if licences:
            package = MADE_FROM[source.name.split('-')[0]] if source.rendered else source.package
            shown = ', '.join(f'{licence} {count}' for licence, count in licences.most_common())
            print(f'| {source.name} | {package} | {source.kind} | {sum(licences.values())} | {shown} |')
    if arguments.csv:
        with open(arguments.csv, 'w', newline='') as file:
            writer = csv.DictWriter(file, ['source', 'kind', 'licence', 'origin'], extrasaction='ignore')
            writer.writeheader()
            writer.writerows(entries)
    if arguments.photographs:
        with open(arguments.photographs, 'w', newline='') as file:
            csv.writer(file, lineterminator='\n').writerows(photographs())


if __name__ == '__main__':
    main()
