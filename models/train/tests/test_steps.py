# SPDX-License-Identifier: Apache-2.0
"""steps.py corrects masks as users do, where they are wrong, in the middle of the largest error or anywhere; works on
each object once; and learns from some frames in a row of a long clip."""
import sys
import unittest
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

sys.path.append(str(Path(__file__).resolve().parents[1]))
from asking import correction, spoilt               # noqa: E402
from clips import LEARNT, LONG, mistaken            # noqa: E402
from compose.batch import Batch                     # noqa: E402
from network import build                           # noqa: E402
from steps import train_step                        # noqa: E402

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


class LongClips(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(1)
        self.model, self.batch = build(SIZE).train(), Merged().batch(LONG + 2).merged()

    def step(self, seed, **options):
        return train_step(self.model, self.batch, torch.Generator().manual_seed(seed), **options)

    def test_some_frames_in_a_row_are_learnt_from(self):
        ends = set()
        for seed in range(3):
            self.model.zero_grad(set_to_none=True)
            loss, log = self.step(seed, corrected=0)
            loss.backward()
            last = max(int(name.split('_')[1]) for name in log)
            self.assertTrue(LEARNT <= last <= LONG + 1)
            ends.add(last)
            for part in (self.model.memory_encoder, self.model.memory_attention, self.model.image_encoder):
                self.assertTrue(any(p.grad is not None and p.grad.any() for p in part.parameters()))
        self.assertGreater(len(ends), 1)

    def test_the_whole_clip_where_it_is_scored(self):
        with torch.no_grad():
            _, log = self.step(1, corrected=0, whole=True)
        self.assertEqual(sum(name.endswith('shown') for name in log), LONG + 2)

    def test_carried_on_from_the_true_mask(self):
        batch = replace(self.batch, kind='m')
        with torch.no_grad():
            found = [train_step(self.model, batch, torch.Generator().manual_seed(seed), corrected=0, whole=True,
                                carried=True)[1] for seed in (1, 2)]
        self.assertEqual(*found)                    # nothing is drawn
        self.assertNotIn('clip_0', found[0])
        self.assertIn('clip_1', found[0])


class Mistaken(unittest.TestCase):
    def test_another_of_the_same_scene(self):
        target = torch.stack([rectangle(0, 0, 20, 20), rectangle(40, 40, 60, 60), rectangle(5, 30, 25, 50)])
        scenes, kinds = torch.tensor([0, 0, 1]), set()
        for seed in range(20):
            wrong = mistaken(target, scenes, torch.Generator().manual_seed(seed))
            self.assertEqual(wrong.shape, target.shape)
            self.assertFalse((wrong[2] * target[:2].amax(0)).any())     # has no other
            if (wrong[0] == target[1]).all():
                kinds.add('other')
            elif (wrong[0] == torch.maximum(target[0], target[1])).all():
                kinds.add('both')
            else:
                self.assertFalse((wrong[0] * target[1]).any())
                kinds.add('spoilt')
        self.assertEqual(kinds, {'other', 'both', 'spoilt'})


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
