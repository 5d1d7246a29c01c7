# SPDX-License-Identifier: Apache-2.0
"""The official side of compare: same arguments, questions and answers as compare_core.cc.

  compare_official.py MODEL FRAMES WIDTH HEIGHT SIZE PRECISION DEVICE THREADS BOX... --member NAME
      [--compile]
"""

import argparse
import collections
import contextlib
import inspect
import json
import sys
import time

import numpy as np
import torch

import members
import reference  # noqa: F401  (replaces the CUDA function that finds holes)

STAGES = {"forward_image": "image_encoder", "memory_attention": "memory_attention",
          "_forward_sam_heads": "mask_decoder", "_encode_new_memory": "memory_encoder"}


class Loop:
    """Pictures as the reference loads them (before it is timed), played back and forth for ever."""

    def __init__(self, path, width, height, size, device):
        frames = torch.from_numpy(
            np.fromfile(path, np.uint8).reshape(-1, height, width, 3)).permute(0, 3, 1, 2)
        levels = torch.nn.functional.interpolate(
            frames.float(), (size, size), mode="bicubic", antialias=True).round().clamp(0, 255)
        mean, std = (torch.tensor(values)[:, None, None]
                     for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
        self.images = ((levels / 255 - mean) / std).contiguous().to(device)

    def __len__(self):
        return 1 << 30

    def __getitem__(self, index):
        at = index % (2 * len(self.images) - 2)
        return self.images[at if at < len(self.images) else 2 * len(self.images) - 2 - at]


class Stages:
    """Time in the methods and modules of STAGES, measured only while told to."""

    def __init__(self, predictor):
        self.ms = None
        self.device = predictor.device.type
        for name, stage in STAGES.items():
            part = getattr(predictor, name)
            if isinstance(part, torch.nn.Module):
                part.forward = self.timed(part.forward, stage)
            else:
                setattr(predictor, name, self.timed(part, stage))

    def timed(self, function, stage):
        def run(*args, **kwargs):
            if self.ms is None:
                return function(*args, **kwargs)
            wait(self.device)
            start = time.perf_counter()
            result = function(*args, **kwargs)
            wait(self.device)
            self.ms[stage] += 1000 * (time.perf_counter() - start)
            return result
        return run


def build(arguments):
    """The predictor with its weights on its device, as the official builder makes it."""
    if arguments.member == "builtin":
        import builtin_model  # needs timm, the others do not
        return builtin_model.build(arguments.model).to(arguments.device)
    if arguments.compile:
        class Compiled(members.Predictor, members.video.SAM2VideoPredictorVOS):
            def __init__(self, **given):  # build_sam2_video_predictor(vos_optimized=True)
                super().__init__(**given | {"compile_image_encoder": True})

        members.Predictor = Compiled
    with contextlib.redirect_stdout(sys.stderr):
        predictor = members.build(arguments.member, arguments.size)
    state = torch.load(arguments.model, map_location="cpu", weights_only=True)["model"]
    predictor.load_state_dict(state)
    if arguments.device == "cuda":
        # The stand-in works on the host: rather than wait for it, the reference fills no holes,
        # as where its extension was not built.
        predictor.fill_hole_area = 0
    return predictor.to(arguments.device)


def wait(device):
    if device == "cuda":
        torch.cuda.synchronize()


def follow(predictor, images, width, height, boxes):
    """Yields the masks [N, H, W] of bool in the host's memory, frame by frame."""
    loader = inspect.unwrap(type(predictor).init_state).__globals__
    loader["load_video_frames"] = lambda **_: (images, height, width)
    state = predictor.init_state("")
    for obj, box in enumerate(boxes, 1):
        x, y, w, h = (float(value) for value in box.split(","))
        predictor.add_new_points_or_box(state, 0, obj, box=[x, y, x + w, y + h])
    for _, _, logits in predictor.propagate_in_video(state):
        yield (logits[:, 0] > 0).cpu()


def answer(line, masks, stages):
    count, *word = line.split()
    count = int(count)
    if word == ["stages"]:
        stages.ms = collections.defaultdict(float)
    ms = []
    for frame in range(count):
        start = time.perf_counter()
        last = next(masks)
        if frame == count - 1:
            wait(stages.device)  # for what no mask needs
        ms.append(1000 * (time.perf_counter() - start))
    spent, stages.ms = stages.ms or {}, None
    return {"ms": ms, "stages": {name: value / count for name, value in spent.items()},
            "areas": last.sum((1, 2)).tolist(),
            "gpu_bytes": torch.cuda.max_memory_reserved() if stages.device == "cuda" else 0}


def main():
    parser = argparse.ArgumentParser()
    for name in ("model", "frames"):
        parser.add_argument(name)
    for name in ("width", "height", "size"):
        parser.add_argument(name, type=int)
    parser.add_argument("precision", choices=["fp32", "bf16"])
    parser.add_argument("device")
    parser.add_argument("threads", type=int)
    parser.add_argument("boxes", nargs="+")
    parser.add_argument("--member", required=True)
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.device == "cuda":  # as the official notebooks do it
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
    predictor = build(arguments)
    stages = Stages(predictor)
    images = Loop(arguments.frames, arguments.width, arguments.height, arguments.size,
                  arguments.device)
    print(json.dumps({"device": arguments.device, "torch": torch.__version__}), flush=True)
    with torch.inference_mode(), torch.autocast(arguments.device, torch.bfloat16,
                                                enabled=arguments.precision == "bf16"):
        masks = follow(predictor, images, arguments.width, arguments.height, arguments.boxes)
        for line in sys.stdin:
            print(json.dumps(answer(line, masks, stages)), flush=True)


if __name__ == "__main__":
    main()
