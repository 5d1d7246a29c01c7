#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes golden.json beside this script: what Pillow 13, torchvision and
pycocotools make of the pictures and masks of tests/core/image_pictures.h."""
import json
import pathlib

import numpy as np
from PIL import Image
from pycocotools import mask as coco
from torchvision.transforms import Normalize, Resize, ToTensor

HERE = pathlib.Path(__file__).parent
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIZES = [(64, 36, 32), (36, 64, 32), (40, 64, 32), (5, 3, 16), (1, 1, 8), (16, 16, 64), (64, 64, 64)]
MASKS = [(1, 1, 1), (7, 5, 3), (40, 30, 100), (64, 48, 500), (33, 70, 7), (200, 3, 900)]


def picture(width, height):
    y, x, c = np.mgrid[:height, :width, :3]
    return ((x * x * (c + 1) // 7 + y * 13 + x * y // 3 + c * 40) % 256).astype(np.uint8)


def shape(width, height, grain):
    y, x = np.mgrid[:height, :width]
    return ((x * x + 3 * y * y + x * y) // grain % 3 == 0).astype(np.uint8)


def video(pixels, size):
    """_load_img_as_tensor and the normalisation of load_video_frames."""
    levels = np.array(Image.fromarray(pixels).resize((size, size))) / 255.0
    return ((levels - MEAN) / STD).transpose(2, 0, 1)


def stills(pixels, size):
    """SAM2Transforms."""
    return Normalize(MEAN, STD)(Resize((size, size))(ToTensor()(pixels))).numpy()


def frames():
    for mode, resize in (("video", video), ("stills", stills)):
        for width, height, size in SIZES:
            result = resize(picture(width, height), size)
            samples = [[c, y, x, round(float(result[c, y, x]), 6)]
                       for c in range(3) for y in range(c, size, size // 4)
                       for x in range(2 * c, size, size // 4)]
            yield {"mode": mode, "width": width, "height": height, "size": size,
                   "samples": samples}


def masks():
    for width, height, grain in MASKS:
        rle = coco.encode(np.asfortranarray(shape(width, height, grain)))
        yield {"width": width, "height": height, "grain": grain, "counts": rle["counts"].decode()}


def main():
    with open(HERE / "golden.json", "w") as file:
        json.dump({"frames": list(frames()), "masks": list(masks())}, file)


if __name__ == "__main__":
    main()
