# SPDX-License-Identifier: Apache-2.0
"""Box to mask on the first frame of annotated sequences, then simulated corrective clicks, each in
the middle of where the mask is most wrong; OpenCV's GrabCut from the same box beside it. Masks are
scored by IoU. Also the time of a click and of a whole segmentation.
"""

import argparse
import pathlib
import statistics
import tempfile

import cv2
import numpy as np

from sequences import FOLDER, ROOT, Sequence, iou
from stills import MODEL, MODEL_HELP, Core, file_of

CLICKS = 3


def grabcut(image, box):
    """OpenCV's answer to a box (x, y, width, height): [H, W] of bool."""
    labels = np.zeros(image.shape[:2], np.uint8)
    model = np.zeros((1, 65)), np.zeros((1, 65))
    x0, y0 = (max(0, round(v)) for v in box[:2])
    x1 = min(image.shape[1], round(box[0] + box[2]))
    y1 = min(image.shape[0], round(box[1] + box[3]))
    try:
        cv2.grabCut(image[:, :, ::-1].copy(), labels, (x0, y0, x1 - x0, y1 - y0), *model, 5,
                    cv2.GC_INIT_WITH_RECT)
    except cv2.error:  # nothing outside of the box to learn the background from
        labels[y0:y1, x0:x1] = cv2.GC_FGD
    return (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)


def corrective_click(mask, truth):
    """[x, y, label] in the middle of the largest part that is missing or too much."""
    best = None
    for wrong, label in ((truth & ~mask, 1), (mask & ~truth, 0)):
        count, parts, stats, _ = cv2.connectedComponentsWithStats(wrong.astype(np.uint8))
        if count < 2:
            continue
        part = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
        area = int(stats[part, cv2.CC_STAT_AREA])
        if best is None or area > best[0]:
            depth = cv2.distanceTransform(np.pad((parts == part).astype(np.uint8), 1),
                                          cv2.DIST_L2, 5)[1:-1, 1:-1]
            y, x = np.unravel_index(np.argmax(depth), depth.shape)
            best = area, [float(x) + 0.5, float(y) + 0.5, label]
    return best[1] if best else None


def refine(core, box, truth):
    """(IoUs after the box and after each click, seconds of the first answer, of the clicks)."""
    x, y, w, h = box
    requests, values = [{"id": 1, "box": [x, y, x + w, y + h]}], []
    while True:
        *_, (_, _, mask) = core.answers(requests)
        values.append(iou(mask, truth))
        click = corrective_click(mask, truth)
        if len(values) > CLICKS or click is None:
            values += [values[-1]] * (CLICKS + 1 - len(values))
            return values, core.seconds[0], core.seconds[1:]
        requests.append({"id": 1, "action": "refine", "points": [click]})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--folder", type=pathlib.Path, default=FOLDER)
    parser.add_argument("--model", default=str(MODEL), help=MODEL_HELP)
    parser.add_argument("--objects", type=int, default=1000, help="at most so many")
    parser.add_argument("--program", type=pathlib.Path,
                        default=ROOT / "build" / "tests" / "parity" / "stills_answers")
    arguments = parser.parse_args()
    model_folder = tempfile.TemporaryDirectory()
    arguments.model = file_of(arguments.model, model_folder.name)
    rows, first, clicks = [], [], []
    print(f"{'sequence, object':30} {'box':>6} {'1 click':>8} {'3 clicks':>9} {'GrabCut':>8}")
    for folder in sorted(path for path in arguments.folder.iterdir() if path.is_dir()):
        sequence = Sequence(folder)
        image = next(sequence.frames())
        for obj, box in sequence.first_boxes().items():
            truth = sequence.truth(0, obj)
            if truth is None or not truth.any() or len(rows) == arguments.objects:
                continue
            with tempfile.TemporaryDirectory() as scratch:
                values, whole, each = refine(
                    Core(arguments.program, arguments.model, image, scratch), box, truth)
            rows.append([values[0], values[1], values[3], iou(grabcut(image, box), truth)])
            first.append(whole)
            clicks += each
            print(f"{sequence.name + ', ' + str(obj):30} {rows[-1][0]:6.3f} {rows[-1][1]:8.3f} "
                  f"{rows[-1][2]:9.3f} {rows[-1][3]:8.3f}", flush=True)
    mean = np.mean(rows, axis=0)
    print(f"{'mean of ' + str(len(rows)):30} {mean[0]:6.3f} {mean[1]:8.3f} {mean[2]:9.3f} "
          f"{mean[3]:8.3f}")
    whole, click = statistics.median(first), statistics.median(clicks)
    print(f"whole segmentation {1000 * whole:.1f} ms, a click {1000 * click:.1f} ms, "
          f"ratio {whole / click:.1f}")


if __name__ == "__main__":
    main()
