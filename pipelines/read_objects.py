#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reads what sam2track finds in a video, with GStreamer alone. Copy what you need.

    meson devenv -C build $PWD/pipelines/read_objects.py $PWD/VIDEO X,Y,W,H [X,Y,W,H...]
"""

import collections
import os
import pathlib
import sys

import gi
gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst

# seconds: time of the frame; box: (x, y, width, height) in its pixels, None while out of sight;
# mask: None or Mask. state: "tracked", "occluded" or "lost"; score: 0..1, is it in the frame?
Object = collections.namedtuple("Object", "id label state score box mask")
# rows x columns bytes, 0 or 255, that lie on (x, y, width, height) of the frame.
Mask = collections.namedtuple("Mask", "pixels columns rows place")


def objects_of(buffer):
    """The objects that a buffer behind sam2track carries, in a probe as well as from an appsink."""
    meta = buffer.get_custom_meta("GstSam2Objects")
    return [object_of(found) for found in meta.get_structure().get_value("objects")] if meta else []


def object_of(structure):
    def read(*names):
        values = [structure.get_value(name) for name in names if structure.has_field(name)]
        return tuple(values) if values else None

    mask = None
    if structure.has_field("mask"):
        pixels = structure.get_value("mask")
        # With numpy: numpy.frombuffer(mask.pixels, numpy.uint8).reshape(mask.rows, mask.columns)
        mask = Mask(pixels.extract_dup(0, pixels.get_size()),
                    *read("mask-cols", "mask-rows"),
                    read("mask-x", "mask-y", "mask-width", "mask-height"))
    return Object(*read("id"), *(read("label") or [None]), *read("state", "score"),
                  read("x", "y", "width", "height"), mask)


def read_objects(path, boxes, **properties):
    """Follows what is in `boxes`, a list of (x, y, width, height) on the first frame, through a
    video file. Yields (seconds, [Object, ...]) for every frame. `properties` are those of sam2track:
    model="sam2.1-tiny". Throws RuntimeError when something fails; warnings go to standard error."""
    Gst.init(None)
    try:
        pipeline = Gst.parse_launch(
            "uridecodebin name=source ! videoconvert ! sam2track name=track ! "
            "appsink name=frames sync=false max-buffers=2")
    except GLib.Error as error:
        raise RuntimeError(error.message) from None
    source, track, frames = map(pipeline.get_by_name, ("source", "track", "frames"))
    source.set_property("uri", pathlib.Path(path).resolve().as_uri())
    track.set_property("box", ";".join(",".join(map(str, box)) for box in boxes))
    for name, value in properties.items():
        Gst.util_set_object_arg(track, name.replace("_", "-"), str(value))
    bus, told = pipeline.get_bus(), Gst.MessageType.ERROR | Gst.MessageType.WARNING
    pipeline.set_state(Gst.State.PLAYING)
    try:
        while not frames.get_property("eos"):
            sample = frames.emit("try-pull-sample", Gst.SECOND // 5)
            if sample:
                buffer = sample.get_buffer()
                yield buffer.pts / Gst.SECOND, objects_of(buffer)
            while message := bus.pop_filtered(told):
                if message.type == Gst.MessageType.ERROR:
                    raise RuntimeError(message.parse_error().gerror.message)
                # Among others: a box was refused.
                print(f"read_objects: {message.parse_warning().gerror.message}", file=sys.stderr)
    finally:
        pipeline.set_state(Gst.State.NULL)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        boxes = [tuple(map(float, text.split(","))) for text in sys.argv[2:]]
        for seconds, objects in read_objects(sys.argv[1], boxes):
            for found in objects:
                area = sum(map(bool, found.mask.pixels)) if found.mask else 0
                print(f"{seconds:8.3f} s  {found.id}  {found.state}  score {found.score:.2f}  "
                      f"box {found.box}  {area} pixels")
    except BrokenPipeError:  # a reader who goes away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for what Python has not written yet
    except (RuntimeError, ValueError) as error:
        sys.exit(f"read_objects: {error}")


if __name__ == "__main__":
    main()
