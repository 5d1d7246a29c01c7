# SPDX-License-Identifier: Apache-2.0
"""Called by tests/bench/startup with a folder that holds ours/ and empty/, a plugin in each."""

import os
import pathlib
import statistics
import subprocess
import sys
import time

ROUNDS = 15


def seconds(folder, feature):
    registry = folder / "registry.bin"
    registry.unlink(missing_ok=True)
    environment = dict(os.environ, GST_REGISTRY=str(registry), GST_PLUGIN_PATH=str(folder),
                       GST_PLUGIN_SYSTEM_PATH_1_0="")
    start = time.perf_counter()
    subprocess.run(["gst-inspect-1.0", feature], env=environment, check=True,
                   stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main():
    work = pathlib.Path(sys.argv[1])
    ours, empty = [], []
    for _ in range(ROUNDS):  # in turn, so that both meet the same machine
        ours.append(seconds(work / "ours", "sam2track"))
        empty.append(seconds(work / "empty", "empty"))
    ours, empty = statistics.median(ours), statistics.median(empty)
    print(f"gst-inspect-1.0 sam2track {ours * 1000:.1f} ms, empty plugin {empty * 1000:.1f} ms, "
          f"difference {(ours - empty) * 1000:.1f} ms (median of {ROUNDS})")


if __name__ == "__main__":
    main()
