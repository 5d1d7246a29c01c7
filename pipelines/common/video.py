# SPDX-License-Identifier: Apache-2.0
"""Pieces of pipelines that read and write video."""

from .gstreamer import Failure, GLib, Gst

# In order of preference: an encoder's fast settings, and what a file and a stream want beside them.
# A file may also be MPEG-4; a stream is H.264 with key frames at which clients can begin.
ENCODERS = (
    ("x264enc", "speed-preset=superfast tune=zerolatency pass=quant",
     "quantizer=22 sliced-threads=false ! h264parse",
     "quantizer=23 key-int-max=60 ! h264parse config-interval=-1"),
    ("openh264enc", "complexity=low rate-control=quality", "! h264parse",
     "gop-size=60 ! h264parse config-interval=-1"),
    ("nvh264enc", "preset=low-latency-hq", "! h264parse",
     "gop-size=60 ! h264parse config-interval=-1"),
    ("avenc_mpeg4", "bitrate=4000000", "", None),
)


def encoder(stream):
    """Elements that encode a stream or a file, as text. Throws Failure when there are none."""
    usable = [(name, f"{name} {settings} {for_stream if stream else for_file}")
              for name, settings, for_file, for_stream in ENCODERS if for_stream or not stream]
    for name, text in usable:
        if Gst.ElementFactory.find(name):
            return text
    raise Failure("no encoder: none of " + ", ".join(name for name, _ in usable))


def link_video(decode, entry):
    """Links the first video of a uridecodebin. Where there is none, an error on the bus says so."""
    decode.connect("pad-added", _on_pad, entry.get_static_pad("sink"))
    decode.connect("no-more-pads", _on_no_more_pads, entry.get_static_pad("sink"))


def _on_pad(_, pad, entry):
    caps = pad.get_current_caps() or pad.query_caps(None)
    if not entry.is_linked() and caps.get_structure(0).get_name() == "video/x-raw":
        pad.link(entry)


def _on_no_more_pads(decode, entry):
    if not entry.is_linked():
        error = GLib.Error.new_literal(Gst.StreamError.quark(), "there is no video in it",
                                       Gst.StreamError.TYPE_NOT_FOUND)
        decode.post_message(Gst.Message.new_error(decode, error, ""))


def make_even(crop):
    """4:2:0 video has even sides: a videocrop then cuts the last odd column and row."""
    crop.get_static_pad("sink").add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, _on_event)


def _on_event(pad, info):
    event = info.get_event()
    if event.type == Gst.EventType.CAPS:
        size = event.parse_caps().get_structure(0)
        crop = pad.get_parent_element()
        crop.set_property("right", size.get_int("width").value % 2)
        crop.set_property("bottom", size.get_int("height").value % 2)
    return Gst.PadProbeReturn.OK
