# SPDX-License-Identifier: Apache-2.0
"""Builds a data pack: all usable cut-outs, photographs and textures in one compact file.

    .deps/train/bin/python models/train/data/build_pack.py --licences permissive --out .deps/train-data/permissive

Writes OUT.bin (WebP and PNG pictures one after another) and OUT.json (one entry a picture: kind, source,
licence, origin, frames, offset, length); a room is two entries, its frames and then its object ids.
Prints how much each source gave."""
import argparse
import json
import re
from collections import Counter
from pathlib import Path

import cv2

import filters
from fetch import package_folder
from licences import CopyrightFile, is_permissive
from pack import PackWriter
from sources import SOURCES


def copyright_of(package):
    texts = sorted((package_folder(package) / 'usr/share/doc').glob('*/copyright'))
    return CopyrightFile(texts[0].read_text(errors='replace')) if texts else CopyrightFile('')


def pictures(source, allow_copyleft, seen):
    """Yields (origin, licence, path, BGR or BGRA picture) of a source; `seen` drops repeated pictures."""
    root = package_folder(source.package)
    rules = None if source.licence else copyright_of(source.package)
    for path in sorted(p for p in root.rglob('*') if p.is_file()):
        origin = path.relative_to(root).as_posix()
        if not source.wants('/' + origin, path.stat().st_size):
            continue
        licence = source.licence or rules.licence(origin.replace('.d/', '/'))
        if not (allow_copyleft or is_permissive(licence)):
            continue
        picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if source.rendered:
            yield origin, licence, path, picture
            continue
        if source.kind == 'cutout':
            picture = filters.cutout(picture, source.max_side, source.min_side)
        else:
            picture = filters.background(picture, min_side=100 if source.kind == 'texture' else 200)
        if picture is None:
            continue
        key = filters.fingerprint(picture, 20)
        if key not in seen:
            seen.add(key)
            yield origin, licence, path, picture


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--licences', choices=['permissive', 'all'], default='permissive')
    parser.add_argument('--quality', type=int, default=90, help='WebP quality')
    parser.add_argument('--reuse', type=Path, help='take over the sources that this pack has, as they are')
    parser.add_argument('--anew', nargs='*', default=[], metavar='SOURCE', help='but not these')
    parser.add_argument('--out', type=Path, required=True)
    arguments = parser.parse_args()
    allow_copyleft = arguments.licences == 'all'
    pack, seen = PackWriter(arguments.out), set()
    former = json.loads(arguments.reuse.with_suffix('.json').read_text())['entries'] if arguments.reuse else []
    former = [entry for entry in former if entry['source'] not in arguments.anew]
    former_data = arguments.reuse.with_suffix('.bin').read_bytes() if arguments.reuse else b''
    for source in SOURCES:
        if source.kind == 'raw' or not package_folder(source.package).exists():
            continue
        if source.licence and not (allow_copyleft or is_permissive(source.licence)):
            continue
        licences = Counter()
        for entry in [entry for entry in former if entry['source'] == source.name]:
            pack.add(former_data[entry['offset']:entry['offset'] + entry['length']], entry)
            licences[entry['licence']] += entry['kind'] != 'room-ids'
        for origin, licence, path, picture in pictures(source, allow_copyleft, seen) if not licences else ():
            frames = int(re.search(r'_(\d+)\.png$', origin)[1]) if source.rendered else 1
            entry = dict(source=source.name, licence=licence, origin=origin, frames=frames)
            pack.add(cv2.imencode('.webp', picture, [cv2.IMWRITE_WEBP_QUALITY, arguments.quality])[1].tobytes(),
                     dict(kind=source.kind, **entry))
            if source.kind == 'room':
                pack.add(path.with_suffix('.ids.png').read_bytes(), dict(kind='room-ids', **entry))
            licences[licence] += 1
        print(f'{source.name:22} {source.kind:8} {sum(licences.values()):5}  {dict(licences)}', flush=True)
    weights = {source.name: source.weight for source in SOURCES if source.kind in ('cutout', 'room')}
    size = pack.finish(weights)
    print(f'{len(pack.entries)} pictures, {size / 1e6:.1f} MB')


if __name__ == '__main__':
    main()
