#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the pictures of README.md and stills.md anew: after a change of the built-in model, or of what is painted.

    docs/pictures.py

Needs what ./setup installs; the window is opened in a virtual display."""
import pathlib
import subprocess
import sys
import tempfile

from PIL import Image, ImageGrab

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
CLIP = ROOT / "pipelines" / "data" / "cars.mp4"
BOTH = 18  # a frame of it that shows both cars
CARS = {"grey": (64, 80, 208, 359), "red": (262, 88, 398, 326)}  # corners there

sys.path.append(str(ROOT / "tests" / "pipelines"))
from test_annotate import Window  # noqa: E402


def run(program, *arguments):
    subprocess.run([str(part) for part in (program, *arguments)], check=True, stdout=subprocess.DEVNULL)


def frames(video, folder):
    folder.mkdir()
    run("gst-launch-1.0", "-q", "filesrc", f"location={video}", "!", "decodebin", "!", "videoconvert", "!", "pngenc", "!",
        "multifilesink", f"location={folder}/%04d.png")
    return sorted(folder.iterdir())


def box(name):
    x0, y0, x1, y1 = CARS[name]
    return f"{x0},{y0},{x1 - x0},{y1 - y0}"


def side_by_side(pictures, gap):
    width = sum(picture.width + gap for picture in pictures) - gap
    whole = Image.new("RGB", (width, pictures[0].height), "white")
    left = 0
    for picture in pictures:
        whole.paste(picture, (left, 0))
        left += picture.width + gap
    return whole


def demo(folder):
    """Three frames of the demo's clip."""
    run(ROOT / "pipelines" / "demo")
    shown = frames(ROOT / "out" / "demo.mp4", folder / "demo")
    some = [Image.open(shown[i * (len(shown) - 1) // 7]).convert("RGB").resize((320, 180)) for i in (2, 4, 6)]
    side_by_side(some, gap=0).save(HERE / "demo.png")


def segment(name, still, folder, *arguments):
    run(ROOT / "pipelines" / "segment", still, *arguments, "--output", folder / name)
    overlay, = (folder / name / "overlays").iterdir()
    Image.open(overlay).convert("RGB").save(HERE / f"{name}.jpg", quality=85)


def annotate(still):
    """One car is accepted, a box is drawn around the other; then its mask."""
    window = Window()
    window.setUp()
    try:
        window.open(still)

        def shot():
            return ImageGrab.grab(xdisplay=window.environment["DISPLAY"]).crop((0, 0, 640, 424))

        window.drag(*CARS["grey"])
        window.mouse("key", "Return")
        x0, y0, x1, y1 = CARS["red"]
        window.mouse("mousemove", x0, y0, "mousedown", 1)
        window.mouse("mousemove", x1 - 9, y1 - 9)
        window.mouse("mousemove", x1, y1)
        drawn = shot()
        window.mouse("mouseup", 1)
        window.mouse("mousemove", 600, 300)
        side_by_side([drawn, shot()], gap=8).save(HERE / "annotate.jpg", quality=85)
    finally:
        window.doCleanups()


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        still = frames(CLIP, folder / "frames")[BOTH]
        demo(folder)
        segment("segment", still, folder, "--box", box("grey"), "--box", box("red"))
        segment("everything", still, folder, "--everything", "--pred-iou-thresh", 0.4, "--stability-score-thresh", 0.6)
        annotate(still)


if __name__ == "__main__":
    main()
