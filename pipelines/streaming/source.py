# SPDX-License-Identifier: Apache-2.0
"""Frames of a URI that may break off and come back."""

import time

from common.gstreamer import GLib, Gst, text_of
from common.video import link_video

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0  # seconds before the next attempt


class Source:
    """Decodes a URI and starts over when it fails, ends or falls silent, unless it is a file. What
    tells its duration, as a file does, is over when it ends.

    timeout: seconds without a frame after which it has fallen silent; rtsp: properties of rtspsrc.
    on_frame(sample): called in a streaming thread; the rest in the main loop: on_end(failure) once,
    with a text or None at the ordinary end; say(text). The frames come at their time.
    """

    def __init__(self, uri, timeout, rtsp, on_frame, on_end, say):
        self.uri, self.timeout, self.rtsp = uri, timeout, rtsp
        self.on_frame, self.on_end, self.say = on_frame, on_end, say
        self.is_file = uri.startswith("file:")
        self.pipeline = self.watch = None
        self.pause = FIRST_PAUSE
        self.frames = 0  # of this attempt
        self.seen = 0.0  # when the last one came, or the attempt began
        self.last_reason = None

    def start(self):
        self.frames, self.seen = 0, time.monotonic()
        self.pipeline = Gst.parse_launch(
            "uridecodebin name=decode  videoconvert name=entry ! videoflip video-direction=auto ! "
            "appsink name=end emit-signals=true max-buffers=2")
        find = self.pipeline.get_by_name
        find("decode").set_property("uri", self.uri)
        find("decode").connect("source-setup", self._on_source)
        link_video(find("decode"), find("entry"))
        find("end").connect("new-sample", self._on_sample)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message", self._on_message)
        self.watch = GLib.timeout_add(200, self._check)
        self.pipeline.set_state(Gst.State.PLAYING)
        return GLib.SOURCE_REMOVE

    def stop(self):
        if not self.pipeline:
            return
        self.pipeline.get_bus().remove_signal_watch()
        GLib.source_remove(self.watch)
        self.pipeline.set_state(Gst.State.NULL)
        self.pipeline = None

    # In streaming threads.

    def _on_source(self, _, element):
        if element.get_factory().get_name() != "rtspsrc":
            return
        for name, value in self.rtsp.items():
            Gst.util_set_object_arg(element, name, str(value))
        element.connect("select-stream", lambda _, __, caps:
                        caps.get_structure(0).get_string("media") == "video")

    def _on_sample(self, sink):
        sample = sink.emit("pull-sample")
        if sample:
            self.frames += 1
            self.seen = time.monotonic()
            self.on_frame(sample)
        return Gst.FlowReturn.OK

    # In the main loop.

    def _on_message(self, _, message):
        if message.type == Gst.MessageType.ERROR:
            self._failed(*message.parse_error())
        elif message.type == Gst.MessageType.EOS:
            if self._has_end():
                self._end(None if self.frames else "there is no frame in it")
            else:
                self._again("the stream ended")

    def _has_end(self):
        known, duration = self.pipeline.query_duration(Gst.Format.TIME)
        return self.is_file or (known and duration > 0)

    def _check(self):
        if self.frames and self.last_reason:
            self.say(f"receiving {self.uri} again")
            self.pause, self.last_reason = FIRST_PAUSE, None
        if time.monotonic() - self.seen > self.timeout and not self.is_file:
            self._again(f"no frame for {self.timeout:g} seconds")
            return GLib.SOURCE_REMOVE
        return GLib.SOURCE_CONTINUE

    def _failed(self, error, debug):
        hopeless = (error.matches(Gst.CoreError.quark(), Gst.CoreError.MISSING_PLUGIN) or
                    error.matches(Gst.ResourceError.quark(), Gst.ResourceError.NOT_AUTHORIZED))
        if self.is_file or hopeless:
            self._end(text_of(error, debug))
        else:
            self._again(error.message.rstrip("."))

    def _end(self, failure):
        self.stop()
        self.on_end(failure)

    def _again(self, reason):
        self.stop()
        if reason != self.last_reason:
            self.say(f"{self.uri}: {reason}; trying again until it is back")
            self.last_reason = reason
        GLib.timeout_add(int(1000 * self.pause), self.start)
        self.pause = min(2 * self.pause, LONGEST_PAUSE)
