# SPDX-License-Identifier: Apache-2.0
"""Writing a data pack: its pictures one after another in NAME.bin, what they are in NAME.json; compose/assets.py reads
it. A pack of that name stays as it was until the new one is finished, and may be read meanwhile."""
import json
import os


class PackWriter:
    """entries: what was added so far, each with its `offset` and `length`."""

    def __init__(self, path):
        self.path, self.entries = path, []
        self.file = open(path.with_suffix('.bin.unfinished'), 'wb')

    def add(self, data, entry):
        """Bytes of a picture, and what it is; a place that the entry has already is forgotten."""
        self.entries.append(dict(entry, offset=self.file.tell(), length=len(data)))
        self.file.write(data)

    def finish(self, weights):
        """weights: of the sources of cut-outs. -> bytes of the pictures"""
        size = self.file.tell()
        self.file.close()
        index = self.path.with_suffix('.json.unfinished')
        index.write_text(json.dumps(dict(weights=weights, entries=self.entries)))
        os.replace(self.file.name, self.path.with_suffix('.bin'))
        os.replace(index, self.path.with_suffix('.json'))
        return size
