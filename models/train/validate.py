# SPDX-License-Identifier: Apache-2.0
"""Held-out scores while training: the same scenes every time, made of pictures kept from training.

Choices are made by these alone; real footage only judges at the end."""
import numpy as np
import torch

from compose.batch import compose
from schedule import Plan
from steps import train_step

SEED = 1_000_003
PLANS = [Plan(256, 1, 8, 4)] * 12 + [Plan(256, 8, 3, 2)] * 8


@torch.no_grad()
def validate(model, assets, plans=PLANS):
    """Mean IoUs: `box`, `click` (best of three), `corrected` on stills; on clips `track` (token 0) and
    `track_best` over frames 1..7, `track_last` at frame 7."""
    generator = torch.Generator().manual_seed(SEED)
    collected = {}
    for index, plan in enumerate(plans):
        _, log = train_step(model, compose(SEED, index, assets, plan), generator)
        for name, value in log.items():
            collected.setdefault(name, []).append(value)

    def mean(*names):
        return float(np.mean(sum((collected.get(name, []) for name in names), []) or [np.nan]))

    later = range(1, 8)
    return dict(box=mean('still_b'), click=mean('still_p'), corrected=mean('still_corrected'),
                track=mean(*(f'clip_{t}' for t in later)), track_best=mean(*(f'clip_{t}_best' for t in later)),
                track_last=mean('clip_7'))
