# SPDX-License-Identifier: Apache-2.0
"""pipelines/common: what all programs there share."""

import argparse
import contextlib
import pathlib
import sys
import tempfile
import unittest
import unittest.mock
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "pipelines"))
from common import arguments, video  # noqa: E402
from common.gstreamer import Failure, Gst  # noqa: E402

Gst.init(None)


class Arguments(unittest.TestCase):
    def refuse(self, kind, *texts):
        for text in texts:
            with self.subTest(text), self.assertRaisesRegex(argparse.ArgumentTypeError, "is not a"):
                kind(text)

    def test_whole_numbers(self):
        self.assertEqual([arguments.whole_number(text) for text in ("0", "200")], [0, 200])
        self.refuse(arguments.whole_number, "-1", "1.5", "", "x", "1e3", "²")

    def test_numbers_above_0(self):
        self.assertEqual([arguments.number_above_0(text) for text in ("5", "0.5")], [5, 0.5])
        self.refuse(arguments.number_above_0, "0", "-1", "nan", "inf", "", "x")


class Uri(unittest.TestCase):
    def test_of_a_file_even_with_a_colon(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("a.mp4", "cam1-2026-11-28T10:15.mp4"):
                path = pathlib.Path(folder) / name
                path.touch()
                with self.subTest(name), contextlib.chdir(folder):
                    uri = arguments.uri_of(name)
                    self.assertEqual(urllib.parse.unquote(uri), f"file://{path}")

    def test_of_no_file(self):
        self.assertEqual(arguments.uri_of("cam1:2.mp4"), "cam1:2.mp4")
        self.assertEqual(arguments.uri_of("rtsp://a/b"), "rtsp://a/b")
        with self.assertRaisesRegex(Failure, "no file 'nowhere.mp4'"):
            arguments.uri_of("nowhere.mp4")


class Encoders(unittest.TestCase):
    def encoder(self, stream, *there):
        with unittest.mock.patch.object(Gst.ElementFactory, "find", lambda name: name in there):
            return video.encoder(stream)

    def test_the_first_one_that_is_there(self):
        for stream in (False, True):
            self.assertTrue(self.encoder(stream, "nvh264enc", "x264enc").startswith("x264enc "))
            self.assertTrue(self.encoder(stream, "nvh264enc").startswith("nvh264enc "))
        self.assertIn("key-int-max=", self.encoder(True, "x264enc"))
        self.assertNotIn("key-int-max=", self.encoder(False, "x264enc"))

    def test_a_stream_is_h264(self):
        self.assertTrue(self.encoder(False, "avenc_mpeg4").startswith("avenc_mpeg4 "))
        with self.assertRaisesRegex(Failure, "none of x264enc, openh264enc, nvh264enc$"):
            self.encoder(True, "avenc_mpeg4")
        with self.assertRaisesRegex(Failure, "none of .*, avenc_mpeg4$"):
            self.encoder(False)


if __name__ == "__main__":
    unittest.main()
