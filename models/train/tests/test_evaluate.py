# SPDX-License-Identifier: Apache-2.0
"""The parts of models/evaluate that need no element."""
import sys
import unittest
from pathlib import Path

import numpy as np
from pycocotools import mask as coco_mask

sys.path.append(str(Path(__file__).resolve().parents[2] / 'evaluate'))
import elements                                     # noqa: E402
import scores                                       # noqa: E402
import tables                                       # noqa: E402


def square(x, y, side=20):
    mask = np.zeros((60, 80), bool)
    mask[y:y + side, x:x + side] = True
    return mask


class Scores(unittest.TestCase):
    def test_contour_accuracy(self):
        empty = np.zeros((60, 80), bool)
        self.assertEqual(scores.contour_accuracy(square(10, 10), square(10, 10)), 1)
        self.assertEqual(scores.contour_accuracy(empty, empty), 1)
        self.assertEqual(scores.contour_accuracy(empty, square(10, 10)), 0)
        self.assertEqual(scores.contour_accuracy(square(10, 10), empty), 0)
        # A pixel is the tolerance at this size: one is forgiven, of two the edges across are lost.
        self.assertEqual(scores.contour_accuracy(square(11, 10), square(10, 10)), 1)
        self.assertAlmostEqual(scores.contour_accuracy(square(12, 10), square(10, 10)), 0.5, 1)
        self.assertEqual(scores.contour_accuracy(square(50, 10), square(10, 10)), 0)

    def test_success_auc(self):
        self.assertAlmostEqual(scores.success_auc(np.ones(5)), 20 / 21)         # none is above the last threshold
        self.assertEqual(scores.success_auc(np.zeros(5)), 0)


class Decoded(unittest.TestCase):
    def test_as_pycocotools(self):
        rng = np.random.default_rng(1)
        masks = [rng.random((37, 53)) < share for share in (0, 0.02, 0.5, 0.98, 1)]
        for mask in [*masks, square(10, 10), square(0, 0, 60)]:
            code = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
            np.testing.assert_array_equal(elements.decoded(dict(code, counts=code['counts'].decode())), mask)


class Tables(unittest.TestCase):
    def test_no_rows(self):
        self.assertEqual(tables.by_sequence([], ['J']), '(none)')

    def test_means_of_objects_then_of_sequences(self):
        rows = [dict(sequence='a', J=1.0), dict(sequence='a', J=0.5), dict(sequence='b', J=0.25)]
        self.assertEqual([line.split() for line in tables.by_sequence(rows, ['J']).splitlines()],
                         [['J'], ['a', '0.750'], ['b', '0.250'], ['mean', '0.500']])


if __name__ == '__main__':
    unittest.main()
