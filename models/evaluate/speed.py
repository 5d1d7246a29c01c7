# SPDX-License-Identifier: Apache-2.0
"""Milliseconds a frame: the whole step of sam2track with one object beside OpenCV's CSRT tracker, in turn.

    .deps/baseline/bin/python models/evaluate/speed.py FOLDER [--model builtin] [--threads 2]

For the Python environment see opencv_baseline.py; run it on an idle machine. Ours is what a frame spends in the
element, from its pixels to masks at its size beside it, as GStreamer's latency tracer sees it, and with look-ahead=true
the time from one frame that leaves to the next, as JSON, over the second half of a sequence; CSRT's is its update() on
a picture at most 400 pixels wide, without a mask. Medians over a sequence's frames but the first."""
import argparse
import re
import tempfile
import time

import cv2
import numpy as np

import elements
import opencv_baseline
import sequences
import tables


def step_milliseconds(sequence, box, **properties):
    """Of each frame in sam2track."""
    with tempfile.NamedTemporaryFile('r') as log:
        environment = dict(GST_TRACERS='latency(flags=element)', GST_DEBUG='GST_TRACER:7', GST_DEBUG_NO_COLOR='1',
                           GST_DEBUG_FILE=log.name)
        elements.lines('sam2track', sequence.frames, [dict(frame=0, id=1, box=box)], environment, **properties)
        times = re.findall(r'element-latency.*element=\(string\)sam2track0,.*time=\(guint64\)(\d+)', log.read())
    return [int(nanoseconds) / 1e6 for nanoseconds in times]


def distances(sequence, box, **properties):
    """Milliseconds between frames that leave, once all pictures are decoded."""
    found, _ = elements.lines('sam2track', sequence.frames, [dict(frame=0, id=1, box=box)], apart=True, **properties)
    return 1e3 * np.diff([seconds for seconds, _ in found[len(found) // 2:]])


def csrt_milliseconds(sequence, box):
    tracker, times = cv2.TrackerCSRT_create(), []
    for number in range(len(sequence.frames)):
        small, scale = opencv_baseline.shrunk(np.ascontiguousarray(sequence.image(number)[..., ::-1]))
        begin = time.perf_counter()
        if number == 0:
            tracker.init(small, tuple(int(v * scale) for v in box))
        else:
            tracker.update(small)
        times.append(1e3 * (time.perf_counter() - begin))
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder')
    parser.add_argument('--model')
    parser.add_argument('--precision')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--only', default='', help='sequences whose name contains this')
    parser.add_argument('--frames', type=int, default=40, help='of each sequence at most')
    arguments = parser.parse_args()
    cv2.setNumThreads(arguments.threads)
    rows = []
    for sequence in sequences.read(arguments.folder):
        if arguments.only in sequence.name:
            sequence.frames = sequence.frames[:arguments.frames]
            box = next(iter(sequence.objects().values()))
            settings = dict(model=arguments.model, precision=arguments.precision, threads=arguments.threads)
            rows.append({'sequence': sequence.name,
                         'sam2track': np.median(step_milliseconds(sequence, box, **settings)[1:]),
                         'look-ahead': np.median(distances(sequence, box, look_ahead='true', **settings)),
                         'CSRT': np.median(csrt_milliseconds(sequence, box)[1:])})
    print(tables.by_sequence(rows, ['sam2track', 'look-ahead', 'CSRT']))


if __name__ == '__main__':
    main()
