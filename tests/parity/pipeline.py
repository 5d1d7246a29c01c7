# SPDX-License-Identifier: Apache-2.0
"""Runs gst-launch-1.0 with this checkout's elements on raw frames, and reads the masks back."""

import itertools
import json
import os
import pathlib
import subprocess
import threading

import numpy as np
from pycocotools import mask as coco

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def environment():
    """The process environment that finds the built plugin, core and models."""
    return dict(os.environ, OMP_WAIT_POLICY="passive",
                GST_PLUGIN_PATH=str(ROOT / "build" / "gst"),
                GST_SAM2_CORE=str(ROOT / "build" / "src" / "libsam2core.so"),
                GST_SAM2_MODEL_PATH=str(ROOT / "models"))


def write_frames(stream, frames):
    """Raw RGB with rows padded to 4 bytes, as GStreamer's default layout has them."""
    with stream:
        for frame in frames:
            height, width, _ = frame.shape
            rows = np.zeros((height, -(-width * 3 // 4) * 4), np.uint8)
            rows[:, :width * 3] = frame.reshape(height, width * 3)
            try:
                stream.write(rows.tobytes())
            except BrokenPipeError:
                return  # the pipeline's own message tells why


def track(frames, boxes, **properties):
    """Yields, frame by frame, {object: mask [H, W] of bool}.

    frames: [H, W, 3] RGB arrays of one size; boxes: {object: (x, y, width, height)} on the first
    frame; properties: of sam2track.
    """
    frames = iter(frames)
    first = next(frames)
    height, width, _ = first.shape
    text = ";".join(",".join(f"{value:g}" for value in box) for box in boxes.values())
    settings = [f"{name.replace('_', '-')}={value}" for name, value in properties.items()]
    process = subprocess.Popen(
        ["gst-launch-1.0", "-q", "fdsrc", "fd=0", "!", "rawvideoparse", "format=rgb",
         f"width={width}", f"height={height}", "framerate=25/1", "!",
         "sam2track", f"box={text}", *settings, "!", "sam2jsonenc", "!", "fdsink", "fd=1"],
        env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    writer = threading.Thread(target=write_frames,
                              args=(process.stdin, itertools.chain([first], frames)))
    writer.start()
    names = dict(enumerate(boxes, 1))  # the tracker numbers boxes from 1 in their order
    for line in process.stdout:
        masks = {name: np.zeros((height, width), bool) for name in boxes}
        for found in json.loads(line)["objects"]:
            if found.get("segmentation"):
                masks[names[found["id"]]] = coco.decode(found["segmentation"]).astype(bool)
        yield masks
    writer.join()
    if process.wait() != 0:
        raise RuntimeError(f"gst-launch-1.0 ended with {process.returncode}")
