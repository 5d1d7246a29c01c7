# SPDX-License-Identifier: Apache-2.0
"""data/pack.py leaves a pack as it was until the new one is finished."""
import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / 'data'))
from pack import PackWriter                         # noqa: E402


def write(path, *pictures):
    pack = PackWriter(path)
    for data in pictures:
        pack.add(data, dict(kind='photo'))
    return pack


def read(path):
    """The pictures of a pack."""
    data = path.with_suffix('.bin').read_bytes()
    return [data[entry['offset']:entry['offset'] + entry['length']]
            for entry in json.loads(path.with_suffix('.json').read_text())['entries']]


class Pack(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / 'some'
        write(self.path, b'one', b'three').finish({})

    def test_is_its_own_source(self):
        again = PackWriter(self.path)
        for data in read(self.path):
            again.add(data, dict(kind='photo'))
        again.add(b'more', dict(kind='photo'))
        self.assertEqual(again.finish(dict(photo=1)), 12)
        self.assertEqual(read(self.path), [b'one', b'three', b'more'])
        self.assertEqual(sorted(path.name for path in self.path.parent.iterdir()), ['some.bin', 'some.json'])

    def test_unfinished_one_changes_nothing(self):
        write(self.path, b'another').file.close()
        self.assertEqual(read(self.path), [b'one', b'three'])


if __name__ == '__main__':
    unittest.main()
