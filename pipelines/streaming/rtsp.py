# SPDX-License-Identifier: Apache-2.0
"""An RTSP server for H.264 that is there already."""

import gi
from common.gstreamer import Failure, Gst

try:
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GstRtspServer
except (ImportError, ValueError):
    GstRtspServer = None

# All clients share one; without a client there is none.
MEDIA = ("( appsrc name=source is-live=true do-timestamp=true format=time max-buffers=60 "
         "leaky-type=downstream ! queue ! h264parse ! rtph264pay name=pay0 config-interval=-1 )")


class RtspOutput:
    """Serves what is pushed, at rtsp://host:port/path. Throws Failure when the port is taken.

    ask_key_frame(): called, from any thread, when somebody comes, who can only start with one.
    """

    def __init__(self, host, port, path, ask_key_frame):
        if GstRtspServer is None:
            raise Failure("RTSP output needs the package gir1.2-gst-rtsp-server-1.0: run ./setup")
        self.source = None
        self.ask_key_frame = ask_key_frame
        self.server = GstRtspServer.RTSPServer()
        self.server.set_address(host)
        self.server.set_service(str(port))
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(MEDIA)
        factory.set_shared(True)
        factory.connect("media-configure", self._on_media)
        self.server.get_mount_points().add_factory(path, factory)
        self.server.connect("client-connected", lambda _, client: client.connect(
            "play-request", lambda *_: self.ask_key_frame()))
        if not self.server.attach(None):
            raise Failure(f"cannot listen on {host}:{port}: is the port in use?")
        self.address = f"rtsp://{host}:{self.server.get_bound_port()}{path}"

    def _on_media(self, _, media):
        source = media.get_element().get_by_name("source")
        media.connect("unprepared", self._on_unprepared, source)
        # What is pushed before it runs is lost, perhaps the only key frame for long.
        source.connect("need-data", self._on_start)
        self.source = source

    def _on_start(self, source, _):
        source.disconnect_by_func(self._on_start)
        self.ask_key_frame()

    def _on_unprepared(self, _, source):
        if self.source is source:
            self.source = None

    def push(self, sample):
        """From any thread; never waits."""
        source = self.source
        if source:
            buffer = sample.get_buffer().copy()
            buffer.pts = buffer.dts = Gst.CLOCK_TIME_NONE
            source.emit("push-sample", Gst.Sample.new(buffer, sample.get_caps(), None, None))
