# SPDX-License-Identifier: Apache-2.0
"""Where a member's reference code comes from."""

import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE.parent.parent / ".deps" / "parity-edgetam"


def environment(member):
    """The environment of a process that runs the member's reference code."""
    environ = dict(os.environ)
    if member != "edgetam":
        return environ
    # The same module name as sam2's: a folder of its own, in front of the other.
    if not FOLDER.exists():
        unfinished = FOLDER.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        subprocess.run([HERE / "venv", "-m", "pip", "install", "--quiet", "--no-deps",
                        "--target", unfinished, "edgetam-dimos==1.0.1"], check=True)
        unfinished.rename(FOLDER)
    path = os.pathsep.join(filter(None, [str(FOLDER), environ.get("PYTHONPATH")]))
    return environ | {"PARITY_EDGETAM": "1", "PYTHONPATH": path}
