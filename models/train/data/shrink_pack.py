# SPDX-License-Identifier: Apache-2.0
"""A smaller copy of a data pack, for a borrowed machine with a limit on what may travel.

    .deps/train/bin/python models/train/data/shrink_pack.py .deps/train-data/permissive .deps/train-data/small --megabytes 58

Stores everything with coarser WebP quality; then leaves out pictures, the same share of every source, until it fits."""
import argparse
import json
import zlib
from pathlib import Path

import cv2
import numpy as np


def rank(entry):
    """A number 0..1 by which pictures are left out; a room's frames and its ids have the same."""
    return zlib.crc32(f"shrink/{entry['source']}/{entry['origin']}".encode()) / 2 ** 32


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('source', type=Path)
    parser.add_argument('target', type=Path)
    parser.add_argument('--megabytes', type=float, default=58)
    parser.add_argument('--quality', type=int, default=55)
    arguments = parser.parse_args()
    index = json.loads(arguments.source.with_suffix('.json').read_text())
    blob = np.memmap(arguments.source.with_suffix('.bin'), np.uint8, 'r')
    coded = []
    for entry in index['entries']:
        data = blob[entry['offset']:entry['offset'] + entry['length']]
        if entry['kind'] != 'room-ids':                             # ids must stay exact
            picture = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
            data = cv2.imencode('.webp', picture, [cv2.IMWRITE_WEBP_QUALITY, arguments.quality])[1]
        coded.append(data.tobytes())
    ranks = np.array([rank(entry) for entry in index['entries']])
    sizes = np.array([len(data) for data in coded])
    order = np.argsort(ranks)
    fitting = np.cumsum(sizes[order]) < arguments.megabytes * 1e6
    limit = ranks[order][fitting].max() if fitting.any() else 0
    entries = []
    with open(arguments.target.with_suffix('.bin'), 'wb') as pack:
        for entry, data, place in zip(index['entries'], coded, ranks):
            if place < limit:
                entries.append(dict(entry, offset=pack.tell(), length=len(data)))
                pack.write(data)
        size = pack.tell()
    arguments.target.with_suffix('.json').write_text(json.dumps(dict(weights=index['weights'], entries=entries)))
    print(f"{len(entries)} of {len(index['entries'])} pictures, {size / 1e6:.1f} MB")


if __name__ == '__main__':
    main()
