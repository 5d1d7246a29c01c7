# SPDX-License-Identifier: Apache-2.0
"""One sam2segment for a row of pictures."""

import json

from PIL import Image

from common.gstreamer import Failure, Gst, bytes_of, set_properties, text_of

TIMEOUT = Gst.SECOND // 5
OVERLAY_SIDE = 2048  # pixels; larger pictures are shrunk for their overlay


class PictureFailed(Exception):
    """One picture could not be segmented; others may."""


class Segmenter:
    """Segments pictures one after another. The pipeline is made anew after an error.

    properties: of sam2segment; outputs: forms of masks that are wanted beside each other ("rle",
    "polygon"); json: properties of sam2jsonenc; overlays: whether they are painted.
    """

    def __init__(self, properties, outputs, json_properties, overlays):
        self.properties, self.outputs = properties, outputs
        self.json_properties, self.overlays = json_properties, overlays
        self.pipeline = None
        self.worked = False  # a picture came out

    def segment(self, picture, prompts, notes):
        """({form: objects}, overlay or None) for a Frame and prompts [(box, label), ...]; the
        objects of boxes have the prompt's number as "prompt".
        Refusals are added to `notes`. Throws PictureFailed, and Failure when nothing works."""
        try:
            if self.pipeline is None:
                self._build()
            numbers = self._prompt(prompts)
            self._push(picture)
            results = {form: self._objects(form, numbers, notes) for form in self.outputs}
            overlay = self._overlay(notes) if self.overlays else None
        except PictureFailed as problem:
            self.stop()
            if not self.worked:
                raise Failure(str(problem)) from None
            raise
        self.worked = True
        self._read_bus(notes)
        return results, overlay

    def stop(self):
        if self.pipeline:
            self.pipeline.set_state(Gst.State.NULL)
            self.pipeline = None

    def _build(self):
        branches = [f"t. ! queue ! sam2jsonenc name=json_{form} masks={form} ! "
                    f"appsink name={form} sync=false" for form in self.outputs]
        if self.overlays:
            # Boxes of everything would hide it.
            style = "boxes=false labels=false scores=false" if "mode" in self.properties else ""
            branches.append(f"t. ! queue ! videoscale ! capsfilter name=size ! sam2overlay {style} ! "
                            "videoconvert ! video/x-raw,format=RGBx ! "
                            "appsink name=overlay sync=false")
        self.pipeline = Gst.parse_launch(
            "appsrc name=in format=time block=true max-buffers=1 ! sam2segment name=segment "
            "navigation=false ! tee name=t " + " ".join(branches))
        self.source = self.pipeline.get_by_name("in")
        self.element = self.pipeline.get_by_name("segment")
        set_properties(self.element, self.properties)
        for form in self.outputs:
            set_properties(self.pipeline.get_by_name(f"json_{form}"), self.json_properties)
        self.pipeline.set_state(Gst.State.PLAYING)
        self._read_bus([])

    def _prompt(self, prompts):
        """The objects' ids with the prompts' numbers."""
        self.element.emit("reset")  # an equal picture would keep the objects of the one before
        for number, (box, label) in enumerate(prompts):
            prompt = Gst.Structure.new_empty("sam2-prompt")
            prompt.set_value("id", number + 1)
            prompt.set_value("box", ",".join(map(repr, box)))
            prompt.set_value("label", label)
            self.element.send_event(Gst.Event.new_custom(Gst.EventType.CUSTOM_DOWNSTREAM, prompt))
        return {number + 1: number for number in range(len(prompts))}

    def _push(self, picture):
        if self.overlays:
            scale = min(1, OVERLAY_SIDE / max(picture.width, picture.height))
            width, height = (max(1, round(side * scale))
                             for side in (picture.width, picture.height))
            self.pipeline.get_by_name("size").set_property("caps", Gst.Caps.from_string(
                f"video/x-raw,width={width},height={height}"))
        picture.buffer.pts = 0
        self.source.emit("push-sample", Gst.Sample.new(picture.buffer, picture.caps, None, None))

    def _pull(self, name, notes):
        sink = self.pipeline.get_by_name(name)
        while True:
            sample = sink.emit("try-pull-sample", TIMEOUT)
            if sample:
                return sample
            self._read_bus(notes)

    def _objects(self, form, numbers, notes):
        objects = json.loads(bytes_of(self._pull(form, notes)))["objects"]
        for found in objects:
            if numbers:
                found["prompt"] = numbers[found["id"]]
        return objects

    def _overlay(self, notes):
        sample = self._pull("overlay", notes)
        size = sample.get_caps().get_structure(0)
        return Image.frombytes("RGB", (size.get_int("width").value, size.get_int("height").value),
                               bytes_of(sample), "raw", "RGBX")

    def _read_bus(self, notes):
        """Throws PictureFailed on an error; adds warnings to notes."""
        types = Gst.MessageType.ERROR | Gst.MessageType.WARNING  # others are dropped
        while message := self.pipeline.get_bus().pop_filtered(types):
            if message.type == Gst.MessageType.ERROR:
                raise PictureFailed(text_of(*message.parse_error()))
            notes.append(text_of(*message.parse_warning()))
