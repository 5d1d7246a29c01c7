# SPDX-License-Identifier: Apache-2.0
"""schedule.py plans the same after every restart."""
import itertools
import sys
import unittest
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))
import schedule                                     # noqa: E402


class Plans(unittest.TestCase):
    def test_restarted_midway(self):
        for name, phases in schedule.SCHEDULES.items():
            for scale in (1, 8):
                with self.subTest(schedule=name, scale=scale):
                    begin = max(0, phases[-1][0] - 1_000)           # the last change of phase is among them
                    whole = list(itertools.islice(schedule.plans(3, 100, begin, scale, phases), 200))
                    for passed in (1, 77):
                        samples = begin + sum(plan.scenes * plan.length for _, plan in whole[:passed])
                        rest = schedule.plans(3, 100 + passed, samples, scale, phases)
                        self.assertEqual(list(itertools.islice(rest, 200 - passed)), whole[passed:])


if __name__ == '__main__':
    unittest.main()
