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


def whole_number(text):
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 0 on")
    return int(text)


def number_above_0(text):
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number above 0")
    return number


def existing_file(text):
    if not os.path.isfile(text):
        raise argparse.ArgumentTypeError(f"there is no file '{text}'")
    return text


def refuse_to_overwrite(files, *inputs):
    """Throws Failure when one of the files that are written is one of the inputs, which may be None
    or no file."""
    for given in inputs:
        for file in files:
            if given and file.exists() and os.path.exists(given) and file.samefile(given):
                raise Failure(f"{file} is the input itself: give another --output or --name")


def uri_of(text):
    """Of a URI or a file's path. Throws Failure when there is no such file."""
    if os.path.isfile(text):  # even if its name has a colon, as a URI has one
        return Gst.filename_to_uri(text)
    if not Gst.uri_is_valid(text):
        raise Failure(f"there is no file '{text}'")
    return text
