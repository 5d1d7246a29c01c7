# SPDX-License-Identifier: Apache-2.0
"""Frames per second of the core and of the official Python code, in turn in one run.

Both get the same random weights, frames (640x360 RGB) and boxes. The official side gets its frames
resized and normalised before it is timed; the core does that within its time. Every side is a
process of its own that is warmed up first; then blocks of frames run in turn, A B A B, and the
median of the blocks' medians counts. The times of single stages come from one more block, in which
the device is waited for at each stage's ends.
"""

import argparse
import contextlib
import csv
import dataclasses
import itertools
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np

import chart
import edgetam
import random_checkpoint

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILTIN = ROOT / "models" / "builtin" / "builtin.safetensors"
WIDTH, HEIGHT, FRAMES = 640, 360, 8
# "follow" is a graph of the three after it, which then have no times of their own.
STAGES = ["frame", "image_encoder", "gather", "follow", "memory_attention", "mask_decoder",
          "memory_encoder", "holes", "masks", "other"]
# "plain" is the core without CUDA graphs, "ahead" the core that is told each frame's next one.
SIDES = ["core-fp32", "core-bf16", "core-fp16", "plain-fp32", "plain-bf16", "plain-fp16",
         "ahead-fp32", "ahead-bf16", "eager-fp32", "eager-bf16", "compiled-bf16"]
USUAL = {"cpu": ["core-fp32", "core-bf16", "eager-fp32", "eager-bf16"],
         "cuda": ["core-bf16", "plain-bf16", "eager-bf16", "compiled-bf16"]}


@dataclasses.dataclass
class Case:
    member: str
    size: int
    objects: int


def is_ours(side):
    return side.split("-")[0] in ("core", "plain", "ahead")


def draw(path):
    """Discs that wander over a pattern, as raw RGB."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] / HEIGHT
    frames = []
    for f in range(FRAMES):
        image = np.stack([100 + 60 * np.sin(17 * x + k + 5 * y) * np.cos((9 + k) * y)
                          for k in range(3)], -1)
        for k in range(16):
            column, row = k % 4, k // 4
            disc = (x - 0.25 - 0.42 * column - 0.004 * f) ** 2 + (y - 0.14 - 0.24 * row) ** 2
            image[disc < 0.008] = np.roll([230, 60 + 10 * k, 30], k)
        frames.append(image)
    np.stack(frames).clip(0, 255).astype(np.uint8).tofile(path)


def boxes(count):
    """One around each disc."""
    return [f"{(0.15 + 0.42 * (k % 4)) * HEIGHT:.0f},{(0.04 + 0.24 * (k // 4 % 4)) * HEIGHT:.0f},"
            f"{0.2 * HEIGHT:.0f},{0.2 * HEIGHT:.0f}" for k in range(count)]


def builtin_size():
    """An official predictor of it takes no other."""
    return int(random_checkpoint.metadata(BUILTIN)["image_size"])


class Side:
    """One contestant: a process that answers questions of the form "N", "N stages" and "N ahead"."""

    def __init__(self, name, case, arguments, folder):
        self.name = name
        kind, precision = name.split("-")
        self.manner = " ahead" if kind == "ahead" else ""
        model = BUILTIN if case.member == "builtin" else folder / f"{case.member}.pt"
        given = [model, folder / "frames.rgb", WIDTH, HEIGHT, case.size, precision,
                 arguments.device, arguments.threads, *boxes(case.objects)]
        command = [ROOT / arguments.build / "tests" / "bench" / "compare_core"]
        if not is_ours(name):
            command = [sys.executable, HERE / "compare_official.py"]
            given += ["--member", case.member] + ["--compile"] * (kind == "compiled")
        environ = edgetam.environment(case.member) | {
            "OMP_NUM_THREADS": str(arguments.threads),
            "GST_SAM2_GRAPHS": "off" if kind == "plain" else "on"}
        # Each runs alone, so that threads that wait for each other may spin: with sleeping ones
        # (OMP_WAIT_POLICY=passive) the official code's encoder of the built-in model's images took
        # twice as long.
        environ.pop("OMP_WAIT_POLICY", None)
        self.log = open(folder / f"{name}.log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [str(part) for part in command + given], env=environ, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log)
        self.blocks, self.stages = [], {}

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            raise RuntimeError(f"{self.name}: {self.log.read().strip()[-2000:]}")
        return json.loads(line)

    def ask(self, question):
        with contextlib.suppress(BrokenPipeError):  # read() tells what it died of
            self.process.stdin.write(question + "\n")
            self.process.stdin.flush()
        return self.read()

    def warm_up(self, frames, patience):
        """patience: seconds after which it is ended."""
        start = time.perf_counter()
        alarm = threading.Timer(patience, self.process.kill)
        alarm.start()
        try:
            self.about = self.read()
            self.ask(str(frames))
        finally:
            alarm.cancel()
            self.warm_up_s = time.perf_counter() - start

    def run_block(self, frames):
        self.blocks.append(statistics.median(self.ask(f"{frames}{self.manner}")["ms"]))

    def run_stages(self, frames):
        answer = self.ask(f"{frames} stages{self.manner}")
        self.stages = answer["stages"]
        # Less than nothing where stages run side by side.
        self.stages["other"] = max(0, statistics.mean(answer["ms"]) - sum(self.stages.values()))
        self.areas, self.gpu_bytes = answer["areas"], answer["gpu_bytes"]
        self.graphs = answer.get("graphs", 0)

    def peak_bytes(self):
        """The most that it held of the host's memory."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) << 10 for line in status.splitlines()
                    if line.startswith("VmHWM"))

    def result(self, case):
        ms = statistics.median(self.blocks)
        return dataclasses.asdict(case) | {
            "side": self.name, "device": self.about["device"], "fps": 1000 / ms, "ms": ms,
            "warm_up_s": self.warm_up_s, "blocks_ms": self.blocks, "stages_ms": self.stages,
            "peak_bytes": self.peak_bytes(), "gpu_bytes": self.gpu_bytes, "graphs": self.graphs,
            "mask_areas": self.areas}

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
        self.log.close()


def warm_up(side, arguments):
    """Whether it is warm now: the official code may be unable to on this machine, which is told."""
    try:
        side.warm_up(arguments.warmup, arguments.patience)
    except RuntimeError as error:
        if is_ours(side.name):
            raise
        print(f"left out after {side.warm_up_s:.0f} s: {error}", file=sys.stderr, flush=True)
        return False
    return True


def compare(case, names, arguments, folder):
    """The results of all sides, each with its speed relative to every official one."""
    sides = []
    try:
        for name in names:  # they load their weights side by side
            sides.append(Side(name, case, arguments, folder))
        warm = [side for side in sides if warm_up(side, arguments)]
        for _ in range(arguments.blocks):
            for side in warm:
                side.run_block(arguments.frames)
        for side in warm:
            side.run_stages(max(1, arguments.frames // 2))
        results = [side.result(case) for side in warm]
    finally:
        for side in sides:
            side.close()
    for result in results:
        result["ratios"] = {other["side"]: other["ms"] / result["ms"] for other in results
                            if not is_ours(other["side"])}
    return results


def show(results):
    case = results[0]
    print(f"\n{case['member']} at {case['size']}, {case['objects']} object(s), on {case['device']}")
    print(f"  {'side':14}{'FPS':>8}{'ms':>10}" + "".join(f"{name:>17}" for name in STAGES)
          + f"{'peak MB':>9}{'GPU MB':>8}{'graphs':>8}  times as fast as")
    for r in results:
        stages = "".join(f"{r['stages_ms'].get(name, 0):17.2f}" for name in STAGES)
        gpu = f"{r['gpu_bytes'] / 1e6:.0f}" if r["gpu_bytes"] else ""
        ratios = ", ".join(f"{name} {value:.2f}" for name, value in r["ratios"].items()
                           if name != r["side"])
        print(f"  {r['side']:14}{r['fps']:8.2f}{r['ms']:10.2f}{stages}{r['peak_bytes'] / 1e6:9.0f}"
              f"{gpu:>8}{r['graphs'] or '':>8}  {ratios}", flush=True)


def write(results, about, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(about | {"results": results}, indent=1) + "\n")
    with open(folder / "results.csv", "w", encoding="ascii", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["member", "size", "objects", "side", "device", "fps", "ms",
                       *(f"{name}_ms" for name in STAGES), "peak_bytes", "gpu_bytes",
                       "graphs", *(f"ratio_to_{name}" for name in SIDES if not is_ours(name))])
        for r in results:
            rows.writerow([*(r[key] for key in ("member", "size", "objects", "side", "device",
                                                "fps", "ms")),
                           *(r["stages_ms"].get(name, "") for name in STAGES), r["peak_bytes"],
                           r["gpu_bytes"], r["graphs"],
                           *(r["ratios"].get(name, "") for name in SIDES if not is_ours(name))])
    groups = [(f"{key[0]} {key[1]}, {key[2]} obj.", {r["side"]: r["fps"] for r in some})
              for key, some in itertools.groupby(
                  results, lambda r: (r["member"], r["size"], r["objects"]))]
    chart.draw_bars(folder / "results.png", f"frames per second on {about['hardware']}", groups)


def hardware(device):
    if device == "cuda":
        return subprocess.run(
            [sys.executable, "-c", "import torch; print(torch.cuda.get_device_name(0))"],
            check=True, capture_output=True, text=True).stdout.strip()
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return f"{line.split(': ')[1]}, {os.cpu_count()} cores"
    return platform.machine()


def make_weights(member, folder):
    if member != "builtin":
        subprocess.run([sys.executable, HERE / "random_weights.py", member,
                        folder / f"{member}.pt"], check=True, env=edgetam.environment(member))


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("members", nargs="*", default=["sam2.1-tiny"], metavar="MEMBER",
                        help="as tests/parity/run knows them, or builtin (default: sam2.1-tiny)")
    parser.add_argument("--size", type=int, nargs="+", default=[1024])
    parser.add_argument("--objects", type=int, nargs="+", default=[1], help="at most 16")
    parser.add_argument("--sides", nargs="+", choices=SIDES,
                        help="who runs (default: what the device is usually used with)")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--warmup", type=int, default=8,
                        help="frames before the first block; 7 fill the memories of frames")
    parser.add_argument("--blocks", type=int, default=2)
    parser.add_argument("--frames", type=int, default=4, help="in each block")
    parser.add_argument("--patience", type=float, default=1800, metavar="SECONDS",
                        help="an official side that is not warm by then is left out")
    parser.add_argument("--build", default="build", help="the build folder")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "out" / "compare")
    return parser.parse_args()


def main():
    arguments = parse()
    names = arguments.sides or USUAL[arguments.device]
    about = {"hardware": hardware(arguments.device), "device": arguments.device,
             "threads": arguments.threads, "warmup": arguments.warmup, "blocks": arguments.blocks,
             "frames": arguments.frames}
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    results = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        draw(folder / "frames.rgb")
        for member in arguments.members:
            make_weights(member, folder)
            sizes = [builtin_size()] if member == "builtin" else arguments.size
            for size, objects in itertools.product(sizes, arguments.objects):
                some = compare(Case(member, size, objects), names, arguments, folder)
                show(some)
                results += some
                write(results, about, arguments.output)  # also when a later case fails
    print(f"\nwritten to {arguments.output}")


if __name__ == "__main__":
    main()
