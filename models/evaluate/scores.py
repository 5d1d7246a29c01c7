# SPDX-License-Identifier: Apache-2.0
"""Scores of masks and boxes: J and F as DAVIS defines them, box IoU and the area under its success curve."""
import cv2
import numpy as np


def iou(a, b):
    """Region similarity J of two bool masks [H, W]; two empty masks agree."""
    union = np.count_nonzero(a | b)
    return 1.0 if union == 0 else np.count_nonzero(a & b) / union


def boundary(mask):
    """Pixels of a bool mask that differ from their right, lower or lower right neighbour."""
    edge = np.zeros_like(mask)
    edge[:, :-1] |= mask[:, :-1] ^ mask[:, 1:]
    edge[:-1] |= mask[:-1] ^ mask[1:]
    edge[:-1, :-1] |= mask[:-1, :-1] ^ mask[1:, 1:]
    return edge


def disk(radius):
    y, x = np.mgrid[-radius:radius + 1, -radius:radius + 1]
    return (x * x + y * y <= radius * radius).astype(np.uint8)


def contour_accuracy(mask, truth, tolerance=0.008):
    """F: the harmonic mean of precision and recall of boundary pixels, matched within `tolerance` of the diagonal."""
    reach = disk(int(np.ceil(tolerance * np.hypot(*mask.shape))))
    found, wanted = boundary(mask), boundary(truth)
    near_found = cv2.dilate(found.astype(np.uint8), reach) > 0
    near_wanted = cv2.dilate(wanted.astype(np.uint8), reach) > 0
    n_found, n_wanted = np.count_nonzero(found), np.count_nonzero(wanted)
    if n_found == 0 or n_wanted == 0:
        return float(n_found == n_wanted)
    precision = np.count_nonzero(found & near_wanted) / n_found
    recall = np.count_nonzero(wanted & near_found) / n_wanted
    return 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)


def box_of(mask):
    """Tight box (x, y, w, h) of a bool mask, or None."""
    ys, xs = np.where(mask.any(1))[0], np.where(mask.any(0))[0]
    return (xs[0], ys[0], xs[-1] + 1 - xs[0], ys[-1] + 1 - ys[0]) if len(ys) else None


def box_iou(a, b):
    """IoU of two boxes (x, y, w, h); None is an absent object."""
    if a is None or b is None:
        return float(a is b)
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    overlap = max(0, width) * max(0, height)
    return overlap / (a[2] * a[3] + b[2] * b[3] - overlap)


def success_auc(ious):
    """Area under the success curve: share of frames above each of the thresholds 0, 0.05 .. 1."""
    return float(np.mean([np.mean(np.asarray(ious) > threshold) for threshold in np.linspace(0, 1, 21)]))


def score_object(sequence, obj, masks):
    """masks: bool [H, W] or None for each frame -> {measure: value}"""
    if not sequence.masks:
        boxes = [(n, truth) for (n, o), truth in sequence.boxes.items() if o == obj]
        ious = [box_iou(None if masks[n] is None else box_of(masks[n]), truth) for n, truth in boxes]
        return dict(box_iou=np.mean(ious), auc=success_auc(ious))
    regions, contours = [], []
    for number in sequence.masks:
        truth = sequence.ids(number) == obj
        mask = np.zeros_like(truth) if masks[number] is None else masks[number]
        regions.append(iou(mask, truth))
        contours.append(contour_accuracy(mask, truth))
    return dict(J=np.mean(regions), F=np.mean(contours), JF=(np.mean(regions) + np.mean(contours)) / 2)


def presence(sequence, obj, masks):
    """What becomes of an object that goes and comes, over all frames with ground truth; overlap is that of masks,
    or of boxes where there are no others. masks: as score_object ->
    absent: frames without the object; junk: pixels claimed on each of them; present: the others;
    missed: share of them without a mask; wrong: share with a mask on something else (overlap below 0.1);
    switches: how often it went over from the object to something else;
    gone: how often the object was away or not held for 5 frames or more, and was there afterwards;
    found: after how many of these it was held again (overlap of 0.5)."""
    numbers = sorted(sequence.masks) if sequence.masks else sorted(n for n, o in sequence.boxes if o == obj)
    junk, missed, wrong, switches, gone, found = [], [], [], 0, 0, 0
    held, away, waiting = False, 0, False           # held: the last sure word on it; away: for how many frames
    for number in numbers:
        mask = masks[number]
        claimed = 0 if mask is None else int(np.count_nonzero(mask))
        if sequence.masks:
            truth = sequence.ids(number) == obj
            there = bool(truth.any())
            overlap = iou(truth, mask) if there and claimed else 0.0
        else:
            truth = sequence.boxes[number, obj]
            there = truth is not None
            overlap = box_iou(box_of(mask), truth) if there and claimed else 0.0
        if not there:
            junk.append(claimed)
        else:
            missed.append(claimed == 0)
            wrong.append(claimed > 0 and overlap < 0.1)
            switches += held and wrong[-1]
        if there and away >= 5 and not waiting:
            gone, waiting = gone + 1, True
        if overlap >= 0.5:
            found += waiting
            held, away, waiting = True, 0, False
        else:
            away += overlap < 0.1
            held = held and not (there and wrong[-1])
    return dict(absent=len(junk), junk=float(np.mean(junk)) if junk else 0.0, present=len(missed),
                missed=float(np.mean(missed)), wrong=float(np.mean(wrong)), switches=switches, gone=gone, found=found)
