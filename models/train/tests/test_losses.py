# SPDX-License-Identifier: Apache-2.0
"""losses.py: losses fall as masks fit better."""
import math
import sys
import unittest
from pathlib import Path

import torch
import torch.nn.functional as F

sys.path.append(str(Path(__file__).resolve().parents[1]))
from losses import IOU_WEIGHT, cross_entropy_dice, mask_loss    # noqa: E402


def square(count=2, size=64):
    target = torch.zeros(count, size, size)
    target[:, 16:40, 8:48] = 1
    return target


def loss_of(masks, present=(True, True), single_weight=1.0, iou=1.0):
    return mask_loss(masks, torch.full((2, 4), iou), torch.tensor([[20.0 if there else -20.0] for there in present]),
                     square(), torch.tensor(present), single_weight, best_weight=1.0)


def logits_of(target, scale):
    return scale * (2 * F.avg_pool2d(target[:, None], 4).repeat(1, 4, 1, 1) - 1)


class Loss(unittest.TestCase):
    def test_by_hand(self):
        logits, target = torch.zeros(1, 2, 2), torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
        expected = 2 * math.log(2) + 1 - 2.0 / 4
        self.assertAlmostEqual(cross_entropy_dice(logits, target).item(), expected, places=5)

    def test_falls_as_the_mask_fits(self):
        wrong, vague, right = (loss_of(logits_of(square(), scale)) for scale in (-8, 0.5, 8))
        self.assertGreater(wrong.total.item(), vague.total.item())
        self.assertGreater(vague.total.item(), right.total.item())
        self.assertAlmostEqual(right.single, 1, places=5)
        self.assertAlmostEqual(wrong.best, 0, places=2)

    def test_wrong_predicted_iou_costs(self):
        masks = logits_of(square(), 8)
        self.assertAlmostEqual(loss_of(masks, iou=0.25).total.item() - loss_of(masks).total.item(),
                               IOU_WEIGHT * 0.75 ** 2, places=4)

    def test_the_chosen_mask_is_the_one_of_the_highest_predicted_iou(self):
        masks = logits_of(square(), 8)
        masks[:, 2] *= -1
        for token, iou in ((1, 1), (2, 0)):
            predicted = torch.zeros(2, 4)
            predicted[:, 0], predicted[:, token] = 2, 1     # token 0 is not among those to choose from
            loss = mask_loss(masks, predicted, torch.zeros(2, 1), square(), torch.tensor([True, True]), 1.0, 1.0)
            self.assertAlmostEqual(loss.chosen, iou, places=4)
            self.assertAlmostEqual(loss.best, 1, places=4)

    def test_absent_objects_have_their_score_to_learn_alone(self):
        masks = logits_of(square(), 8)
        masks[1] = -masks[1]                        # of the absent one, whatever it is
        self.assertAlmostEqual(loss_of(masks, (True, False)).total.item(),
                               loss_of(logits_of(square(), 8)).total.item(), places=4)

    def test_nobody_there(self):
        loss = loss_of(logits_of(square(), 8), (False, False))
        self.assertTrue(torch.isfinite(loss.total))
        self.assertNotEqual(loss.single, loss.single)       # NaN


if __name__ == '__main__':
    unittest.main()
