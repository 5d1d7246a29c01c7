# SPDX-License-Identifier: Apache-2.0
"""A smaller copy of a data pack in parts, for a borrowed machine with a limit on what may travel at once.

    .deps/train/bin/python models/train/data/shrink_pack.py SOURCE TARGET --megabytes 26 45

Writes TARGET-0, TARGET-1, ..., each a pack by itself of at most so many MB, with coarser WebP quality: photographs
come first, then the same share of every source; what does not fit is left out. join_packs.py puts parts together."""
import argparse
import json
import zlib
from multiprocessing.pool import ThreadPool
from pathlib import Path

import cv2
import numpy as np

from pack import PackWriter


def rank(entry):
    """The order in which pictures are taken, 0..1; a room's frames and its ids have the same."""
    if entry['kind'] == 'photo' or entry['source'].split('-')[0] in ('photo', 'coco', 'video'):
        return 0.0
    return (1 + zlib.crc32(f"shrink/{entry['source']}/{entry['origin']}".encode())) / 2 ** 32


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', type=Path)
    parser.add_argument('target', type=Path)
    parser.add_argument('--megabytes', type=float, nargs='+', default=[58])
    parser.add_argument('--quality', type=int, default=55)
    arguments = parser.parse_args()
    index = json.loads(arguments.source.with_suffix('.json').read_text())
    blob = np.memmap(arguments.source.with_suffix('.bin'), np.uint8, 'r')

    def coarser(entry):
        data = blob[entry['offset']:entry['offset'] + entry['length']]
        if entry['kind'] != 'room-ids':                             # ids must stay exact
            picture = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
            data = cv2.imencode('.webp', picture, [cv2.IMWRITE_WEBP_QUALITY, arguments.quality])[1]
        return data.tobytes()

    with ThreadPool() as pool:
        coded = pool.map(coarser, index['entries'])
    ranks = np.array([rank(entry) for entry in index['entries']])
    order = np.argsort(ranks, kind='stable')
    ends = np.cumsum(np.array([len(data) for data in coded])[order]) / 1e6
    first = 0.0
    for number, last in enumerate(np.cumsum(arguments.megabytes)):
        fitting = ranks[order][ends < last]
        limit = fitting.max() if len(fitting) < len(order) else np.inf      # that one may lack its ids
        pack = PackWriter(arguments.target.with_name(f'{arguments.target.name}-{number}'))
        for entry, data, place in zip(index['entries'], coded, ranks):
            if first <= place < limit:
                pack.add(data, entry)
        size = pack.finish(index['weights'])
        print(f"{pack.path}: {len(pack.entries)} of {len(coded)} pictures, {size / 1e6:.1f} MB")
        first = limit


if __name__ == '__main__':
    main()
