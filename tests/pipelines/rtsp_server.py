#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A camera for tests: a red square that stands before blue, at rtsp://127.0.0.1:PORT/camera.

Prints the port (0 chooses one). DROP is the share of RTP packets that get lost.
"""

import sys

import gi
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer

SQUARE = (120, 80, 80, 80)  # x, y, width, height of 320x240


def main():
    port, drop = sys.argv[1:]
    Gst.init(None)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_shared(True)
    x, y, width, height = SQUARE
    factory.set_launch(
        "( videotestsrc is-live=true pattern=solid-color foreground-color=0xffd02020 ! "
        f"video/x-raw,width={width},height={height},framerate=15/1 ! videobox left=-{x} top=-{y} "
        f"right=-{320 - x - width} bottom=-{240 - y - height} fill=blue ! videoconvert ! "
        "video/x-raw,format=I420 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 "
        f"! rtph264pay mtu=200 ! identity drop-probability={drop} ! identity name=pay0 )")
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    server.get_mount_points().add_factory("/camera", factory)
    if not server.attach(None):
        sys.exit("the port is in use")
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
