# SPDX-License-Identifier: Apache-2.0
"""Frames per second from a video file to an overlay video and JSON, here and in the reference.

Both sides get the same 640x360 video, weights and boxes, decode it, track, paint, encode and write;
they run in turn. What is not counted on either side: loading Python, the plugin and the model.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import cv2
import numpy as np
import torch
from pycocotools import mask as coco

import builtin_model
import clip
import reference
from sequences import ROOT

COLOURS = np.array([[60, 60, 230], [230, 160, 30], [60, 200, 60], [200, 60, 200], [40, 200, 220]])


def ours(video, boxes, folder, model):
    """Frames a second as pipelines/track reports them."""
    arguments = [argument for box in boxes for argument in ("--box", box)]
    result = subprocess.run(
        [ROOT / "pipelines" / "track", video, *arguments, "--model", model, "--output", folder / "ours"],
        check=True, capture_output=True, text=True)
    return float(re.findall(r"([\d.]+) frames/s", result.stderr)[-1])


def paint(frame, masks):
    for obj, mask in masks.items():
        frame[mask] = frame[mask] // 2 + (COLOURS[(obj - 1) % len(COLOURS)] // 2).astype(np.uint8)


def json_line(index, masks):
    objects = []
    for obj, mask in masks.items():
        code = coco.encode(np.asfortranarray(mask, np.uint8))
        objects.append({"id": obj, "bbox": coco.toBbox(code).tolist(),
                        "segmentation": {"size": code["size"], "counts": code["counts"].decode()}})
    return json.dumps({"frame": index, "objects": objects}) + "\n"


def theirs(video, boxes, folder, predictor):
    """The official predictor on the .mp4, with OpenCV for painting and writing."""
    numbered = {i: tuple(float(v) for v in box.split(",")) for i, box in enumerate(boxes, 1)}
    start = time.perf_counter()
    capture = cv2.VideoCapture(str(video))
    writer = cv2.VideoWriter(str(folder / "reference.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 25,
                             (clip.WIDTH, clip.HEIGHT))
    frames = 0
    with open(folder / "reference.jsonl", "w", encoding="ascii") as lines:
        for masks in reference.track(predictor, video, numbered):
            _, frame = capture.read()
            paint(frame, masks)
            writer.write(frame)
            lines.write(json_line(frames, masks))
            frames += 1
    writer.release()
    return frames / (time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--frames", type=int, default=240)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--model",
                        default=str(ROOT / "models" / "builtin" / "builtin.safetensors"))
    arguments = parser.parse_args()
    predictor = builtin_model.build(arguments.model)
    print(f"reference: torch {torch.__version__}, {torch.get_num_threads()} threads, fp32")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        video = folder / "loop.mp4"
        clip.write(video, arguments.frames)
        for boxes in (clip.BOXES[:1], clip.BOXES + clip.MORE_BOXES):
            pairs = [(ours(video, boxes, folder, arguments.model),
                      theirs(video, boxes, folder, predictor))
                     for _ in range(arguments.rounds)]
            mine, other = np.mean(pairs, axis=0)
            print(f"{len(boxes)} object(s), {arguments.frames} frames of 640x360: "
                  f"{mine:.1f} frames/s, reference {other:.1f} frames/s, ratio {mine / other:.2f}  "
                  f"(rounds: {', '.join(f'{a:.1f}/{b:.1f}' for a, b in pairs)})", flush=True)


if __name__ == "__main__":
    main()
