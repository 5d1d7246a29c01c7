# SPDX-License-Identifier: Apache-2.0
"""compose/follow.py shows a small thing of a large frame as sam2track's follow-window does."""
import sys
import unittest
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from compose.follow import GROWTH, Follower, box_of, followed       # noqa: E402

FRAME, SIZE = 560, 320


def clip(places, side=40, other=None):
    """White squares of `side` px with these upper left corners, None: no square, on a frame that has its place for its
    colours; a second target at `other`."""
    rows, columns = np.indices((FRAME, FRAME))
    ground = np.dstack([rows * 200 // FRAME, columns * 200 // FRAME, np.zeros_like(rows)]).astype(np.uint8)
    images, masks = np.stack([ground] * len(places)), np.zeros((len(places), 2, FRAME, FRAME), np.uint8)
    for t, place in enumerate(places):
        for k, at in enumerate((place, other or place)):
            if at:
                part = slice(at[1], at[1] + side), slice(at[0], at[0] + side)
                masks[(t, k) + part] = 1
                images[(t,) + part] = 255
    return images, masks


class Followed(unittest.TestCase):
    def setUp(self):
        self.rng = np.random.default_rng(1)

    def test_the_thing_stays_near_the_middle_and_is_enlarged(self):
        _, masks = followed(self.rng, *clip([(100 + 9 * t, 300 - 5 * t) for t in range(12)]), SIZE)
        for mask in masks[:, 0]:
            middle, side = box_of(mask)
            self.assertLess(np.abs(middle / SIZE - 0.5).max(), 0.2)
            self.assertGreater(side, 1.5 * 40)

    def test_masks_lie_where_the_picture_has_the_thing(self):
        images, masks = followed(self.rng, *clip([(30 * t, 200) for t in range(10)]), SIZE)
        for image, mask in zip(images, masks[:, 0]):
            white = image.min(2) > 128
            self.assertGreater((white & (mask > 0)).sum() / (white | (mask > 0)).sum(), 0.9)

    def test_a_large_thing_is_shown_in_the_whole_frame(self):
        images, masks = followed(self.rng, *clip([(100, 100)] * 2, side=200), SIZE)
        self.assertEqual(images.shape, (2, SIZE, SIZE, 3))
        self.assertAlmostEqual(box_of(masks[0, 0])[1] / SIZE, 200 / FRAME, delta=0.01)

    def test_what_is_out_of_the_first_window_is_no_target(self):
        _, masks = followed(self.rng, *clip([(100, 100)] * 3, other=(480, 480)), SIZE)
        self.assertTrue((masks[:, 1] == masks[:, 0]).all())
        _, masks = followed(self.rng, *clip([(100, 100)] * 3, other=(120, 110)), SIZE)
        self.assertFalse((masks[:, 1] == masks[:, 0]).all())
        self.assertTrue(masks[:, 1].any())

    def test_what_comes_back_elsewhere_is_found_in_a_larger_window(self):
        _, masks = followed(self.rng, *clip([(100, 100)] + [None] * 20 + [(400, 420)] * 4), SIZE)
        self.assertFalse(masks[1:21].any())
        self.assertAlmostEqual(box_of(masks[21, 0])[1] / SIZE, 40 / FRAME, delta=0.01)      # in the whole frame
        self.assertGreater(box_of(masks[23, 0])[1], 1.5 * 40)


class TheRule(unittest.TestCase):
    """As tests/core/follow_window_test.cc has it."""

    def setUp(self):
        self.follower = Follower(1000, 2.5)
        self.follower.see(np.array([500., 300.]), 80.)

    def test_it_is_not_moved_for_little(self):
        first = self.follower.next()
        self.assertEqual(first, (400, 200, 200))
        self.follower.see(np.array([512., 300.]), 80.)
        self.assertEqual(self.follower.next(), first)
        self.follower.see(np.array([514., 300.]), 80.)
        self.assertEqual(self.follower.next(), (414, 200, 200))

    def test_one_poor_mask_does_not_take_it_away(self):
        self.follower.next()
        self.follower.see(np.array([500., 300.]), 10.)
        self.assertGreaterEqual(self.follower.next()[2], 160)

    def test_it_grows_while_nothing_is_seen_to_the_whole_frame(self):
        side = self.follower.next()[2]
        self.follower.miss()
        self.assertAlmostEqual(self.follower.next()[2], side * GROWTH, delta=1)
        for _ in range(20):
            self.follower.miss()
        self.assertEqual(self.follower.next(), (0, 0, 1000))


if __name__ == '__main__':
    unittest.main()
