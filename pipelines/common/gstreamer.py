# SPDX-License-Identifier: Apache-2.0
"""GStreamer with the elements of this checkout when it has been built."""

import argparse
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILTIN_SEARCH_WINDOW, BUILTIN_FOLLOW_WINDOW = 1.5, 2.5  # see models/train/measured.md
# Holes and specks of the built-in model's masks of stills, in pixels of a quarter of its input; as
# sam2track's fill-hole-area.
BUILTIN_REMOVED_AREA = 8


class Failure(Exception):
    """An error for the user, without a traceback."""


def _prefer_build():
    build = ROOT / "build"
    if not (build / "gst").is_dir():
        return
    for name, value in (("GST_PLUGIN_PATH", build / "gst"),
                        ("GST_SAM2_MODEL_PATH", ROOT / "models")):
        os.environ[name] = os.pathsep.join(filter(None, (str(value), os.environ.get(name))))
    os.environ.setdefault("GST_SAM2_CORE", str(build / "src" / "libsam2core.so"))


_prefer_build()
# Threads that wait for work by spinning take the processor from decoder and encoder: on two cores
# with anything else running, tracking is many times slower for it.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
try:
    import gi
    gi.require_version("Gst", "1.0")
    gi.require_version("GstVideo", "1.0")
    from gi.repository import GLib, Gst, GstVideo  # noqa: F401  for those who import from here
except (ImportError, ValueError) as problem:
    sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {problem}: the Python bindings of GStreamer are "
             "missing, run ./setup")


def start(*elements):
    """Initialises GStreamer; throws Failure when an element is missing."""
    Gst.init(None)
    for name in elements:
        if not Gst.ElementFactory.find(name):
            raise Failure(f"there is no element {name}: run ./setup first")


def text_of(error, debug):
    """A message for people, with the element's details where it gives some."""
    details = "\n".join((debug or "").split("\n")[1:]).strip()
    return f"{error.message}\n  {details}" if details else error.message


def bytes_of(sample):
    buffer = sample.get_buffer()
    return buffer.extract_dup(0, buffer.get_size())


def add_model_arguments(parser):
    parser.add_argument("--model", help="a name (builtin, sam2.1-tiny, ...) or a file")
    parser.add_argument("--device", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16", "fp16"))
    parser.add_argument("--threads", type=int, help="CPU threads; default: one per core")


def model_properties(arguments):
    return {name: getattr(arguments, name)
            for name in ("model", "device", "precision", "threads")}


def add_look_arguments(parser, second_look="with the built-in model"):
    """How closely an object is looked for where it begins. second_look: when by default, in words."""
    parser.add_argument("--search-window", type=float, metavar="TIMES",
                        help="look for each new object in a square of so many times its box's "
                             "longer side; 0: in the whole picture (default: "
                             f"{BUILTIN_SEARCH_WINDOW:g} with the built-in model, which was "
                             "measured to gain by it, else 0)")
    parser.add_argument("--second-look", action=argparse.BooleanOptionalAction,
                        help="look for it in the mirror image too and take the mean of both "
                             f"answers, in twice the time (default: {second_look})")


def add_follow_arguments(parser, default=f"{BUILTIN_FOLLOW_WINDOW:g} with the built-in model, which "
                                         "was measured to gain by it, else 0"):
    """How closely an object is followed. default: in words."""
    parser.add_argument("--follow-window", type=float, metavar="TIMES",
                        help="follow each object that is small in the frame in a square of so many "
                             "times its longer side, for a run of the encoder each on every frame; "
                             f"0: in the whole frame (default: {default})")


def add_stills_arguments(parser):
    add_look_arguments(parser)
    parser.add_argument("--refine-edges", action=argparse.BooleanOptionalAction,
                        help="decide by colours where the model is not sure (default: with the "
                             "built-in model)")


def is_builtin(arguments):
    return arguments.model in (None, "builtin")


def look_properties(arguments):
    """Those of sam2segment and sam2track."""
    builtin = is_builtin(arguments)
    window, second = arguments.search_window, arguments.second_look
    return {"search-window": BUILTIN_SEARCH_WINDOW if window is None and builtin else window,
            "second-look": builtin if second is None else second}


def follow_properties(arguments):
    """Those of sam2track alone."""
    window = arguments.follow_window
    if window is None and is_builtin(arguments):
        window = BUILTIN_FOLLOW_WINDOW
    return {"follow-window": window}


def stills_properties(arguments):
    """Those of sam2segment for boxes and clicks."""
    builtin, refine = is_builtin(arguments), arguments.refine_edges
    area = BUILTIN_REMOVED_AREA if builtin else None
    return {**look_properties(arguments), "refine-edges": builtin if refine is None else refine,
            "max-hole-area": area, "max-sprinkle-area": area}


def set_properties(element, values):
    """Sets those that have a value. Throws Failure for a number that is not allowed, which GObject
    would change without a word."""
    for name, value in values.items():
        if value is None:
            continue
        spec = element.find_property(name)
        if hasattr(spec, "minimum") and not spec.minimum <= float(value) <= spec.maximum:
            raise Failure(f"{name} {value} is not allowed: it must be from {spec.minimum:g} to "
                          f"{spec.maximum:g}")
        if spec.value_type.name == "gint" and not float(value).is_integer():
            raise Failure(f"{name} {value} is not allowed: it must be a whole number")
        Gst.util_set_object_arg(element, name, str(value))
