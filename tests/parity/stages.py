# SPDX-License-Identifier: Apache-2.0
"""Compares one member with the reference, stage by stage and over a whole video.

Both get the same weights (a .pt file as torch.save writes it) and the same inputs. Run it by `run`.
"""

import argparse
import collections
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from safetensors.torch import load_file

import members
from inputs import FRAMES, script
from reference_stages import Reference, swap_rotary_axes
from sequences import iou

# Largest difference relative to the largest value of a stage; memories are kept in bfloat16,
# where one step is 2^-8.
TOLERANCE = {"memory.soft": 0.01, "memory.binary": 0.01}
DEFAULT_TOLERANCE = 2e-4
LEAST_IOU, LEAST_MEAN_IOU = 0.9, 0.995


def run_ours(dump, folder, reference, size):
    """Returns (all outputs by name, the member's name as recognised)."""
    prompts = script(size) if reference.video else []
    (folder / "script.json").write_text(json.dumps(prompts))
    done = subprocess.run(
        [dump, folder / "model.pt", folder / "script.json", folder / "out.safetensors", str(size),
         str(0 if reference.only_encoder else reference.frames)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr.strip())
    return load_file(folder / "out.safetensors"), done.stdout.split()[1]


def compare(ours, theirs, failures):
    """Prints one line for each group of stages."""
    groups = collections.defaultdict(list)
    for name, b in theirs.items():
        if name.startswith("video."):
            continue
        a = ours[name].reshape(b.shape)
        absolute = (a - b).abs().max().item()
        relative = absolute / max(b.abs().max().item(), 1e-12)
        parts = name.split(".")
        tolerance = TOLERANCE.get(name, DEFAULT_TOLERANCE)
        group = ("attention" if parts[0] == "attention" else
                 "memory.pos" if name.startswith("memory.pos") else
                 name if parts[0] in ("trunk", "neck", "prompt", "memory") else
                 f"{parts[0]}.{parts[-1]}")
        groups[group].append((relative, absolute, name))
        if not relative <= tolerance:  # not a number fails too
            failures.append(f"{name}: relative difference {relative:.2e} above {tolerance:g}")
    scores = [theirs[name].item() for name in theirs if name.endswith(".score")
              and name.startswith(("heads", "refined"))]
    if scores:
        print(f"  object scores {min(scores):.2f} .. {max(scores):.2f}")
    print(f"  {'stage':24} {'tensors':>7} {'absolute':>10} {'relative':>10}")
    for group, values in groups.items():
        relative, absolute, _ = max(values)
        print(f"  {group:24} {len(values):7} {absolute:10.2e} {relative:10.2e}")


def compare_video(ours, theirs, failures):
    names = [name for name in theirs if name.startswith("video.logits.")]
    if not names:
        return
    values, filled, signs = [], 0, collections.Counter()
    for name in names:
        a, b = ours[name.replace("logits", "mask")].numpy() > 0, theirs[name].numpy() > 0
        values.append((iou(a, b), name))
        filled += 0 < b.mean() < 1
    scores = [name for name in theirs if name.startswith("video.score.")]
    difference = max((ours[name] - theirs[name]).abs().item() for name in scores)
    for name in scores:
        signs[bool(theirs[name] > 0.5)] += 1
    mean, (low, where) = np.mean([v for v, _ in values]), min(values)
    print(f"  video: {len(values)} masks ({filled} with edges), mean IoU {mean:.6f}, lowest "
          f"{low:.6f} ({where}); scores differ by {difference:.2e}, {signs[True]} present, "
          f"{signs[False]} absent")
    if (sum(name.startswith("video.mask.") for name in ours)) != len(names):
        failures.append("video: other objects")
    if not (mean >= LEAST_MEAN_IOU and low >= LEAST_IOU):
        key = where.replace("logits", "score")
        failures.append(f"video: mean IoU {mean:.4f}, lowest {low:.4f}, there the object scores "
                        f"are {ours[key].item():.4f} and {theirs[key].item():.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("member", choices=members.MEMBERS)
    parser.add_argument("--size", type=int, default=256, help="the network's input, pixels")
    parser.add_argument("--dump", required=True, help="the program stage_dump")
    parser.add_argument("--only-encoder", action="store_true")
    parser.add_argument("--no-video", action="store_true")
    parser.add_argument("--frames", type=int, default=FRAMES, help="of the video")
    parser.add_argument("--wrong-rotary-axes", action="store_true",
                        help="a mistake in the reference that must be found")
    arguments = parser.parse_args()
    if arguments.wrong_rotary_axes:
        swap_rotary_axes()
    start = time.monotonic()
    with torch.inference_mode(), tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        reference = Reference(arguments.member, arguments.size, arguments.only_encoder,
                              not arguments.no_video, arguments.frames)
        reference.save(folder / "model.pt")
        theirs = reference.run()
        between = time.monotonic()
        ours, member = run_ours(arguments.dump, folder, reference, arguments.size)
    failures = [] if member == arguments.member else [f"recognised as {member}"]
    print(f"{arguments.member} at {arguments.size}: reference {between - start:.0f} s, "
          f"ours {time.monotonic() - between:.0f} s")
    compare(ours, theirs, failures)
    compare_video(ours, theirs, failures)
    for failure in failures[:20]:
        print(f"  FAILED {failure}")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
