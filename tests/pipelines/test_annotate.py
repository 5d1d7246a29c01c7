# SPDX-License-Identifier: Apache-2.0
"""pipelines/annotate in a virtual X display, with a synthetic mouse."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from PIL import Image, ImageDraw

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ANNOTATE = ROOT / "pipelines" / "annotate"
DISC = (200, 100, 360, 260)  # corners


@unittest.skipUnless(shutil.which("Xvfb") and shutil.which("xdotool"),
                     "Xvfb or xdotool is missing")
class Window(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        reader, writer = os.pipe()
        server = subprocess.Popen(["Xvfb", "-displayfd", str(writer), "-screen", "0",
                                   "1024x768x24"], pass_fds=(writer,), stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        os.close(writer)
        with os.fdopen(reader) as file:
            self.environment = dict(os.environ, DISPLAY=f":{file.readline().strip()}")

    def open(self, path):
        """Starts the program and waits for its window."""
        self.out = self.folder / "out.json"
        self.program = subprocess.Popen(
            [ANNOTATE, path, "--sink", "ximagesink", "--output", self.out, "--threads", "1"],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.program.stdout.close)
        self.addCleanup(self.program.stderr.close)
        self.addCleanup(self.program.wait)
        self.addCleanup(self.program.kill)
        self.mouse("search", "--sync", "--onlyvisible", "--class", ".")
        self.mouse("mousemove", 50, 50)  # without a window manager keys go where the mouse is
        time.sleep(3)  # the first frame

    def mouse(self, *arguments):
        subprocess.run(["xdotool", *map(str, arguments)], env=self.environment, check=True,
                       stdout=subprocess.DEVNULL, timeout=60)
        time.sleep(0.5)

    def drag(self, x0, y0, x1, y1):
        self.mouse("mousemove", x0, y0, "mousedown", 1)
        self.mouse("mousemove", (x0 + x1) // 2, (y0 + y1) // 2)
        self.mouse("mousemove", x1, y1)
        self.mouse("mouseup", 1)
        time.sleep(1)

    def click(self, x, y):
        self.mouse("mousemove", x, y)
        self.mouse("click", 1)
        time.sleep(1)

    def save(self):
        self.out.unlink(missing_ok=True)
        self.mouse("key", "s")
        end = time.monotonic() + 30
        while not self.out.exists():
            self.assertLess(time.monotonic(), end, "nothing was saved")
            time.sleep(0.1)
        return json.loads(self.out.read_text())

    def quit(self):
        self.mouse("key", "q")
        self.assertEqual(self.program.wait(timeout=60), 0)

    def accept_the_disc(self):
        self.drag(*DISC)
        self.mouse("key", "Return")
        time.sleep(1)

    def picture(self, scale=1):
        image = Image.new("RGB", (640 * scale, 360 * scale), (40, 60, 80))
        ImageDraw.Draw(image).ellipse([scale * side for side in DISC], fill=(230, 190, 60))
        path = self.folder / "disc.png"
        image.save(path)
        return path

    def test_box_click_undo_accept_discard_save(self):
        self.open(self.picture())
        self.drag(*DISC)
        self.assertEqual(self.save()["annotations"], [])  # not accepted yet
        self.click(500, 300)
        self.mouse("key", "u")
        self.mouse("key", "Return")
        time.sleep(1)
        self.drag(20, 20, 120, 120)
        self.mouse("key", "Escape")
        time.sleep(1)
        found, = self.save()["annotations"]
        x, y, w, h = found["bbox"]
        for value, true in zip((x, y, x + w, y + h), DISC):
            self.assertLess(abs(value - true), 40)
        self.quit()

    def test_a_large_picture_is_shrunk_for_the_window(self):
        self.open(self.picture(4))  # shown with a height of 680
        self.drag(*(round(4 * 680 / 1440 * side) for side in DISC))
        self.mouse("key", "Return")
        time.sleep(1)
        saved = self.save()
        self.assertEqual((saved["images"][0]["width"], saved["images"][0]["height"]), (2560, 1440))
        x, y, w, h = saved["annotations"][0]["bbox"]
        for value, true in zip((x, y, x + w, y + h), DISC):
            self.assertLess(abs(value - 4 * true), 160)
        self.quit()

    def test_keys_without_an_object(self):
        self.open(self.picture())
        for key in ("Return", "Escape", "u", "space", "x"):
            self.mouse("key", key)
        self.assertEqual(self.save()["annotations"], [])
        self.quit()

    def test_an_accepted_object_can_be_opened_again(self):
        self.open(self.picture())
        self.drag(*DISC)
        self.mouse("key", "Return")
        time.sleep(1)
        self.assertEqual(len(self.save()["annotations"]), 1)
        self.click((DISC[0] + DISC[2]) // 2, (DISC[1] + DISC[3]) // 2)
        self.assertEqual(self.save()["annotations"], [])
        self.mouse("key", "Return")
        time.sleep(1)
        self.assertEqual(len(self.save()["annotations"]), 1)
        self.quit()

    def test_q_alone_throws_nothing_away(self):
        self.open(self.picture())
        self.accept_the_disc()
        for key in ("h", "q", "h", "q"):  # another key between them: it is said again
            self.mouse("key", key)
            self.assertIsNone(self.program.poll())
        self.quit()
        self.assertFalse(self.out.exists())
        self.assertEqual(self.program.stderr.read(), "")

    def test_q_quits_at_once_without_accepted_objects(self):
        self.open(self.picture())
        self.drag(*DISC)
        self.quit()

    def test_what_changed_since_it_was_saved_is_not_saved(self):
        self.open(self.picture())
        self.accept_the_disc()
        self.save()
        self.click((DISC[0] + DISC[2]) // 2, (DISC[1] + DISC[3]) // 2)
        self.mouse("key", "Escape")
        time.sleep(1)
        self.mouse("key", "q")
        self.assertIsNone(self.program.poll())
        self.assertEqual(self.save()["annotations"], [])
        self.quit()

    def test_signals_end_it_at_once_and_what_is_not_saved_is_told(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number):
                self.open(self.picture())
                self.accept_the_disc()
                self.program.send_signal(number)
                self.assertEqual(self.program.wait(timeout=60), 0)
                self.assertEqual(self.program.stderr.read(), "annotate: ended without saving\n")

    def test_a_signal_after_saving(self):
        self.open(self.picture())
        self.accept_the_disc()
        self.save()
        self.program.send_signal(signal.SIGTERM)
        self.assertEqual(self.program.wait(timeout=60), 0)
        self.assertEqual(self.program.stderr.read(), "")

    def play(self, frames):
        """Plays the video until there are results of so many frames, and stops it. Returns what is
        saved then."""
        self.mouse("key", "space")
        end = time.monotonic() + 120
        while len(self.save()["images"]) < frames:
            self.assertLess(time.monotonic(), end)
        self.mouse("key", "space")
        time.sleep(3)
        return self.save()

    def follow_a_car(self):
        """Opens the video with a car that has been followed for some frames."""
        self.open(ROOT / "pipelines" / "data" / "cars.mp4")
        self.drag(110, 2, 213, 100)
        self.mouse("key", "Return")
        saved = self.play(4)
        frames = [image["frame"] for image in saved["images"]]
        self.assertEqual(frames, list(range(len(frames))))
        return saved["annotations"][-1]

    def click_on(self, found):
        x, y, w, h = found["bbox"]
        self.click(round(x + w / 2), round(y + h / 2))

    def test_followed_objects_can_be_corrected(self):
        found = self.follow_a_car()
        self.click_on(found)  # chooses it
        self.assertEqual(self.save()["annotations"][-1]["area"], found["area"])
        self.click_on(found)  # takes away
        corrected = self.save()
        self.assertNotEqual(corrected["annotations"][-1]["area"], found["area"])
        after = self.play(len(corrected["images"]) + 2)
        self.assertEqual({a["track_id"] for a in after["annotations"]}, {1})
        self.assertIn(after["images"][-1]["id"], [a["image_id"] for a in after["annotations"]])
        self.quit()

    def test_followed_objects_can_be_discarded_and_others_added(self):
        self.click_on(self.follow_a_car())
        self.mouse("key", "Escape")
        self.drag(266, 200, 400, 355)
        self.mouse("key", "Return")
        time.sleep(1)
        stopped = self.save()
        after = self.play(len(stopped["images"]) + 2)
        later = {a["track_id"] for a in after["annotations"]
                 if a["image_id"] >= stopped["images"][-1]["id"]}
        self.assertEqual(later, {2})
        self.quit()


class BadInput(unittest.TestCase):
    def expect(self, text, path):
        run = subprocess.run([ANNOTATE, path], capture_output=True, text=True, timeout=60,
                             check=False)
        self.assertNotEqual(run.returncode, 0)
        self.assertIn(text, run.stderr)
        self.assertNotIn("Traceback", run.stderr)
        self.assertNotIn("CRITICAL", run.stderr)

    def test_files_that_cannot_be_read(self):
        self.expect("there is no file", "/no/such/file.png")
        with tempfile.TemporaryDirectory() as folder:
            for name in ("a.png", "a.mp4"):
                path = pathlib.Path(folder) / name
                path.write_text("neither picture nor video")
                self.expect(f"annotate: {path}: ", path)
            path = pathlib.Path(folder) / "sound.wav"
            subprocess.run(["gst-launch-1.0", "-q", *(
                f"audiotestsrc num-buffers=10 ! wavenc ! filesink location={path}").split()],
                check=True, timeout=60)
            self.expect(f"annotate: {path}: there is no video in it\n", path)


if __name__ == "__main__":
    unittest.main()
