# SPDX-License-Identifier: Apache-2.0
"""A bar chart with Pillow alone."""

from PIL import Image, ImageDraw, ImageFont

COLOURS = {"core": (214, 96, 40), "plain": (226, 150, 110), "ahead": (170, 60, 20),
           "eager": (110, 140, 170), "compiled": (60, 90, 130)}
BAR, GAP, LEFT, RIGHT, TOP = 22, 14, 200, 110, 44


def draw_bars(path, title, groups):
    """groups: [(label, {name: value})]; a bar's colour goes by its name up to the hyphen. Each
    group has a scale of its own: its longest bar is as long as the plot is wide."""
    width = 900
    height = TOP + sum(len(bars) * BAR + GAP for _, bars in groups)
    image = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(image)
    font = ImageFont.load_default(14)
    pen.text((LEFT, 12), title, "black", font)
    top = TOP
    for label, bars in groups:
        pen.text((10, top + 3), label, "black", font)
        scale = (width - LEFT - RIGHT - 100) / max(bars.values())
        for name, value in bars.items():
            pen.text((LEFT, top + 3), name, "black", font)
            start = LEFT + 100
            pen.rectangle([start, top + 3, start + value * scale, top + BAR - 3],
                          COLOURS[name.split("-")[0]])
            pen.text((start + value * scale + 6, top + 3), f"{value:.2f}", "black", font)
            top += BAR
        top += GAP
    image.save(path)
