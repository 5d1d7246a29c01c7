# SPDX-License-Identifier: Apache-2.0
"""A picture or a video as a row of frames."""

from common.gstreamer import Failure, Gst, text_of
from common.video import link_video

from . import frame, pictures

TIMEOUT = Gst.SECOND // 5


class Picture:
    """A picture file: one frame."""

    is_video = False

    def __init__(self, path, framerate):
        try:
            image, self.notes = pictures.read(path)
        except pictures.BrokenPicture as problem:
            raise Failure(f"{path}: {problem}") from None
        self.frame = frame.of(image, framerate)

    def next(self):
        """None at the end."""
        found, self.frame = self.frame, None
        return found

    def stop(self):
        pass


class Video:
    """A video's frames, upright, one after another."""

    is_video = True

    def __init__(self, path, _):
        self.path, self.notes = path, []
        self.pipeline = Gst.parse_launch(
            "uridecodebin name=source  videoconvert name=entry ! videoflip video-direction=auto ! "
            "videoconvert ! video/x-raw,format=RGB ! appsink name=out sync=false max-buffers=2")
        source = self.pipeline.get_by_name("source")
        source.set_property("uri", path.resolve().as_uri())
        link_video(source, self.pipeline.get_by_name("entry"))
        self.sink = self.pipeline.get_by_name("out")
        self.pipeline.set_state(Gst.State.PLAYING)

    def next(self):
        """None at the end."""
        while not self.sink.get_property("eos"):
            sample = self.sink.emit("try-pull-sample", TIMEOUT)
            if sample:
                size = sample.get_caps().get_structure(0)
                return frame.Frame(size.get_int("width").value, size.get_int("height").value,
                                   sample.get_buffer(), sample.get_caps())
            message = self.pipeline.get_bus().pop_filtered(Gst.MessageType.ERROR)
            if message:
                raise Failure(f"{self.path}: {text_of(*message.parse_error())}")
        return None

    def stop(self):
        self.pipeline.set_state(Gst.State.NULL)


def open_source(path, framerate):
    """framerate: that of a picture's frame, which is shown again and again. Throws Failure."""
    is_picture = path.suffix.lower() in pictures.SUFFIXES
    return (Picture if is_picture else Video)(path, framerate)
