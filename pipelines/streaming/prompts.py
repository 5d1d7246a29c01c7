# SPDX-License-Identifier: Apache-2.0
"""Prompts as lines of JSON, while a stream runs."""

import json

from common.gstreamer import Gst
from gi.repository import GObject

MAX_LINE = 1 << 16  # bytes


def event(line):
    """The event for sam2track of a line as in a prompts file, bytes or text. Throws ValueError when
    it cannot be one; what its fields mean is checked by sam2track, which refuses with a warning."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise ValueError("not a JSON object")
    prompt = Gst.Structure.new_empty("sam2-prompt")
    for key, field in fields.items():
        try:
            prompt.set_value(key, value_of(field))
        except (TypeError, OverflowError):
            raise ValueError(f"{key} cannot be {json.dumps(field)}") from None
    # Out of band: it overtakes waiting frames, and to send it blocks nobody.
    return Gst.Event.new_custom(Gst.EventType.CUSTOM_DOWNSTREAM_OOB, prompt)


def value_of(field):
    """Throws TypeError and OverflowError."""
    if isinstance(field, (str, float)):
        return field
    if isinstance(field, int) and not isinstance(field, bool):
        return GObject.Value(GObject.TYPE_INT64, field)
    return list_text(field)


def list_text(field):
    """"x,y,w,h" for a list of numbers, "x,y,1;x,y,0" for one of lists."""
    if not isinstance(field, list):
        raise TypeError
    if all(isinstance(item, list) for item in field):
        return ";".join(map(list_text, field))
    if not all(type(item) in (int, float) for item in field):
        raise TypeError
    return ",".join(map(repr, field))
