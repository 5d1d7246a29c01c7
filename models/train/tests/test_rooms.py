# SPDX-License-Identifier: Apache-2.0
"""compose/rooms.py shows photographs whole, and as a search window shows one of their things."""
import sys
import unittest
from pathlib import Path
from unittest import mock

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1]))
from compose import rooms                           # noqa: E402

SIZE = 160


def photograph(height, width, x, y, w, h):
    """One thing in a picture that has its place for its colours."""
    rows, columns = np.indices((height, width))
    picture = np.dstack([rows * 255 // height, columns * 255 // width, np.zeros_like(rows)]).astype(np.uint8)
    numbers = np.zeros((height, width), np.uint8)
    numbers[y:y + h, x:x + w] = 1
    return picture[None], numbers[None]


def seen(rng, pictures, numbers, length=1, framed=1.0):
    with mock.patch.object(rooms, 'FRAMED', framed):
        return rooms._visited(rng, pictures, numbers, SIZE, length, speed=1)


class Framed(unittest.TestCase):
    def test_the_thing_is_in_the_middle_and_large(self):
        rng = np.random.default_rng(1)
        for _ in range(30):
            _, labels = seen(rng, *photograph(480, 640, 300, 200, 80, 50))
            ys, xs = np.where(labels[0] == 1)
            self.assertTrue(1 / 2.3 < (np.ptp(xs) + 1) / SIZE < 1 / 1.25)
            self.assertLess(abs(xs.mean() / SIZE - 0.5), 0.2)
            self.assertLess(abs(ys.mean() / SIZE - 0.5), 0.2)
            self.assertAlmostEqual(np.ptp(xs) / np.ptp(ys), 80 / 50, delta=0.2)     # not squeezed

    def test_labels_lie_where_the_picture_has_the_thing(self):
        rng = np.random.default_rng(2)
        for box in ((0, 0, 60, 60), (600, 440, 40, 40), (10, 100, 620, 300)):       # at the picture's edges, large
            pictures, numbers = photograph(480, 640, *box)
            frames, labels = seen(rng, pictures, numbers)
            self.assertTrue((labels[0] == 1).any())
            place = frames[0][labels[0] == 1] * [480, 640, 0] / 255
            x, y, w, h = box
            self.assertTrue((place[:, 0] > y - 8).all() and (place[:, 0] < y + h + 8).all())
            self.assertTrue((place[:, 1] > x - 8).all() and (place[:, 1] < x + w + 8).all())

    def test_a_thing_of_few_pixels_is_not_enlarged(self):
        rng = np.random.default_rng(3)
        for _ in range(10):
            _, labels = seen(rng, *photograph(480, 640, 300, 200, 20, 20))
            self.assertLess(np.sqrt((labels[0] == 1).sum()) / SIZE, 0.2)

    def test_neither_clips_nor_the_others_are(self):
        rng = np.random.default_rng(4)
        for options in (dict(length=3), dict(framed=0.0)):
            for _ in range(10):
                _, labels = seen(rng, *photograph(480, 640, 300, 200, 80, 50), **options)
                self.assertLess((labels[0] == 1).sum(), 0.2 * SIZE ** 2)


if __name__ == '__main__':
    unittest.main()
