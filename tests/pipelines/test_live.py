# SPDX-License-Identifier: Apache-2.0
"""pipelines/live before an RTSP server of this machine that goes away, comes back and loses packets."""

import json
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from programs import CARS, ENVIRONMENT, PATIENCE, ROOT, Program, serve, wait_for

try:
    gi.require_version("GstRtspServer", "1.0")
    HAS_RTSP = True
except ValueError:
    HAS_RTSP = False

Gst.init(None)
LIVE = ROOT / "pipelines" / "live"
SERVER = pathlib.Path(__file__).resolve().parent / "rtsp_server.py"
SQUARE = "120,80,80,80"  # of the server
PROMPT = '{"label": "square", "box": [120, 80, 80, 80]}'


class Viewer:
    """Looks at painted video. Not a gst-launch-1.0, which goes from paused to closed so fast that
    rtspsrc may cut off its own PAUSE request and then tells of an error."""

    def __init__(self, test, address):
        self.pipeline = Gst.parse_launch(
            f"rtspsrc location={address} latency=0 ! rtph264depay ! avdec_h264 ! "
            "appsink name=sink sync=false")
        test.addCleanup(self.leave)
        self.pipeline.set_state(Gst.State.PLAYING)

    def see(self, frames, within=PATIENCE):
        sink, end = self.pipeline.get_by_name("sink"), time.monotonic() + within
        for seen in range(frames):
            left = max(0, end - time.monotonic())
            if not sink.emit("try-pull-sample", int(left * Gst.SECOND)):
                error = self.pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
                raise AssertionError(f"only {seen} frames came: "
                                     f"{error and error.parse_error().gerror.message}")

    def leave(self):
        self.pipeline.set_state(Gst.State.NULL)


class Client:
    """Of the TCP port."""

    def __init__(self, test, program):
        line = program.wait_for_error("JSON lines on ")
        host, port = line.split()[-1].rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), PATIENCE)
        self.file = self.socket.makefile("rb")
        test.addCleanup(self.socket.close)
        test.addCleanup(self.file.close)

    def read(self):
        line = self.file.readline()
        assert line, "the connection was closed"
        return json.loads(line)

    def read_until(self, condition):
        """The first line that fulfils it."""
        for _ in range(2000):
            if condition(line := self.read()):
                return line
        raise AssertionError("no such line came")

    def write(self, line):
        self.socket.sendall(line.encode() + b"\n")


def tracked(line):
    return [found["id"] for found in line.get("objects", []) if found["state"] == "tracked"]


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def live(self, *arguments, **environment):
        return Program(self, LIVE, *arguments, **environment)

    def listening(self, *arguments, **environment):
        program = self.live(*arguments, "--json", "0", "--masks", "none", **environment)
        return program, Client(self, program)

    def long_video(self, rate=15):
        path = self.folder / "long.mp4"
        subprocess.run(["gst-launch-1.0", "-q", *(
            f"videotestsrc num-buffers={100 * rate} pattern=ball ! "
            f"video/x-raw,width=321,height=241,framerate={rate}/1,format=Y444 ! "
            f"x264enc speed-preset=ultrafast ! mp4mux ! filesink location={path}").split()],
            check=True, timeout=120)
        return path


@unittest.skipUnless(HAS_RTSP, "gir1.2-gst-rtsp-server-1.0 is missing")
class Camera(Folder):
    def camera(self, port=0, drop=0.0):
        server = Program(self, "/usr/bin/python3", SERVER, port, drop)
        wait_for(lambda: server.out, "the server")
        return server, int(server.out[0])

    def test_objects_outlive_a_restart_of_the_server(self):
        server, port = self.camera()
        live, client = self.listening(f"rtsp://127.0.0.1:{port}/camera", "--box", SQUARE)
        client.read_until(lambda line: tracked(line) == [1])
        server.stop(signal.SIGKILL)
        live.wait_for_error("trying again")
        told = len(live.err)
        time.sleep(1)  # a hole in the stream that on-discont=reset would not forgive
        self.camera(port)
        live.wait_for_error("receiving", after=told)
        before = client.read()["pts"]
        line = client.read_until(lambda line: line["pts"] > before + 1e9 and tracked(line))
        self.assertEqual(tracked(line), [1])
        x, y, width, height = line["objects"][0]["bbox"]
        for value, truth in zip((x, y, x + width, y + height), (120, 80, 200, 160)):
            self.assertLess(abs(value - truth), 12, line)
        client.write('{"id": 9, "box": [10, 10, 60, 60]}')
        client.read_until(lambda line: 9 in [found["id"] for found in line["objects"]])
        self.assertEqual(live.stop(signal.SIGTERM), 0, live.err)

    def test_packet_loss(self):
        _, port = self.camera(drop=0.03)
        live, client = self.listening(f"rtsp://127.0.0.1:{port}/camera", "--transport", "udp",
                                      "--latency", 100)
        client.read()
        client.write(PROMPT)
        first = client.read_until(tracked)
        lines = [client.read() for _ in range(60)]
        self.assertGreater(lines[-1]["frame"], first["frame"])
        seen = [line for line in lines if tracked(line)]
        self.assertGreater(len(seen), 50)
        self.assertEqual({found["id"] for line in lines for found in line["objects"]}, {1})
        self.assertEqual(live.stop(signal.SIGTERM), 0, live.err)

    def test_painted_video_over_rtsp_and_hls(self):
        _, port = self.camera()
        hls = self.folder / "hls"
        live, client = self.listening(f"rtsp://127.0.0.1:{port}/camera", "--rtsp", "0/eye",
                                      "--hls", hls, "--box", SQUARE)
        address = live.wait_for_error("painted video on rtsp:").split()[-1]
        self.assertTrue(address.endswith("/eye"))
        client.read_until(tracked)
        for _ in range(2):  # the second one comes to a server that somebody has just left
            viewer = Viewer(self, address)
            viewer.see(frames=20)
            viewer.leave()
        wait_for(lambda: len(list(hls.glob("*.ts"))) > 1, "segments")
        self.assertEqual(live.stop(signal.SIGTERM), 0, live.err)
        playlist = (hls / "live.m3u8").read_text()
        self.assertIn("#EXT-X-ENDLIST", playlist)
        for name in playlist.split():
            self.assertTrue(name.startswith("#") or (hls / name).stat().st_size > 0, name)

    def test_a_client_may_come_before_the_first_frame(self):
        server, port = self.camera()
        server.stop(signal.SIGKILL)
        live = self.live(f"rtsp://127.0.0.1:{port}/camera", "--rtsp", "0")
        address = live.wait_for_error("painted video on rtsp:").split()[-1]
        live.wait_for_error("trying again")
        viewer = Viewer(self, address)
        time.sleep(1)  # for it to ask
        self.camera(port)
        viewer.see(frames=20)
        self.assertEqual(live.stop(signal.SIGTERM), 0, live.err)

    def test_a_client_need_not_wait_for_the_next_key_frame(self):
        live, client = self.listening(self.long_video(rate=2), "--rtsp", "0")
        address = live.wait_for_error("painted video on rtsp:").split()[-1]
        client.read_until(lambda line: line.get("frame") == 2)
        Viewer(self, address).see(frames=4, within=20)  # half a minute is between two of them
        self.assertEqual(live.stop(signal.SIGTERM), 0, live.err)

    def test_wrong_path_is_tried_again_until_the_end_is_asked_for(self):
        _, port = self.camera()
        live = self.live(f"rtsp://127.0.0.1:{port}/nothing")
        live.wait_for_error("trying again")
        self.assertEqual(live.stop(signal.SIGINT), 0)

    def test_rtsp_port_in_use(self):
        _, port = self.camera()
        live = self.live(CARS, "--rtsp", port)
        self.assertEqual(live.wait(), 1)
        self.assertIn(f"127.0.0.1:{port}", "".join(live.err))


class Pace(Folder):
    """With a core whose steps take 20 ms, and 100 frames a second."""

    def lines(self, *options):
        video, model = self.folder / "fast.mp4", self.folder / "slow.safetensors"
        model.touch()
        subprocess.run(["gst-launch-1.0", "-q", *(
            "videotestsrc num-buffers=60 pattern=white ! "
            "video/x-raw,width=64,height=64,framerate=100/1,format=I420 ! "
            f"x264enc speed-preset=ultrafast ! mp4mux ! filesink location={video}").split()],
            check=True, timeout=PATIENCE)
        live = self.live(video, "--box", "0,0,64,64", "--model", model, *options,
                         GST_SAM2_CORE=str(ROOT / "build" / "tests" / "gst" / "libfakecore.so"))
        self.assertEqual(live.wait(), 0, live.err)
        lines = [json.loads(line) for line in live.out]
        self.assertGreater(len(lines), 30)
        self.assertEqual({tuple(tracked(line)) for line in lines}, {(1,)})
        return lines

    def test_what_there_is_no_time_for_is_predicted(self):
        predicted = [line["objects"][0].get("predicted", False) for line in self.lines()]
        self.assertIn(True, predicted)
        self.assertIn(False, predicted)

    def test_every_frame(self):
        for line in self.lines("--every-frame"):
            self.assertNotIn("predicted", line["objects"][0])


class Prompts(Folder):
    def test_over_tcp_good_and_bad(self):
        live, client = self.listening(self.long_video())
        client.read()
        other = Client(self, live)
        client.write('{"id": 3, "points": [[160, 120, 1]], "label": "ball"}')
        client.read_until(lambda line: line.get("objects"))
        for line, answer in (("nonsense", "not a JSON object"), ("[]", "not a JSON object"),
                             ('{"box": {}}', "box cannot be"), ('{"id": true}', "id cannot be"),
                             ('{"id": 99999999999999999999}', "id cannot be"),
                             ("[" * 20000, "not a JSON object")):
            client.write(line)
            told = client.read_until(lambda line: "warning" in line)
            self.assertIn(answer, told["warning"])
        client.write('{"id": 44, "action": "remove"}')
        told = other.read_until(lambda line: "warning" in line)  # the first one that it gets
        self.assertIn("object 44 does not exist", told["warning"])
        self.assertEqual(other.read_until(lambda line: line.get("objects"))["objects"][0]["id"], 3)
        self.assertEqual(live.stop(signal.SIGTERM), 0, live.err)

    def test_a_line_without_end_closes_only_its_connection(self):
        live, client = self.listening(self.long_video())
        other = Client(self, live)
        with self.assertRaises(OSError):
            for _ in range(1000):
                other.socket.sendall(b"x" * 65536)
        client.read()
        client.read()
        self.assertEqual(live.stop(signal.SIGTERM), 0, live.err)

    def test_from_standard_input(self):
        live = self.live(self.long_video(), "--prompts", "-", "--masks", "none")
        live.write("{")
        live.wait_for_error("not a JSON object")
        live.write(PROMPT)
        wait_for(lambda: any('"square"' in line for line in list(live.out)), "the object")
        self.assertEqual(live.stop(signal.SIGTERM), 0, live.err)
        json.loads(live.out[-1])

    def test_a_detector_prompts(self):
        live = self.live(CARS, "--detector", "identity ! queue", "--box", "110,0,103,100")
        self.assertEqual(live.wait(), 0, live.err)
        self.assertTrue(live.out)


class Web(Folder):
    """Over HTTP: a camera's pictures (JPEG), which may go on for ever, and a file."""

    def encoded(self, elements):
        path = self.folder / "encoded"
        subprocess.run(["gst-launch-1.0", "-q", *(
            "videotestsrc num-buffers=10 ! video/x-raw,width=64,height=48,framerate=10/1 ! "
            f"{elements} ! filesink location={path}").split()], check=True, timeout=PATIENCE)
        return path.read_bytes()

    def test_a_stream_that_ends_is_opened_again(self):
        address, requests = serve(self, "multipart/x-mixed-replace; boundary=next",
                                       self.encoded("jpegenc ! multipartmux boundary=next"))
        live = self.live(address, "--masks", "none")
        live.wait_for_error("the stream ended; trying again")
        wait_for(lambda: len(requests) > 2, "further requests")
        wait_for(lambda: len(live.out) > 20, "frames of further answers")
        self.assertEqual(live.stop(signal.SIGTERM), 0, live.err)

    def test_a_reader_who_goes_away_ends_it(self):
        video = self.long_video()
        run = subprocess.run(f"{LIVE} {video} --masks none | head -n 3", shell=True,
                             env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE,
                             check=False)
        self.assertEqual((len(run.stdout.splitlines()), run.stderr), (3, ""))

    def test_a_full_disk_is_told(self):
        with open("/dev/full", "wb") as full:
            run = subprocess.run([LIVE, self.long_video(), "--masks", "none"], env=ENVIRONMENT,
                                 stdout=full, stderr=subprocess.PIPE, text=True, timeout=PATIENCE,
                                 check=False)
        self.assertEqual((run.returncode, run.stderr),
                         (1, "live: standard output: No space left on device\n"))

    def test_a_file_ends_the_program(self):
        data = self.encoded("x264enc ! mp4mux")
        address, requests = serve(self, "video/mp4", data, [("Content-Length", str(len(data)))])
        live = self.live(address, "--masks", "none")
        self.assertEqual(live.wait(), 0, live.err)
        self.assertEqual((len(live.out), live.err), (10, []))
        self.assertEqual(set(requests), {"/camera"})


class SearchWindow(Folder):
    def test_it_is_a_box_and_a_half_with_the_built_in_model(self):
        found = {}
        for name, arguments in {"default": (), "half": ("--search-window", 1.5),
                                "none": ("--search-window", 0),
                                "twice": ("--second-look",)}.items():
            live = self.live(CARS, "--box", "110,0,103,100", "--every-frame", *arguments)
            self.assertEqual(live.wait(), 0, live.err)
            first = next(line for line in map(json.loads, live.out) if tracked(line))
            found[name] = first["objects"][0]["segmentation"]
        self.assertEqual(found["default"], found["half"])
        self.assertNotEqual(found["default"], found["none"])
        self.assertNotEqual(found["default"], found["twice"])


class BadInput(Folder):
    def assert_fails(self, *arguments, text):
        live = self.live(*arguments)
        self.assertGreater(live.wait(), 0)
        self.assertIn(text, "".join(live.err))
        self.assertNotIn("Traceback", "".join(live.err))

    def test_input(self):
        (self.folder / "text.mp4").write_text("no video\n")
        self.assert_fails("nowhere.mp4", text="no file 'nowhere.mp4'")
        self.assert_fails("xyz://a", text="xyz")
        self.assert_fails(self.folder / "text.mp4", text="text.mp4: ")
        sound = self.folder / "sound.wav"
        subprocess.run(["gst-launch-1.0", "-q", *(
            f"audiotestsrc num-buffers=10 ! wavenc ! filesink location={sound}").split()],
            check=True, timeout=PATIENCE)
        self.assert_fails(sound, text=f"live: {sound}: there is no video in it\n")

    def test_options(self):
        self.assert_fails(CARS, "--box", "1,2,3", text="x,y,width,height")
        self.assert_fails(CARS, "--json", "70000", text="[HOST:]PORT")
        self.assert_fails(CARS, "--rtsp", "here/there", text="[HOST:]PORT")
        self.assert_fails(CARS, "--prompts", "nowhere", text="nowhere")
        self.assert_fails(CARS, "--detector", "nothing", text="nothing")
        self.assert_fails(CARS, "--model", "huge", text='"huge"')
        self.assert_fails(CARS, "--max-objects", "0", text="max-objects")
        self.assert_fails(CARS, "--latency", "-1", text="--latency: '-1' is not a whole number")
        self.assert_fails(CARS, "--timeout", "nan", text="--timeout: 'nan' is not a number above 0")
        self.assert_fails(CARS, "--search-window", "11", text="search-window 11.0 is not allowed")

    def test_json_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.assert_fails(CARS, "--json", port, text=f"127.0.0.1:{port}")

    def test_hls_folder_is_a_file(self):
        (self.folder / "file").touch()
        self.assert_fails(CARS, "--hls", self.folder / "file", text="file")


if __name__ == "__main__":
    unittest.main()
