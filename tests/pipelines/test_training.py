# SPDX-License-Identifier: Apache-2.0
"""models/train/tests, where models/train/setup has made the environment that they need."""

import pathlib
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PYTHON = ROOT / ".deps" / "train" / "bin" / "python"


@unittest.skipUnless(PYTHON.exists(), "no environment of the training, see models/train/setup")
class Training(unittest.TestCase):
    def test_its_own_tests(self):
        done = subprocess.run([PYTHON, "-m", "unittest", "discover", "-s", "models/train/tests"],
                              cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    unittest.main()
