# SPDX-License-Identifier: Apache-2.0
"""Other forms of masks: label maps and labelme's JSON."""

import colorsys
import json

from PIL import Image


def decode_rle(counts, width, height):
    """COCO's compressed run lengths as a Pillow image of 0 and 255."""
    columns = bytearray()
    for i, run in enumerate(_runs(counts)):
        columns += (b"\xff" if i % 2 else b"\x00") * run
    return Image.frombytes("L", (height, width), bytes(columns)).transpose(
        Image.Transpose.TRANSPOSE)


def _runs(counts):
    """Numbers of 5 bits a character, lowest first; from the third on as differences to the last
    but one."""
    runs, at = [], 0
    while at < len(counts):
        value, shift = 0, 0
        while True:
            bits = ord(counts[at]) - 48
            at += 1
            value |= (bits & 0x1F) << shift
            shift += 5
            if not bits & 0x20:
                break
        if bits & 0x10:
            value -= 1 << shift
        if len(runs) > 2:
            value += runs[-2]
        runs.append(value)
    return runs


def _palette():
    """0 is black, its neighbours differ in hue."""
    colours = [0, 0, 0]
    for i in range(1, 256):
        rgb = colorsys.hsv_to_rgb(i * 0.618034 % 1, 0.55 + 0.45 * (i % 3) / 2, 0.95)
        colours += [round(255 * value) for value in rgb]
    return colours


def label_map(objects, width, height):
    """Every pixel's object, counted from 1 in the objects' order; small objects over large ones.
    8 bits with a palette, or 16 bits for more than 255 objects."""
    large = len(objects) > 255
    picture = Image.new("I" if large else "P", (width, height), 0)  # 16 bits take no paste
    if not large:
        picture.putpalette(_palette())
    order = sorted(range(len(objects)), key=lambda i: -objects[i]["area"])
    for i in order:
        if "segmentation" not in objects[i]:
            continue
        mask = decode_rle(objects[i]["segmentation"]["counts"], width, height)
        picture.paste(i + 1, (0, 0, width, height), mask)
    return picture.convert("I;16") if large else picture


def labelme(objects, label, picture_path, width, height):
    """A picture's polygons as labelme reads them; the parts of an object share a group. label: of
    objects without one."""
    shapes = [{"label": found.get("label", label),
               "points": [list(point) for point in zip(polygon[::2], polygon[1::2])],
               "group_id": number, "shape_type": "polygon", "flags": {}}
              for number, found in enumerate(objects, 1)
              for polygon in found.get("segmentation", [])]
    return json.dumps({"version": "5.0.1", "flags": {}, "shapes": shapes,
                       "imagePath": picture_path, "imageData": None,
                       "imageHeight": height, "imageWidth": width})
