# SPDX-License-Identifier: Apache-2.0
"""One data pack of several parts made by shrink_pack.py.

    .deps/train/bin/python models/train/data/join_packs.py OUT PART..."""
import json
import sys
from pathlib import Path


def main():
    out, *parts = map(Path, sys.argv[1:])
    entries = []
    with open(out.with_suffix('.bin'), 'wb') as pack:
        for part in parts:
            index = json.loads(part.with_suffix('.json').read_text())
            entries += [dict(entry, offset=pack.tell() + entry['offset']) for entry in index['entries']]
            pack.write(part.with_suffix('.bin').read_bytes())
    out.with_suffix('.json').write_text(json.dumps(dict(weights=index['weights'], entries=entries)))
    print(f'{len(entries)} pictures')


if __name__ == '__main__':
    main()
