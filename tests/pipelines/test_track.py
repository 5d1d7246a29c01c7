# SPDX-License-Identifier: Apache-2.0
"""pipelines/track and pipelines/demo as a user calls them, on real video and on bad input."""

import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from programs import CARS, ROOT, Program, serve, wait_for  # noqa: E402

TRACK = ROOT / "pipelines" / "track"
CARS_FRAMES = 38
MATROSKA = "video/x-matroska"
BOX = ("--box", "20,20,60,60")
BOXES = ("--box", "110,0,103,100", "--box", "266,300,134,60")
# The two cars by eye, as x, y, width, height: {frame: {object: box}}.
TRUTH = {12: {1: (83, 20, 132, 238), 2: (263, 149, 140, 211)},
         24: {1: (44, 154, 160, 206), 2: (257, 38, 122, 202)}}


def iou(a, b):
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    common = max(0, width) * max(0, height)
    return common / (a[2] * a[3] + b[2] * b[3] - common)


def launch(text):
    """Makes a test video with stock elements."""
    subprocess.run(["gst-launch-1.0", "-q", *text.split()], check=True, timeout=120)


def track(*arguments, **options):
    return subprocess.run([TRACK, *map(str, arguments)], capture_output=True, text=True,
                          timeout=300, check=False, **options)


class Folder(unittest.TestCase):
    """Each test has a folder of its own."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = self.folder / "out"

    def track(self, *arguments, **options):
        return track(*arguments, "--output", self.out, **options)

    def lines(self, name):
        with open(self.out / f"{name}.jsonl", encoding="ascii") as file:
            return [json.loads(line) for line in file]

    def short(self):
        """A video of five frames."""
        path = self.folder / "short.mp4"
        launch("videotestsrc num-buffers=5 ! video/x-raw,width=320,height=192 ! x264enc ! "
               f"mp4mux ! filesink location={path}")
        return path

    def decoded_size(self, name):
        """(width, height, frames) of a written video, decoded again."""
        raw = self.folder / "raw"
        launch(f"filesrc location={self.out / name}.mp4 ! decodebin ! videoconvert ! "
               f"video/x-raw,format=GRAY8 ! pngenc snapshot=false ! multifilesink "
               f"location={raw}%05d.png")
        files = sorted(self.folder.glob("raw*.png"))
        return (*png_size(files[0]), len(files))

    def assert_fails(self, result, *words):
        self.assertNotIn("Traceback", result.stderr)
        self.assertGreater(result.returncode, 0, result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)
        self.assertEqual(list(self.out.glob("*")) if self.out.is_dir() else [], [])


def png_size(path):
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", path
    return struct.unpack(">II", data[16:24])


def turn(path):
    """Makes an .mp4 one to be shown rotated by 90 degrees: the matrix of its track header."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    assert struct.unpack(">9i", data[at:at + 36]) == (65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    data[at:at + 36] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 192 << 16, 0, 1 << 30)
    path.write_bytes(data)


class Results(Folder):
    def test_the_built_in_model_looks_twice_in_a_window_of_a_box_and_a_half(self):
        found = {}
        for name, arguments in {"default": (), "half": ("--search-window", 1.5),
                                "none": ("--search-window", 0),
                                "once": ("--no-second-look",)}.items():
            result = self.track(CARS, *BOXES, "--name", name, *arguments)
            self.assertEqual(result.returncode, 0, result.stderr)
            found[name] = [item["segmentation"] for item in self.lines(name)[0]["objects"]]
        self.assertEqual(found["default"], found["half"])
        self.assertNotEqual(found["default"], found["none"])
        self.assertNotEqual(found["default"], found["once"])

    def test_the_built_in_model_follows_small_things_in_a_window_of_two_boxes_and_a_half(self):
        video = self.folder / "ball.mp4"
        launch("videotestsrc num-buffers=6 pattern=ball ! video/x-raw,width=640,height=480 ! x264enc ! "
               f"mp4mux ! filesink location={video}")
        found = {}
        for name, arguments in {"default": (), "same": ("--follow-window", 2.5),
                                "none": ("--follow-window", 0)}.items():
            result = self.track(video, "--box", "300,220,40,40", "--name", name, *arguments)
            self.assertEqual(result.returncode, 0, result.stderr)
            found[name] = [line["objects"][0] for line in self.lines(name)]
        self.assertEqual(found["default"], found["same"])
        self.assertEqual(found["default"][0]["segmentation"], found["none"][0]["segmentation"])
        self.assertNotEqual(found["default"][5]["segmentation"], found["none"][5]["segmentation"])
        self.assertGreater(iou(found["default"][5]["bbox"], (348, 270, 40, 40)), 0.8)

    def test_two_objects_are_followed_through_the_sample_clip(self):
        result = self.track(CARS, *BOXES)
        self.assertEqual(result.returncode, 0, result.stderr)
        names = [str(self.out / f"cars.{kind}") for kind in ("mp4", "jsonl", "png")]
        self.assertEqual(result.stdout.split(), names)
        lines = self.lines("cars")
        self.assertEqual([line["frame"] for line in lines], list(range(CARS_FRAMES)))
        for frame, boxes in TRUTH.items():
            found = {item["id"]: item for item in lines[frame]["objects"]}
            self.assertEqual(set(found), set(boxes))
            for obj, box in boxes.items():
                self.assertEqual(found[obj]["state"], "tracked")
                self.assertGreater(iou(found[obj]["bbox"], box), 0.7, f"frame {frame}")
                self.assertEqual(found[obj]["segmentation"]["size"], [360, 640])
        self.assertEqual(self.decoded_size("cars"), (640, 360, CARS_FRAMES))
        self.assertEqual(png_size(self.out / "cars.png"), (4 * 480, 2 * 270))

    def test_progress_tells_frames_and_speed(self):
        result = self.track(CARS, *BOXES)
        self.assertRegex(result.stderr, rf"frame {CARS_FRAMES}  \d+\.\d frames/s")

    def test_prompts_file_starts_an_object_later(self):
        prompts = self.folder / "prompts.jsonl"
        prompts.write_text('{"frame": 12, "id": 7, "label": "red", "box": [263, 149, 140, 211]}\n')
        result = self.track(CARS, "--prompts", prompts)
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = self.lines("cars")
        self.assertEqual(lines[11].get("objects", []), [])
        self.assertEqual([(item["id"], item["label"]) for item in lines[12]["objects"]],
                         [(7, "red")])

    def test_portrait_video_by_rotation_tag(self):
        path = self.short().rename(self.folder / "turned.mp4")
        turn(path)
        result = self.track(path, *BOX)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.decoded_size("turned"), (192, 320, 5))
        self.assertEqual([self.lines("turned")[0][key] for key in ("width", "height")], [192, 320])

    def test_odd_size(self):
        launch("videotestsrc num-buffers=5 ! video/x-raw,format=Y444,width=161,height=91 ! "
               f"x264enc ! matroskamux ! filesink location={self.folder}/odd.mkv")
        result = self.track(self.folder / "odd.mkv", *BOX)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([self.lines("odd")[0][key] for key in ("width", "height")], [161, 91])
        self.assertEqual(self.decoded_size("odd"), (160, 90, 5))

    def test_single_picture(self):
        launch("videotestsrc num-buffers=1 ! video/x-raw,width=320,height=240 ! pngenc ! "
               f"filesink location={self.folder}/one.png")
        result = self.track(self.folder / "one.png", *BOX)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(self.lines("one")), 1)

    def test_sound_is_left_out(self):
        launch("videotestsrc num-buffers=25 ! x264enc ! matroskamux name=mux ! "
               f"filesink location={self.folder}/loud.mkv "
               "audiotestsrc num-buffers=40 ! vorbisenc ! mux.")
        result = self.track(self.folder / "loud.mkv", *BOX)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(self.lines("loud")), 25)

    def test_interrupt_finishes_the_files(self):
        launch("videotestsrc num-buffers=3000 pattern=ball ! video/x-raw,width=320,height=240 ! "
               f"x264enc speed-preset=ultrafast ! mp4mux ! filesink location={self.folder}/long.mp4")
        with subprocess.Popen([TRACK, self.folder / "long.mp4", *BOX, "--output", self.out],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            deadline = time.monotonic() + 60
            json_file = self.out / "long.jsonl.part"
            while time.monotonic() < deadline and not (
                    json_file.exists() and json_file.stat().st_size):
                time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=120)
        self.assertEqual(process.returncode, 130)
        frames = len(self.lines("long"))
        self.assertGreater(frames, 0)
        self.assertLess(frames, 3000)
        self.assertGreater(self.decoded_size("long")[2], 0)
        self.assertEqual(list(self.out.glob("*.part")), [])

    def some_video(self):
        launch("videotestsrc num-buffers=200 ! video/x-raw,width=320,height=240 ! "
               "x264enc speed-preset=ultrafast ! matroskamux streamable=true ! "
               f"filesink location={self.folder}/some.mkv")
        return (self.folder / "some.mkv").read_bytes()

    def test_interrupts_of_a_stream_that_stalls(self):
        """The first one finishes the files all the same, the second leaves none unfinished."""
        address, _ = serve(self, MATROSKA, self.some_video(), stay=None)
        for interrupts, written in ((1, ["some.jsonl", "some.mp4", "some.png"]), (2, [])):
            out = self.folder / f"out{interrupts}"
            run = Program(self, TRACK, address, *BOX, "--name", "some", "--output", out)
            run.wait_for_error("frames/s")
            for _ in range(interrupts):
                run.process.send_signal(signal.SIGINT)
                time.sleep(0.2)
            self.assertEqual(run.wait(), 130, run.err)
            self.assertEqual(sorted(file.name for file in out.iterdir()), written, run.err)

    def test_what_was_found_until_the_input_breaks_off_is_kept(self):
        data = self.some_video()
        address, _ = serve(self, MATROSKA, data, [("Content-Length", str(2 * len(data)))], stay=5)
        result = self.track(address, *BOX, "--name", "some")
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn(f"{address}: ", result.stderr)
        self.assertIn("the results end there", result.stderr)
        self.assertGreater(len(self.lines("some")), 150)
        self.assertGreater(self.decoded_size("some")[2], 0)
        self.assertEqual(sorted(file.name for file in self.out.iterdir()),
                         ["some.jsonl", "some.mp4", "some.png"])

    def test_an_interrupt_before_the_first_frame_is_no_failure(self):
        address, _ = serve(self, MATROSKA, b"", stay=None)
        run = Program(self, TRACK, address, *BOX, "--output", self.out)
        wait_for(self.out.exists, "the start")
        time.sleep(1)
        self.assertEqual((run.stop(signal.SIGINT), run.err), (130, []))
        self.assertEqual(list(self.out.iterdir()), [])

    def test_a_colon_in_the_name_makes_no_uri(self):
        path = self.folder / "cam1-2026-11-28T10:15.mp4"
        self.short().rename(path)
        result = self.track(path.name, *BOX, cwd=self.folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(self.lines("cam1-2026-11-28T10:15")), 5)


class FormerResults(Folder):
    KINDS = ("mp4", "jsonl", "png")

    def setUp(self):
        super().setUp()
        self.video = self.short()
        self.out.mkdir()
        for kind in self.KINDS:
            (self.out / f"short.{kind}").write_text("former")

    def former(self):
        """The kinds that are left of them. Nothing half-written may lie beside them."""
        self.assertEqual({path.name for path in self.out.iterdir()},
                         {f"short.{kind}" for kind in self.KINDS})
        return [kind for kind in self.KINDS
                if (self.out / f"short.{kind}").read_bytes() == b"former"]

    def refused(self, text, *arguments, former=KINDS):
        result = self.track(self.video, *BOX, *arguments)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn(text, result.stderr)
        self.assertNotIn("Traceback", result.stderr)
        self.assertEqual(self.former(), list(former))

    def test_good_ones_are_replaced(self):
        result = self.track(self.video, *BOX)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.former(), [])

    def test_a_failing_start_leaves_them(self):
        self.refused("huge", "--model", "huge")

    def test_a_full_disk_leaves_them(self):
        for kind, left in (("mp4", self.KINDS), ("jsonl", self.KINDS), ("png", ("png",))):
            (self.out / f"short.{kind}.part").symlink_to("/dev/full")
            self.refused("No space left", former=left)

    def test_a_video_that_ends_at_once_leaves_them(self):
        self.video.write_bytes(self.video.read_bytes()[:100])
        self.refused("track: ")

    def test_a_folder_in_their_place_is_told_before_the_work(self):
        for name in ("short.mp4", "short.png", "short.png.part"):
            self.video = self.short()
            (self.out / name).unlink(missing_ok=True)
            (self.out / name).mkdir()
            result = self.track(self.video, *BOX)
            self.assertEqual(result.returncode, 1, result.stderr)
            self.assertEqual(result.stderr.splitlines(), [
                f"track: {self.out / name} is a folder: give another --output or --name"])
            (self.out / name).rmdir()
            (self.out / name).write_text("former")

    def test_the_input_is_no_place_for_them(self):
        for name in ("short.mp4", "short.mp4.part"):
            path = self.out / name
            path.write_bytes(self.video.read_bytes())
            result = self.track(path, *BOX, "--name", "short")
            self.assertEqual(result.returncode, 1, result.stderr)
            self.assertIn("is the input itself", result.stderr)
            self.assertEqual(path.read_bytes(), self.video.read_bytes())

    def test_the_prompts_are_no_place_for_them(self):
        path = self.out / "short.jsonl"
        path.write_text('{"frame": 0, "box": [100, 60, 80, 80]}\n')
        before = path.read_text()
        result = self.track(self.video, "--prompts", path)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("short.jsonl is the input itself", result.stderr)
        self.assertEqual(path.read_text(), before)

    def test_video_and_lines_stay_when_the_sheet_cannot_be_made(self):
        broken = ("import runpy, sys; sys.path.insert(0, sys.argv[1])\n"
                  "from common import gstreamer\n"
                  "def convert(*_): raise gstreamer.GLib.Error('no such conversion')\n"
                  "gstreamer.GstVideo.video_convert_sample = convert\n"
                  "del sys.argv[:2]\n"
                  "runpy.run_path(sys.argv[0], run_name='__main__')")
        result = subprocess.run(
            ["/usr/bin/python3", "-c", broken, TRACK.parent, TRACK, self.video, *BOX, "--output",
             self.out], capture_output=True, text=True, timeout=300, check=False)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertEqual(result.stderr.splitlines()[-1],
                         f"track: {self.out / 'short.png'}: no such conversion")
        self.assertNotIn("Traceback", result.stderr)
        self.assertEqual(result.stdout.split(), [str(self.out / name) for name in
                                                 ("short.mp4", "short.jsonl")])
        self.assertEqual(self.former(), ["png"])


class BadInput(Folder):
    def test_windows_that_are_not_allowed(self):
        for window in "search", "follow":
            for value in -1, 11:
                self.assert_fails(self.track(self.short(), "--box", "1,2,3,4", f"--{window}-window", value),
                                  f"{window}-window", "not allowed")

    def test_no_such_file(self):
        self.assert_fails(self.track("nowhere.mp4", *BOXES), "no file 'nowhere.mp4'")

    def test_nothing_to_follow(self):
        self.assert_fails(self.track(CARS), "--box")

    def test_malformed_boxes(self):
        for text in ("", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1;2;3;4", "nan,1,2,3", "1,2,inf,3"):
            with self.subTest(text):
                self.assert_fails(self.track(CARS, "--box", text), "x,y,width,height")

    def test_empty_boxes(self):
        for text in ("10,10,0,20", "10,10,20,-5"):
            with self.subTest(text):
                self.assert_fails(self.track(CARS, "--box", text), text)

    def test_box_outside_the_frame_is_refused_and_the_video_goes_on(self):
        result = self.track(CARS, "--box", "700,10,50,50", *BOXES[2:])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("700", result.stderr)
        self.assertEqual(len(self.lines("cars")[0]["objects"]), 1)

    def test_no_such_prompts_file(self):
        self.assert_fails(self.track(CARS, "--prompts", "nowhere.jsonl"), "nowhere.jsonl")

    def test_broken_line_in_prompts_file(self):
        prompts = self.folder / "prompts.jsonl"
        prompts.write_text('{"frame": 0, "box": [1, 2, 30, 40]}\n{"frame": 1, \n')
        self.assert_fails(self.track(CARS, "--prompts", prompts), "2")

    def test_no_such_model(self):
        self.assert_fails(self.track(CARS, *BOXES, "--model", "huge"), "huge")

    def test_damaged_model(self):
        model = self.folder / "model.safetensors"
        source = ROOT / "models" / "builtin" / "builtin.safetensors"
        model.write_bytes(source.read_bytes()[:100000])
        self.assert_fails(self.track(CARS, *BOXES, "--model", model), "model.safetensors")

    def test_unknown_precision(self):
        self.assert_fails(self.track(CARS, *BOXES, "--precision", "fp8"), "fp8")

    def test_unknown_device(self):
        self.assert_fails(self.track(CARS, *BOXES, "--device", "abacus"), "abacus")

    def test_missing_gpu(self):
        if os.path.exists("/dev/nvidia0"):
            self.skipTest("there is a GPU")
        self.assert_fails(self.track(CARS, *BOXES, "--device", "cuda"), "cuda")

    def test_core_library_missing(self):
        environment = dict(os.environ, GST_SAM2_CORE="/nowhere/libsam2core.so")
        self.assert_fails(self.track(CARS, *BOXES, env=environment), "/nowhere/libsam2core.so")

    def test_empty_file(self):
        (self.folder / "empty.mp4").touch()
        self.assert_fails(self.track(self.folder / "empty.mp4", *BOXES))

    def test_no_video(self):
        (self.folder / "text.mp4").write_text("no video\n")
        self.assert_fails(self.track(self.folder / "text.mp4", *BOXES), "text.mp4: ")

    def test_sound_only(self):
        launch("audiotestsrc num-buffers=10 ! vorbisenc ! oggmux ! "
               f"filesink location={self.folder}/sound.ogg")
        self.assert_fails(self.track(self.folder / "sound.ogg", *BOXES), "no video")

    def test_output_is_a_file(self):
        (self.folder / "file").touch()
        result = track(CARS, *BOXES, "--output", self.folder / "file")
        self.assertEqual(result.returncode, 1)
        self.assertNotIn("Traceback", result.stderr)
        self.assertIn("file", result.stderr)


class Demo(unittest.TestCase):
    def test_names_its_three_files(self):
        result = subprocess.run([ROOT / "pipelines" / "demo"], capture_output=True, text=True,
                                timeout=600, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.split(), ["out/demo.mp4", "out/demo.jsonl", "out/demo.png"])
        for name in result.stdout.split():
            self.assertGreater((ROOT / name).stat().st_size, 0)


if __name__ == "__main__":
    unittest.main()
