# SPDX-License-Identifier: Apache-2.0
"""Values of options, checked."""

import argparse
import math
import os

from .gstreamer import Failure, Gst


def box(text):
    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        raise argparse.ArgumentTypeError(f"'{text}' is not x,y,width,height")
    if min(numbers[2:]) <= 0:
        raise argparse.ArgumentTypeError(f"'{text}' is empty: width and height must be above 0")
    return text


def existing_file(text):
    if not os.path.isfile(text):
        raise argparse.ArgumentTypeError(f"there is no file '{text}'")
    return text


def uri_of(text):
    """Of a URI or a file's path. Throws Failure when there is no such file."""
    if Gst.uri_is_valid(text):
        return text
    if not os.path.isfile(text):
        raise Failure(f"there is no file '{text}'")
    return Gst.filename_to_uri(text)
