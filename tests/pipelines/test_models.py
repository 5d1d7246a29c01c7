# SPDX-License-Identifier: Apache-2.0
"""models/convert, and how the elements find what models/fetch stored."""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILTIN = ROOT / "models" / "builtin" / "builtin.safetensors"
CHECKPOINTS = ROOT / "tests" / "data" / "checkpoints"


def header(path):
    """({tensor: entry}, metadata) of a .safetensors file."""
    with open(path, "rb") as file:
        length, = struct.unpack("<Q", file.read(8))
        entries = json.loads(file.read(length))
    return entries, entries.pop("__metadata__", {})


class Temporary(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)


class Convert(Temporary):
    def convert(self, source, *arguments, target="out.safetensors"):
        return subprocess.run([ROOT / "models" / "convert", source, self.folder / target,
                               *arguments], capture_output=True, text=True, timeout=120)

    def assert_refused(self, done, text):
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(text, done.stderr)
        self.assertEqual(list(self.folder.glob("out*")), [])

    def test_every_precision_keeps_names_shapes_and_metadata(self):
        before, metadata = header(BUILTIN)
        for precision, dtype in (("fp32", "F32"), ("bf16", "BF16"), ("fp16", "F16")):
            with self.subTest(precision):
                done = self.convert(BUILTIN, "--precision", precision)
                self.assertEqual(done.returncode, 0, done.stderr)
                after, kept = header(self.folder / "out.safetensors")
                self.assertEqual({name: entry["shape"] for name, entry in after.items()},
                                 {name: entry["shape"] for name, entry in before.items()})
                self.assertEqual({entry["dtype"] for entry in after.values()}, {dtype})
                self.assertEqual(kept, metadata)

    def test_what_it_writes_it_reads(self):
        self.convert(BUILTIN)
        again = self.convert(self.folder / "out.safetensors", target="again.safetensors")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual((self.folder / "again.safetensors").read_bytes(),
                         (self.folder / "out.safetensors").read_bytes())

    def test_file_that_is_no_model_of_the_family(self):
        self.assert_refused(self.convert(CHECKPOINTS / "dict.pt"), "no model of the SAM 2 family")

    def test_pickle_with_code(self):
        self.assert_refused(self.convert(CHECKPOINTS / "code.pt"), "code.pt")

    def test_damaged_file(self):
        damaged = self.folder / "damaged.safetensors"
        damaged.write_bytes(BUILTIN.read_bytes()[:-100])
        self.assert_refused(self.convert(damaged), "truncated or damaged")

    def test_missing_file(self):
        self.assert_refused(self.convert(self.folder / "absent.pt"), "no such file")

    def test_unknown_precision(self):
        self.assert_refused(self.convert(BUILTIN, "--precision", "int8"), "fp32, bf16 and fp16")

    def test_other_suffix(self):
        self.assert_refused(self.convert(BUILTIN, target="out.pt"), "must end in .safetensors")

    def test_missing_folder(self):
        done = self.convert(BUILTIN, target="absent/out.safetensors")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot be written", done.stderr)

    def test_onto_itself(self):
        own = self.folder / "own.safetensors"
        shutil.copy(BUILTIN, own)
        done = self.convert(own, target="own.safetensors")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(own.read_bytes(), BUILTIN.read_bytes())


class OfficialNames(Temporary):
    """sam2track by the names of models/manifest.json."""

    def errors_of(self, model):
        environ = dict(os.environ, XDG_DATA_HOME=str(self.folder), OMP_WAIT_POLICY="passive",
                       GST_PLUGIN_PATH=str(ROOT / "build" / "gst"),
                       GST_REGISTRY=str(self.folder / "registry.bin"),
                       GST_SAM2_CORE=str(ROOT / "build" / "src" / "libsam2core.so"))
        done = subprocess.run(
            ["gst-launch-1.0", "videotestsrc", "num-buffers=1", "!", "sam2track",
             f"model={model}", "!", "fakesink"], env=environ, capture_output=True, text=True,
            timeout=120)
        self.assertNotEqual(done.returncode, 0)
        return done.stderr

    def test_absent_one_names_the_command_that_gets_it(self):
        manifest = json.loads((ROOT / "models" / "manifest.json").read_text())
        for model in manifest["models"]:
            with self.subTest(model["name"]):
                self.assertIn(f"models/fetch {model['name']}", self.errors_of(model["name"]))

    def test_stored_one_is_opened(self):
        store = self.folder / "gst-sam2" / "models"
        store.mkdir(parents=True)
        shutil.copy(CHECKPOINTS / "dict.pt", store / "sam2.1-large.pt")
        self.assertRegex(self.errors_of("sam2.1-large"),
                         "sam2.1-large.pt: no model of the SAM 2 family")


if __name__ == "__main__":
    unittest.main()
