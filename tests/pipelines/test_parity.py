# SPDX-License-Identifier: Apache-2.0
"""The network against the reference code, live: a Hiera member and EdgeTAM.

Needs 5 GB of Python packages, so only where PARITY=yes asks for it (as .ci/run does).
"""

import os
import pathlib
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RUN = ROOT / "tests" / "parity" / "run"
NO_NETWORK = ("Could not find a version", "No matching distribution", "Connection", "timed out",
              "Temporary failure in name resolution", "Network is unreachable", "ProxyError")


@unittest.skipUnless(os.environ.get("PARITY") == "yes", "wanted with PARITY=yes only")
class Parity(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        done = subprocess.run([RUN, "--prepare"], capture_output=True, text=True)
        if done.returncode == 0:
            return
        if any(sign in done.stderr for sign in NO_NETWORK):
            raise unittest.SkipTest("no network to install the reference code from")
        raise RuntimeError(done.stderr)

    def compare(self, *arguments):
        done = subprocess.run([RUN, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True)
        print(done.stdout, flush=True)
        return done

    def test_sam21_tiny(self):
        done = self.compare("sam2.1-tiny")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_edgetam(self):
        done = self.compare("edgetam")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_wrong_constant_is_found(self):
        done = self.compare("sam2.1-tiny", "--no-video", "--wrong-rotary-axes")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"FAILED attention\.\d+: relative difference")


if __name__ == "__main__":
    unittest.main()
