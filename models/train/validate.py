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
SHORT, LONG = 8, 32             # frames of the clips
PLANS = [Plan(256, 1, 8, 4)] * 12 + [Plan(256, SHORT, 3, 2)] * 8 + [Plan(256, LONG, 2, 2)] * 8


@torch.no_grad()
def validate(model, assets, plans=PLANS):
    """Mean IoUs: `box`, `click` (best of three), `corrected` on stills; on clips `track` (token 0) and
    `track_best` over frames 1..7, `track_last` at frame 7; `track_long` over all but the first of 32 frames."""
    generator = torch.Generator().manual_seed(SEED)
    collected = {}
    for index, plan in enumerate(plans):
        _, log = train_step(model, compose(SEED, index, assets, plan), generator)
        for name, value in log.items():
            collected.setdefault((plan.length, name), []).append(value)

    def mean(length, *names):
        return float(np.mean(sum((collected.get((length, name), []) for name in names), []) or [np.nan]))

    def followed(length, name='clip_{}'):
        return mean(length, *(name.format(t) for t in range(1, length)))

    return dict(box=mean(1, 'still_b'), click=mean(1, 'still_p'), corrected=mean(1, 'still_corrected'),
                track=followed(SHORT), track_best=followed(SHORT, 'clip_{}_best'),
                track_last=mean(SHORT, f'clip_{SHORT - 1}'), track_long=followed(LONG))


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
