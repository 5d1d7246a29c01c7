# SPDX-License-Identifier: Apache-2.0
"""Held-out scores: the same scenes every time, made of pictures kept from training.

    .deps/train/bin/python models/train/validate.py WEIGHTS... --pack .deps/train-data/permissive

Choices are made by these alone; real footage only judges at the end."""
import argparse

import numpy as np
import torch

import evaluate
from compose.assets import Assets
from compose.batch import compose
from schedule import Plan
from steps import train_step

SEED = 1_000_003
PLANS = [Plan(256, 1, 8, 4)] * 12 + [Plan(256, 8, 3, 2)] * 8 + [Plan(256, 32, 2, 2)] * 8


@torch.no_grad()
def validate(model, assets, plans=PLANS):
    """Mean IoUs: `box`, `click` (best of three), `corrected` on stills; on clips `track` (token 0) and
    `track_best` over frames 1..7, `track_last` at frame 7; `track_long` over all but the first of 32 frames."""
    generator = torch.Generator().manual_seed(SEED)
    collected = {}
    for index, plan in enumerate(plans):
        _, log = train_step(model, compose(SEED, index, assets, plan), generator)
        for name, value in log.items():
            collected.setdefault((name, plan.length == 32), []).append(value)

    def mean(*names, long=False):
        return float(np.mean(sum((collected.get((name, long), []) for name in names), []) or [np.nan]))

    later = range(1, 8)
    return dict(box=mean('still_b'), click=mean('still_p'), corrected=mean('still_corrected'),
                track=mean(*(f'clip_{t}' for t in later)), track_best=mean(*(f'clip_{t}_best' for t in later)),
                track_last=mean('clip_7'), track_long=mean(*(f'clip_{t}' for t in range(1, 32)), long=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('weights', nargs='+')
    parser.add_argument('--pack', required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    assets = Assets(arguments.pack, validation=True)
    for path in arguments.weights:
        values = validate(evaluate.load(path), assets)
        print(path, *(f'{name} {value:.3f}' for name, value in values.items()), flush=True)


if __name__ == '__main__':
    main()
