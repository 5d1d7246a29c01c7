# SPDX-License-Identifier: Apache-2.0
"""A longer video out of the sample clip: played forwards and backwards, so that nothing jumps."""

import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SOURCE = ROOT / "pipelines" / "data" / "cars.mp4"
WIDTH, HEIGHT = 640, 360
BOXES = ["110,0,103,100", "266,300,134,60"]  # the cars on the first frame
# More objects for the same frame: marks on the ground and plain ground.
MORE_BOXES = ["480,0,50,40", "300,140,80,60", "560,280,60,60"]


def launch(text, **options):
    return subprocess.run(["gst-launch-1.0", "-q", *text.split()], check=True, **options)


def cycle():
    """Frames of 640x360 in I420, forwards and backwards, that make a loop."""
    raw = launch(f"filesrc location={SOURCE} ! decodebin ! videoconvert ! "
                 "video/x-raw,format=I420 ! fdsink fd=1", stdout=subprocess.PIPE).stdout
    size = WIDTH * HEIGHT * 3 // 2
    once = [raw[at:at + size] for at in range(0, len(raw), size)]
    return once + once[-2:0:-1]


def write_raw(path):
    """Writes the loop once."""
    pathlib.Path(path).write_bytes(b"".join(cycle()))


def write(path, frames):
    """Writes `frames` frames of 640x360 as H.264 in .mp4."""
    loop = cycle()
    data = b"".join(loop[i % len(loop)] for i in range(frames))
    launch(f"fdsrc fd=0 ! rawvideoparse format=i420 width={WIDTH} height={HEIGHT} framerate=25/1 "
           f"! x264enc speed-preset=veryfast ! h264parse ! mp4mux ! filesink location={path}",
           input=data)
