# SPDX-License-Identifier: Apache-2.0
"""steps.py corrects masks as users do: where they are wrong, in the middle of the largest error or anywhere."""
import sys
import unittest
from pathlib import Path

import torch

sys.path.append(str(Path(__file__).resolve().parents[1]))
from steps import correction, spoilt                # noqa: E402

SIZE = 64


def rectangle(x0, y0, x1, y1, size=SIZE):
    mask = torch.zeros(size, size)
    mask[y0:y1, x0:x1] = 1
    return mask


def logits(*masks):
    return 20 * torch.stack(masks) - 10


class Correction(unittest.TestCase):
    def setUp(self):
        self.generator = torch.Generator().manual_seed(1)

    def clicked(self, found, target, centred):
        at, label = correction(found, target, self.generator, centred)
        self.assertEqual([tuple(at.shape), tuple(label.shape)], [(len(target), 1, 2), (len(target), 1)])
        return at[:, 0].tolist(), label[:, 0].tolist()

    def test_in_the_middle_of_what_is_missing_or_too_much(self):
        target = torch.stack([rectangle(10, 10, 40, 40), rectangle(10, 10, 40, 40)])
        found = logits(rectangle(10, 10, 25, 40), rectangle(0, 10, 40, 40))     # half of it; a strip of 10 too much
        (missing, extra), labels = self.clicked(found, target, centred=True)
        self.assertEqual(labels, [1, 0])
        self.assertTrue(30 < missing[0] < 35 and 15 < missing[1] < 35)
        self.assertTrue(3 < extra[0] < 7 and 13 < extra[1] < 37)

    def test_the_larger_of_two_errors(self):
        target = rectangle(10, 10, 40, 40)[None]
        found = logits(rectangle(14, 10, 60, 40))                               # 4 missing, 20 too much
        (at,), labels = self.clicked(found, target, centred=True)
        self.assertEqual(labels, [0])
        self.assertGreater(at[0], 45)

    def test_anywhere_it_is_wrong(self):
        target, found = rectangle(10, 10, 40, 40)[None], logits(rectangle(10, 10, 25, 40))
        places = set()
        for _ in range(20):
            (at,), labels = self.clicked(found, target, centred=False)
            self.assertEqual(labels, [1])
            self.assertTrue(25 <= at[0] < 40 and 10 <= at[1] < 40, at)
            places.add(tuple(at))
        self.assertGreater(len(places), 10)

    def test_of_a_mask_that_is_right(self):
        target = rectangle(10, 10, 40, 40)[None]
        for centred in (False, True):
            (at,), (label,) = self.clicked(logits(target[0]), target, centred)
            self.assertEqual(label, target[0, int(at[1]), int(at[0])])

    def test_of_logits_that_are_smaller_than_the_picture(self):
        target, found = rectangle(16, 16, 48, 48)[None], logits(rectangle(4, 4, 8, 12, SIZE // 4))
        (at,), labels = self.clicked(found, target, centred=True)
        self.assertEqual(labels, [1])
        self.assertTrue(35 < at[0] < 45 and 20 < at[1] < 44, at)


class Spoilt(unittest.TestCase):
    def test_masks_of_about_the_same_thing(self):
        target, generator = rectangle(16, 16, 48, 48)[None], torch.Generator().manual_seed(1)
        kinds = set()
        for _ in range(40):
            other = spoilt(target, generator)
            self.assertEqual(other.shape, target.shape)
            self.assertTrue(((other == 0) | (other == 1)).all())
            self.assertTrue((other * target).any())
            kinds.add((other.sum() > target.sum()).item())
        self.assertEqual(kinds, {False, True})


if __name__ == '__main__':
    unittest.main()
