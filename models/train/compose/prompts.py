# SPDX-License-Identifier: Apache-2.0
"""Prompts drawn from masks, as a user gives them: loose boxes, clicks inside, clicks beside."""
import cv2
import numpy as np


def innermost(mask):
    """Index of the pixel of a mask uint8 [S, S] that is farthest from what is outside (the frame's edge is), and how
    far."""
    padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
    index = int(distance.argmax())
    return index, distance.flat[index]


def click(rng, mask, centred=0.4):
    """A point (x, y) inside a mask uint8 [S, S]: its innermost one, or any not on its edge."""
    if rng.random() < centred:
        index, _ = innermost(mask)
    else:
        inner = cv2.erode(mask, np.ones((3, 3), np.uint8))
        index = int(rng.choice(np.flatnonzero(inner if inner.any() else mask)))
    return index % mask.shape[1] + 0.5, index // mask.shape[1] + 0.5


def box(rng, mask):
    """The mask's tight box (x0, y0, x1, y1), each side moved by up to 10 % of its length."""
    ys, xs = np.where(mask.any(1))[0], np.where(mask.any(0))[0]
    tight = np.array([xs[0], ys[0], xs[-1] + 1, ys[-1] + 1], np.float32)
    sides = np.tile(tight[2:] - tight[:2], 2)
    loose = 0.1 if rng.random() < 0.7 else 0.02
    noise = np.clip(rng.normal(size=4) * loose * 0.6, -loose, loose) * sides
    return np.clip(tight + np.clip(noise, -20, 20), 0, mask.shape[0])


def prompts(rng, masks, kind):
    """masks [K, S, S]; kind: one letter a prompt, b box, p positive, n negative click
    -> coordinates float32 [K, P, 2], labels int64 [K, P] (2 and 3 are a box's corners)."""
    points, labels = [], []
    for mask in masks:
        at, label = [], []
        for letter in kind:
            if letter == 'b':
                x0, y0, x1, y1 = box(rng, mask)
                at += [(x0, y0), (x1, y1)]
                label += [2, 3]
            elif letter == 'p':
                at.append(click(rng, mask))
                label.append(1)
            else:
                around = cv2.dilate(mask, np.ones((15, 15), np.uint8)) - mask
                at.append(click(rng, around if around.any() else 1 - mask, 0))
                label.append(0)
        points.append(at)
        labels.append(label)
    return np.array(points, np.float32), np.array(labels, np.int64)
