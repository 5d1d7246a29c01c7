# SPDX-License-Identifier: Apache-2.0
"""The network against the reference code, live: a Hiera member and EdgeTAM.

Needs 5 GB of Python packages, so only where PARITY=yes asks for it (as .ci/run does).
"""

import functools
import os
import pathlib
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RUN = ROOT / "tests" / "parity" / "run"
NO_NETWORK = ("Connection", "timed out", "Temporary failure in name resolution",
              "Network is unreachable", "ProxyError")
NO_ROOM = "No space left on device"


@functools.cache
def prepare():
    """Makes the Python environments, once; returns why that failed, or nothing."""
    done = subprocess.run([RUN, "--prepare"], capture_output=True, text=True)
    return done.stderr if done.returncode else ""


@unittest.skipUnless(os.environ.get("PARITY") == "yes", "wanted with PARITY=yes only")
class Parity(unittest.TestCase):
    def setUp(self):
        error = prepare()
        if any(sign in error for sign in NO_NETWORK):
            self.skipTest("no network to install the reference code from")
        if NO_ROOM in error:
            self.skipTest("no room for the reference code, which takes some 10 GB while it installs")
        self.assertFalse(error, error)

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
