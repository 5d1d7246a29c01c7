# SPDX-License-Identifier: Apache-2.0
"""What is kept from training, and what is scored where nothing is to be seen."""
import math
import sys
import unittest
from pathlib import Path

import torch

sys.path.append(str(Path(__file__).resolve().parents[1]))
from compose.assets import held_out                 # noqa: E402
from losses import mask_loss                        # noqa: E402


class HeldOut(unittest.TestCase):
    def test_views_of_a_picture_stay_together(self):
        answers = {number: {held_out(source, f'/{source}/{number:016x}#{view}_1.png')
                            for source in ('coco-objects', 'coco-scenes') for view in range(3)}
                   for number in range(200)}
        self.assertTrue(all(len(answer) == 1 for answer in answers.values()))
        self.assertEqual(set.union(*answers.values()), {True, False})

    def test_nothing_whose_other_views_are_trained_on(self):
        for source in ('objects', 'scans', 'vehicles', 'people', 'freedoom', 'sweethome3d', 'rooms', 'photo-scenes',
                       'photo-objects'):
            self.assertFalse(any(held_out(source, f'/{source}/thing{i}-a_6.png') for i in range(200)), source)


class Scored(unittest.TestCase):
    def scored(self, present):
        target = torch.zeros(2, 32, 32)
        target[0, 8:24, 8:24] = 1
        masks = 20 * torch.nn.functional.avg_pool2d(target[:, None], 2).expand(-1, 4, -1, -1) - 10
        return mask_loss(masks, torch.ones(2, 4), torch.zeros(2, 1), target, torch.tensor(present), 1.0, 1.0)

    def test_present_objects_alone(self):
        loss = self.scored([True, False])
        self.assertEqual((loss.single, loss.best), (1, 1))

    def test_none_is_no_score(self):
        loss = self.scored([False, False])
        self.assertTrue(math.isnan(loss.single) and math.isnan(loss.best))
        self.assertTrue(torch.isfinite(loss.total))


if __name__ == '__main__':
    unittest.main()
