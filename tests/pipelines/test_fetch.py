# SPDX-License-Identifier: Apache-2.0
"""models/fetch with files of this machine in place of the network."""

import hashlib
import importlib.machinery
import importlib.util
import pathlib
import shutil
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def load():
    loader = importlib.machinery.SourceFileLoader("fetch", str(ROOT / "models" / "fetch"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("fetch", loader))
    loader.exec_module(module)
    return module


class Fetch(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.fetch = load()
        self.source = self.folder / "source"
        self.source.write_bytes(b"weights")
        self.target = self.folder / "target"

    def offer(self, digest):
        self.fetch.MODELS = {"net": (self.source.as_uri(), digest)}

    def test_right_file_is_kept_under_the_models_name(self):
        self.offer(hashlib.sha256(b"weights").hexdigest())
        self.fetch.fetch("net", self.target)
        self.assertEqual((self.target / "net.pt").read_bytes(), b"weights")

    def test_second_call_downloads_nothing(self):
        self.offer(hashlib.sha256(b"weights").hexdigest())
        self.fetch.fetch("net", self.target)
        self.source.unlink()
        self.fetch.fetch("net", self.target)

    def test_wrong_content_is_refused_and_removed(self):
        self.offer(hashlib.sha256(b"other").hexdigest())
        with self.assertRaisesRegex(ValueError, "SHA-256"):
            self.fetch.fetch("net", self.target)
        self.assertEqual(list(self.target.iterdir()), [])

    def test_missing_source_leaves_nothing(self):
        self.offer("0" * 64)
        self.source.unlink()
        with self.assertRaises(OSError):
            self.fetch.fetch("net", self.target)
        self.assertEqual(list(self.target.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
