# SPDX-License-Identifier: Apache-2.0
"""./setup where everything is there, and where it may not or cannot install. Nothing is changed."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TOOLS = ("sh", "cat", "mkdir", "dirname", "sed", "tail", "env", "rm")


def setup(**environment):
    return subprocess.run([ROOT / "setup"], env=dict(os.environ, **environment), text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)


class Setup(unittest.TestCase):
    def setUp(self):
        self.bin = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.bin)
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))

    def fake(self, name, text):
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def test_second_call_does_nothing_and_is_quick(self):
        start = time.monotonic()
        result = setup()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr, "setup: ready\n")
        self.assertLess(time.monotonic() - start, 2)

    def test_without_rights_it_prints_the_command_and_stops(self):
        self.fake("id", "echo 1000")
        self.fake("dpkg-query", "echo 'meson install ok installed'")
        self.fake("apt-get", f"touch {self.bin}/called")
        result = setup(PATH=str(self.bin))
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("apt-get update && apt-get install", result.stderr)
        self.assertIn(" ninja-build ", result.stderr)
        self.assertNotIn(" meson ", result.stderr)
        self.assertFalse((self.bin / "called").exists())

    def test_failing_install_shows_its_end_and_log(self):
        self.fake("id", "echo 0")
        self.fake("dpkg-query", "exit 1")
        self.fake("apt-get", "echo E: no such package; exit 100")
        result = setup(PATH=str(self.bin))
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("E: no such package", result.stderr)
        self.assertIn(".deps/logs/packages.log", result.stderr)

    def test_other_system_is_told_what_it_needs(self):
        result = setup(PATH=str(self.bin))
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("libgstreamer1.0-dev", result.stderr)

    def test_libtorch_elsewhere_must_be_one(self):
        result = setup(LIBTORCH="/usr")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("LIBTORCH=/usr", result.stderr)

    def test_what_was_given_once_is_remembered(self):
        folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        shutil.copy(ROOT / "setup", folder)
        mine = folder / "mine" / "lib"
        mine.mkdir(parents=True)
        (mine / "libtorch_cpu.so").touch()
        self.fake("meson", f'echo "$*" >>{folder}/calls; mkdir -p build; echo >build/build.ninja')
        self.fake("ninja", "echo ninja: no work to do")

        def call(**given):
            environment = {"PATH": str(self.bin), **given}
            return subprocess.run([folder / "setup"], env=environment, text=True,
                                  capture_output=True, timeout=60, check=False)

        for given in ({"LIBTORCH": "mine", "SYSTEM_PACKAGES": "no"}, {}, {}):
            result = call(**given)
            self.assertEqual((result.returncode, result.stderr), (0, "setup: ready\n"), given)
        self.assertEqual((folder / "calls").read_text(),
                         f"setup build -Dlibtorch={mine.parent}\n")
        forgetting = call(SYSTEM_PACKAGES="")
        self.assertIn("this is no Debian system", forgetting.stderr)


if __name__ == "__main__":
    unittest.main()
