# SPDX-License-Identifier: Apache-2.0
"""Pictures as GStreamer takes them."""

import collections

from common.gstreamer import Gst

STRIP = 1 << 24  # bytes that are converted at once

Frame = collections.namedtuple("Frame", "width height buffer caps")


def of(image, framerate="0/1"):
    """The frame of a Pillow image in RGB. Strip by strip, so that there is no third copy of a large
    picture."""
    stride = (3 * image.width + 3) & ~3
    buffer = Gst.Buffer.new_allocate(None, stride * image.height, None)
    rows = max(1, STRIP // stride)
    for y in range(0, image.height, rows):
        strip = image.crop((0, y, image.width, min(y + rows, image.height)))
        buffer.fill(stride * y, strip.tobytes("raw", "RGB", stride, 1))
    caps = Gst.Caps.from_string(f"video/x-raw,format=RGB,width={image.width},"
                                f"height={image.height},framerate={framerate}")
    return Frame(image.width, image.height, buffer, caps)
