# SPDX-License-Identifier: Apache-2.0
"""Writing a data pack: its pictures one after another in NAME.bin, what they are in NAME.json. compose/assets.py reads it."""
import json


class PackWriter:
    """entries: what was added so far, each with its `offset` and `length`."""

    def __init__(self, path):
        self.path, self.entries = path, []
        self.file = open(path.with_suffix('.bin'), 'wb')

    def add(self, data, entry):
        """Bytes of a picture, and what it is; a place that the entry has already is forgotten."""
        self.entries.append(dict(entry, offset=self.file.tell(), length=len(data)))
        self.file.write(data)

    def finish(self, weights):
        """weights: of the sources of cut-outs. -> bytes of the pictures"""
        size = self.file.tell()
        self.file.close()
        self.path.with_suffix('.json').write_text(json.dumps(dict(weights=weights, entries=self.entries)))
        return size
