# SPDX-License-Identifier: Apache-2.0
"""Clips as sam2track's follow-window shows them: a square around an object that is small in a larger frame, moved when
the object is off its middle, larger while it is not seen. The rule is that of src/predictor/follow_window.cc."""
import cv2
import numpy as np

from .random_tools import log_uniform

LARGER = 1.75                   # the frame that is looked at, in units of the clip's side
LARGEST, LARGEST_FROM_WHOLE = 0.25, 0.2     # of the frame's area
GROWTH, NEW_SIZE = 1.15, 0.2
OFF_CENTRE, OFF_SIZE = 0.06, 1.2
SEEN = 12                       # pixels of the object


def box_of(mask):
    """uint8 [H, W] -> its middle [2] and longer side, in pixels."""
    x, y, w, h = cv2.boundingRect(mask)
    return np.array([x + w / 2, y + h / 2]), float(max(w, h))


class Follower:
    """Where to look for an object in frames of one side. Windows are (x, y, side)."""

    def __init__(self, frame, factor):
        self.frame, self.factor, self.window = frame, factor, (0, 0, frame)
        self.middle = self.side = None
        self.unseen = 0

    def next(self):
        side = int(np.ceil(max(self.factor * GROWTH ** self.unseen * self.side, 32)))
        at = np.round(self.middle - side / 2).astype(int)
        wanted = (*np.clip(at, 0, max(0, self.frame - side)), min(side, self.frame))
        if not self.unseen and self._is_near(wanted):
            return self.window
        limit = LARGEST_FROM_WHOLE if self.window[2] == self.frame else LARGEST
        self.window = wanted if wanted[2] ** 2 <= limit * self.frame ** 2 else (0, 0, self.frame)
        return self.window

    def _is_near(self, wanted):
        x, y, side = self.window
        off = max(abs(x + side / 2 - wanted[0] - wanted[2] / 2), abs(y + side / 2 - wanted[1] - wanted[2] / 2))
        return 1 / OFF_SIZE <= side / wanted[2] <= OFF_SIZE and off <= OFF_CENTRE * wanted[2]

    def see(self, middle, side):
        self.middle, self.unseen = middle, 0
        self.side = side if self.side is None else self.side + NEW_SIZE * (side - self.side)

    def miss(self):
        self.unseen += 1


def followed(rng, images, masks, size):
    """images RGB uint8 [T, W, W, 3], masks uint8 [T, K, W, W] -> the same of size x size as the window shows them that
    follows target 0, seen with an error as a network has it. Targets that the first window does not show become
    target 0, so that every target is visible in frame 0."""
    follower = Follower(images.shape[1], log_uniform(rng, 1.8, 3.5))
    follower.see(*box_of(masks[0, 0]))
    seen_images, seen_masks = [], []
    for image, mask in zip(images, masks):
        x, y, side = follower.next()
        part = slice(y, y + side), slice(x, x + side)
        shrinks = side > size
        seen_images.append(cv2.resize(image[part], (size, size),
                                      interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC))
        seen_masks.append([(cv2.resize(one[part].astype(np.float32), (size, size),
                                       interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR) > 0.5)
                           for one in mask])
        shown = np.zeros_like(mask[0])
        shown[part] = mask[0][part]
        if shown.sum() > SEEN:
            middle, longest = box_of(shown)
            follower.see(middle + rng.normal(size=2) * 0.03 * longest, longest * np.exp(rng.normal() * 0.08))
        else:
            follower.miss()
    result = np.array(seen_masks, np.uint8)
    for target in range(1, masks.shape[1]):
        if result[0, target].sum() < 60:
            result[:, target] = result[:, 0]
    return np.stack(seen_images), result
