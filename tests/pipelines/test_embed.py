# SPDX-License-Identifier: Apache-2.0
"""pipelines/embed, the example of a C++ service, and pipelines/read_objects.py."""

import contextlib
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from programs import CARS, ENVIRONMENT, ROOT, Program, wait_for

EMBED = ROOT / "build" / "pipelines" / "embed" / "embed"
READER = ROOT / "pipelines" / "read_objects.py"


def long_video(folder):
    """A file that is far from its end when a test is."""
    path = folder / "long.mp4"
    subprocess.run(["gst-launch-1.0", "-q", *(
        "videotestsrc num-buffers=3000 pattern=ball ! video/x-raw,width=160,height=120 ! "
        f"x264enc speed-preset=ultrafast ! mp4mux ! filesink location={path}").split()],
        check=True, timeout=120)
    return path


class Service(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def embed(self, *arguments):
        return Program(self, EMBED, *arguments)

    def lines(self, service):
        return [json.loads(line) for line in list(service.out)]

    def ids(self, service):
        """Of the last frame."""
        lines = self.lines(service)
        return [found["id"] for found in lines[-1]["objects"]] if lines else None

    def assert_fails(self, *arguments, text):
        service = self.embed(*arguments)
        self.assertEqual(service.wait(), 1)
        self.assertIn(text, "".join(service.err))

    def test_box_to_the_end_of_the_file(self):
        service = self.embed(CARS, "--box", "110,0,103,100")
        self.assertEqual(service.wait(), 0, service.err)
        lines = self.lines(service)
        self.assertEqual(len(lines), 38)
        for line in lines[:-1]:                             # on the last one a sliver of the car is left
            found, = line["objects"]
            self.assertEqual((found["id"], found["state"]), (1, "tracked"))
            self.assertEqual(len(found["box"]), 4)
            self.assertGreater(found["area"], 0)
        self.assertEqual([found["id"] for found in lines[-1]["objects"]], [1])

    def test_a_colon_in_the_name_makes_no_uri(self):
        shutil.copy(CARS, self.folder / "cam1-2026-11-28T10:15.mp4")
        with contextlib.chdir(self.folder):
            service = self.embed("cam1-2026-11-28T10:15.mp4")
        self.assertEqual(service.wait(), 0, service.err)
        self.assertEqual(len(self.lines(service)), 38)

    def test_commands_while_it_runs(self):
        service = self.embed(long_video(self.folder))
        wait_for(lambda: service.out, "frames")
        service.write('{"id": 5, "label": "ball", "box": [40, 40, 30, 30]}')
        wait_for(lambda: self.ids(service) == [5], "object 5")
        service.write('{"points": [[100, 60, 1], [10, 10, 0]]}')
        wait_for(lambda: self.ids(service) == [5, 6], "object 6")
        service.write('{"id": 6, "action": "refine", "box": [90, 50, 20.5, 20]}')
        service.write('{"id": 5, "action": "remove"}')
        wait_for(lambda: self.ids(service) == [6], "object 6 alone")
        service.write("quit")
        self.assertEqual(service.wait(), 0)
        self.assertEqual("".join(service.err), "")
        labels = {found.get("label") for line in self.lines(service)
                  for found in line["objects"] if found["id"] == 5}
        self.assertEqual(labels, {"ball"})

    def test_bad_commands_are_told_and_the_stream_goes_on(self):
        service = self.embed(long_video(self.folder))
        wait_for(lambda: service.out, "frames")
        for command, answer in (
                ("nonsense", "not a JSON object"), ("[1]", "not a JSON object"),
                ('{"box": null}', "box cannot be null"),
                ('{"box": [[[1]]]}', "box cannot be"),
                ('{"box": [1, "2", 3, 4]}', "box cannot be"),
                ('{"points": [[1, 2, 1], 3]}', "points cannot be"),
                ('{"box": [1, 2, 3]}', "box must be"),
                ('{"box": [900, 9, 10, 10]}', "lies outside"),
                ('{"bocks": [1, 2, 3, 4]}', "unknown key"),
                ('{"id": 77, "action": "remove"}', "object 77 does not exist"),
                ('{"id": 78, "action": "refine", "points": [[9, 9, 1]]}', "object 78 does not")):
            service.write(command)
            service.wait_for_error(answer)
        seen = len(service.out)
        wait_for(lambda: len(service.out) > seen, "more frames")
        self.assertEqual(service.stop(signal.SIGTERM), 0)

    def test_signals_end_it_properly(self):
        video = long_video(self.folder)
        for number in (signal.SIGTERM, signal.SIGINT):
            service = self.embed(video, "--box", "40,40,30,30")
            wait_for(lambda: len(service.out) > 3, "frames")
            self.assertEqual(service.stop(number), 0, service.err)
            self.assertLess(len(self.lines(service)), 3000)  # and all of them are whole

    def test_end_of_commands_is_not_the_end(self):
        service = self.embed(CARS, "--box", "110,0,103,100")
        service.process.stdin.close()
        self.assertEqual(service.process.wait(60), 0)
        wait_for(lambda: len(service.out) == 38, "all frames")

    def test_bad_input(self):
        (self.folder / "text.mp4").write_text("no video\n")
        self.assert_fails(text="one file or URI")
        self.assert_fails("nowhere.mp4", text="not found")
        self.assert_fails("cam1:2.mp4", text="cam1")
        self.assert_fails("xyz://a", text="xyz")
        self.assert_fails(self.folder / "text.mp4", text="type of stream")
        self.assert_fails(CARS, "--box", "1,2,3", text="1,2,3")
        self.assert_fails(CARS, "--model", "huge", text='no model "huge"')
        self.assert_fails(CARS, "--nothing", text="--nothing")

    def test_builds_outside_of_this_project(self):
        source = self.folder / "embed"
        shutil.copytree(EMBED.parent.parent.parent.parent / "pipelines" / "embed", source)
        build = source / "meson.build"
        build.write_text("project('embed', 'cpp', default_options: 'cpp_std=c++20')\n" +
                         build.read_text())
        for command in (["meson", "setup", "out"], ["ninja", "-C", "out"]):
            run = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
            self.assertEqual(run.returncode, 0, run.stdout + run.stderr)


class Reader(unittest.TestCase):
    def read(self, *arguments, **environment):
        return subprocess.run([READER, *map(str, arguments)], env={**ENVIRONMENT, **environment},
                              capture_output=True, text=True, timeout=120, check=False)

    def test_prints_objects_without_numpy(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "numpy.py").write_text("raise ImportError('not here')\n")
            run = self.read(CARS, "110,0,103,100", "266,300,134,60", PYTHONPATH=folder)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        lines = run.stdout.splitlines()
        self.assertEqual(len(lines), 2 * 38)
        self.assertRegex(lines[0], r"^ +0\.000 s  1  tracked  score [01]\.\d\d  box \(.*\)  \d+ pix")

    def test_function_gives_masks(self):
        code = ("import read_objects as r\n"
                f"frames = r.read_objects('{CARS}', [(110, 0, 103, 100)], fill_hole_area=0)\n"
                "seconds, (found,) = next(frames)\n"
                "frames.close()\n"
                "m = found.mask\n"
                "assert len(m.pixels) == m.columns * m.rows and set(m.pixels) <= {0, 255}\n"
                "assert m.place[2] == m.columns and found.box[0] >= m.place[0] and seconds == 0\n")
        run = subprocess.run(["/usr/bin/python3", "-c", code], cwd=READER.parent, env=ENVIRONMENT,
                             capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual((run.returncode, run.stderr), (0, ""))

    def test_a_refused_box_is_told(self):
        for boxes, lines in ((["900,10,20,20"], 0), (["900,10,20,20", "110,0,103,100"], 38)):
            run = self.read(CARS, *boxes)
            self.assertEqual(run.returncode, 0)
            self.assertRegex(run.stderr, r"^read_objects: .*900,10,20,20 lies outside .*\n$")
            self.assertEqual(len(run.stdout.splitlines()), lines)

    def test_bad_input(self):
        for arguments, text in (((), "VIDEO"), (("nowhere.mp4", "1,2,3,4"), "not found"),
                                ((CARS, "a,b"), "'a'"), ((CARS, "1,2,3"), "3 numbers"),
                                ((READER, "1,2,3,4"), "text")):
            run = self.read(*arguments)
            self.assertEqual(run.returncode, 1)
            self.assertIn(text, run.stderr)
            self.assertNotIn("Traceback", run.stderr)

    def test_plugin_missing(self):
        with tempfile.TemporaryDirectory() as folder:
            run = self.read(CARS, "1,2,3,4", GST_PLUGIN_PATH="", GST_REGISTRY=folder + "/r")
        self.assertEqual(run.returncode, 1)
        self.assertIn("sam2track", run.stderr)


if __name__ == "__main__":
    unittest.main()
