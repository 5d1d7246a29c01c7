# SPDX-License-Identifier: Apache-2.0
"""What goes into the comparison of stages: pictures, prompts and made-up memories.

Whole numbers all the way, so that inputs.cc makes the same bits again.
"""

import numpy as np
import torch

import seeded

FRAMES = 20
MEMORIES = 16
MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
STD = torch.tensor([0.229, 0.224, 0.225])[:, None, None]

# Prompts of the video, in hundredths of the frame's side: two objects at first, five in the end;
# boxes, clicks and a mask; the first object is corrected so often that it has more prompted frames
# than are attended to.
SCRIPT = [
    dict(frame=0, id=1, box=[20, 20, 60, 60]),
    dict(frame=0, id=2, points=[[70, 30, 1]]),
    dict(frame=5, id=3, mask=True),
    dict(frame=5, id=1, action="refine", points=[[40, 40, 1], [80, 80, 0]]),
    dict(frame=7, id=1, action="refine", points=[[35, 45, 1]]),
    dict(frame=9, id=1, action="refine", points=[[30, 50, 0]]),
    dict(frame=11, id=1, action="refine", box=[25, 25, 70, 65]),
    dict(frame=12, id=4, box=[50, 50, 90, 95], points=[[60, 70, 1]]),
    dict(frame=12, id=5, points=[[20, 80, 1], [60, 20, 0]]),
    dict(frame=12, id=2, action="refine", points=[[75, 35, 1]]),
]

# Prompts of one picture: points in hundredths of its side, with the prompt encoder's labels.
POINTS = {
    "click": [(40, 45, 1)],
    "clicks": [(40, 45, 1), (80, 70, 0), (30, 50, 1)],
    "box": [(20, 25, 2), (60, 65, 3)],
    "none": [(0, 0, -1)],
}


def script(size):
    """SCRIPT in pixels of a frame."""
    prompts = []
    for prompt in SCRIPT:
        prompt = dict(prompt)
        if "box" in prompt:
            prompt["box"] = [value * size / 100 for value in prompt["box"]]
        if "points" in prompt:
            prompt["points"] = [[x * size / 100, y * size / 100, label]
                                for x, y, label in prompt["points"]]
        prompts.append(prompt)
    return prompts


def wave(n):
    """A triangle of period 1024 between -1024 and 1024."""
    return np.abs((n & 1023) - 512) * 4 - 1024


def grid(size):
    return np.mgrid[:size, :size].astype(np.int64)  # y, x


def disc(size, cx, cy, radius):
    """[size, size] of bool; centre and radius in hundredths of the side."""
    y, x = grid(size)
    return ((100 * x - cx * size) ** 2 + (100 * y - cy * size) ** 2) < (radius * size) ** 2


def draw(size):
    """[FRAMES, size, size, 3] uint8: coloured discs that wander over a pattern."""
    y, x = grid(size)
    pattern = np.stack([100 + (wave((2700 * x + 800 * y) // size + 160 * k)
                               * wave((1450 + 160 * k) * y // size) >> 14)
                        for k in range(3)], -1)
    noise = (seeded.integers("frames", FRAMES * size * size * 3) >> 19) - 16
    frames = pattern + noise.reshape(FRAMES, size, size, 3)
    for f in range(FRAMES):
        for k, (cx, cy, radius) in enumerate([(40 + f, 40, 18), (70, 30 + 2 * f, 10),
                                              (25, 80 - 3 * f, 12)]):
            if k == 1 and 8 <= f < 14:
                continue  # gone for a while
            inside = disc(size, cx, cy, radius)
            frames[f][inside] += np.roll([130, -40, -70], k)
    return frames.clip(0, 255).astype(np.uint8)


def normalise(frames):
    """[F, H, W, 3] uint8 -> [F, 3, H, W] as the network takes it."""
    return (torch.from_numpy(frames / 255.0).permute(0, 3, 1, 2).float() - MEAN) / STD


def noise(name, *shape):
    values = seeded.uniform(name, int(np.prod(shape))).astype(np.float32)
    return torch.from_numpy(values.reshape(shape))


def mask_logits(size, k):
    """[size / 4, size / 4] with both signs and soft borders."""
    y, x = grid(size // 4)
    values = wave(8000 * x // size + 200 * k) * wave(6000 * y // size)
    return torch.from_numpy((values / 131072).astype(np.float32))


def make(size, tokens, hidden_dim):
    """All inputs by name. tokens: of one memory."""
    frames = draw(size)
    mask = torch.from_numpy(disc(size, 40, 45, 22).astype(np.float32))
    logits = torch.stack([mask_logits(size, k)[None] for k in range(2)])
    result = {
        "image": normalise(frames[:1]),
        "frames": frames,
        "mask": mask[None, None],
        "mask_logits": logits[:1],
        "memory.masks": logits,
        "memory.scores": torch.tensor([[3.0], [-2.0]]),
    }
    for kind, points in POINTS.items():
        result[f"{kind}.coords"] = torch.tensor(
            [[[x * size / 100, y * size / 100] for x, y, _ in points]])
        result[f"{kind}.labels"] = torch.tensor([[label for _, _, label in points]])
    for k in range(MEMORIES):
        result[f"past.memory.{k}"] = noise(f"memory{k}", 1, tokens, 64).bfloat16().float()
        result[f"past.pointer.{k}"] = noise(f"pointer{k}", 1, hidden_dim)
    return result
