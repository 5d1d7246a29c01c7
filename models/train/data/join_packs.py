# SPDX-License-Identifier: Apache-2.0
"""One data pack of several parts made by shrink_pack.py.

    .deps/train/bin/python models/train/data/join_packs.py OUT PART..."""
import json
import sys
from pathlib import Path

from pack import PackWriter


def main():
    out, *parts = map(Path, sys.argv[1:])
    pack = PackWriter(out)
    for part in parts:
        index, data = json.loads(part.with_suffix('.json').read_text()), part.with_suffix('.bin').read_bytes()
        for entry in index['entries']:
            pack.add(data[entry['offset']:entry['offset'] + entry['length']], entry)
    pack.finish(index['weights'])
    print(f'{len(pack.entries)} pictures')


if __name__ == '__main__':
    main()
