# SPDX-License-Identifier: Apache-2.0
"""What OpenCV offers without any network, scored as models/evaluate scores a model.

    python3 -m venv .deps/baseline && .deps/baseline/bin/pip install numpy pillow opencv-contrib-python-headless
    .deps/baseline/bin/python models/evaluate/opencv_baseline.py FOLDER [--out out/opencv]

Video: the CSRT tracker follows the box of frame 0, GrabCut (2 iterations) makes a mask inside it.
Stills: GrabCut (4 iterations) from the object's box. Pictures are at most 400 pixels wide."""
import argparse
import time
from pathlib import Path

import cv2
import numpy as np

import scores
import sequences
import tables

WIDTH = 400


def shrunk(image):
    """BGR picture at most WIDTH wide, and the scale."""
    scale = min(1, WIDTH / image.shape[1])
    return (cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image), scale


def grabcut(image, box, iterations):
    """BGR uint8 [H, W, 3], box (x, y, w, h) -> bool [H, W]; the box itself where GrabCut finds nothing to cut."""
    small, scale = shrunk(image)
    height, width = small.shape[:2]
    x0, y0 = (int(np.clip(round(v * scale), 0, side - 2)) for v, side in zip(box[:2], (width, height)))
    x1 = int(np.clip(round((box[0] + box[2]) * scale), x0 + 2, width))
    y1 = int(np.clip(round((box[1] + box[3]) * scale), y0 + 2, height))
    if x1 - x0 >= width - 1 and y1 - y0 >= height - 1:          # it needs some background
        x0, y0, x1, y1 = 1, 1, width - 1, height - 1
    labels = np.zeros((height, width), np.uint8)
    try:
        cv2.grabCut(small, labels, (x0, y0, x1 - x0, y1 - y0), np.zeros((1, 65)), np.zeros((1, 65)), iterations,
                    cv2.GC_INIT_WITH_RECT)
    except cv2.error:
        labels[y0:y1, x0:x1] = cv2.GC_PR_FGD
    found = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    return cv2.resize(found, image.shape[1::-1]) > 0


def track(sequence, box):
    """-> masks bool [H, W] or None for each frame, milliseconds a frame of the tracker alone."""
    tracker, masks, spent = cv2.TrackerCSRT_create(), [], 0.0
    for number in range(len(sequence.frames)):
        image = np.ascontiguousarray(sequence.image(number)[..., ::-1])
        small, scale = shrunk(image)
        begin = time.monotonic()
        if number == 0:
            tracker.init(small, tuple(int(v * scale) for v in box))
            found = True
        else:
            found, at = tracker.update(small)
            box = tuple(v / scale for v in at)
        spent += time.monotonic() - begin
        if not found:
            masks.append(None)
        elif sequence.masks:
            masks.append(grabcut(image, box, 2) if number in sequence.masks else None)
        else:                                                   # box sequences score the tracker's own box
            mask = np.zeros(image.shape[:2], bool)
            x0, y0 = (int(round(max(0, v))) for v in box[:2])
            mask[y0:int(round(box[1] + box[3])), x0:int(round(box[0] + box[2]))] = True
            masks.append(mask)
    return masks, 1e3 * spent / len(sequence.frames)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder')
    parser.add_argument('--every', type=int, default=20)
    parser.add_argument('--out', type=Path, default=Path('out/opencv'))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(2)
    video, stills = [], []
    for sequence in sequences.read(arguments.folder):
        for obj, box in sequence.objects().items():
            masks, milliseconds = track(sequence, box)
            video.append(dict(sequence=sequence.name, object=obj, ms=round(milliseconds, 2),
                              **scores.score_object(sequence, obj, masks)))
        for number in sorted(sequence.masks)[::arguments.every]:
            ids, image = sequence.ids(number), np.ascontiguousarray(sequence.image(number)[..., ::-1])
            for obj in np.unique(ids[ids > 0]):
                truth = ids == obj
                if truth.sum() >= 100:
                    mask = grabcut(image, scores.box_of(truth), 4)
                    stills.append(dict(sequence=sequence.name, frame=number, object=int(obj),
                                       box=scores.iou(mask, truth)))
    tables.write(arguments.out / 'video.csv', video)
    tables.write(arguments.out / 'stills.csv', stills)
    for names in (['J', 'F', 'JF', 'ms'], ['box_iou', 'auc', 'ms']):
        print(tables.by_sequence([row for row in video if names[0] in row], names) + '\n')
    print('first frame\n' + tables.by_sequence([row for row in stills if row['frame'] == 0], ['box']))


if __name__ == '__main__':
    main()
