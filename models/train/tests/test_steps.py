# SPDX-License-Identifier: Apache-2.0
"""steps.py corrects masks as users do: where they are wrong, in the middle of the largest error or anywhere; and works
on each object once."""
import sys
import unittest
from pathlib import Path

import numpy as np
import torch

sys.path.append(str(Path(__file__).resolve().parents[1]))
from compose.batch import Batch                     # noqa: E402
from network import build                           # noqa: E402
from steps import correction, spoilt, train_step    # noqa: E402

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


class Merged(unittest.TestCase):
    """Targets that are there twice cost nothing twice, and count as much."""

    def batch(self, length, kind='bp'):
        rng, size = np.random.default_rng(1), SIZE
        masks = np.zeros((2, length, 3, size, size), np.uint8)
        masks[:, :, 0, 8:30, 8:40] = 1
        masks[0, :, 1, 30:60, 20:60] = masks[1, :, 1, 30:60, 5:30] = 1
        masks[0, :, 2], masks[1, :, 2] = masks[0, :, 1], masks[1, :, 0]
        points = np.float32([[8, 8], [40, 30], [20, 20]])[None, None].repeat(2, 0).repeat(3, 1)
        labels = np.int64([2, 3, 1])[None, None].repeat(2, 0).repeat(3, 1)
        images = rng.integers(0, 256, (2, length, size, size, 3)).astype(np.uint8)
        return Batch(images, masks, points, labels, np.ones((2, 3), np.float32), kind)

    def test_one_stands_for_all(self):
        self.assertEqual(self.batch(1).merged().weights.tolist(), [[1, 2, 0], [2, 1, 0]])
        self.assertEqual(self.batch(1).merged().merged().weights.tolist(), [[1, 2, 0], [2, 1, 0]])

    def test_the_loss_is_the_same(self):
        torch.manual_seed(1)
        model = build(SIZE).eval()
        for length, options in ((1, dict(rounds=2)), (3, dict(corrected=0))):
            batch = self.batch(length)
            whole, merged = (train_step(model, some, torch.Generator().manual_seed(3), **options)
                             for some in (batch, batch.merged()))
            self.assertAlmostEqual(whole[0].item(), merged[0].item(), delta=2e-3 * whole[0].item())
            self.assertEqual(set(whole[1]), set(merged[1]))


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
