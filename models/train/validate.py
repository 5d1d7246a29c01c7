# SPDX-License-Identifier: Apache-2.0
"""Held-out scores: the same scenes every time, made of pictures kept from training.

    .deps/train/bin/python models/train/validate.py WEIGHTS... --pack .deps/train-data/permissive
    .deps/train/bin/python models/train/validate.py WEIGHTS --pack PACK --record CSV --samples N [--hours H]

Choices are made by these alone; real footage only judges at the end."""
import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import evaluate
from compose.assets import Assets
from compose.batch import compose
from metrics import Metrics
from network import IMAGE_SIZE
from schedule import Plan
from steps import train_step
from stills import MOST_ROUNDS

SEED = 1_000_003
SHORT, LONG = 8, 32             # frames of the clips
STILLS = [Plan(IMAGE_SIZE, 1, 8, 4)] * 12
CLIPS = [Plan(IMAGE_SIZE, SHORT, 3, 2)] * 8 + [Plan(IMAGE_SIZE, LONG, 2, 2)] * 8
HARDER = 'small', 'coarse'          # kinds of scenes, see compose/scene.py
PHOTOGRAPHS = dict(photo='coco-scenes', animal='animals-scenes')    # what people have outlined


def collected(model, assets, plans, carried=False):
    """{(frames, name): [values]} of the steps of training on scenes that are always the same: stills are asked with a
    box and with a click and then corrected by three clicks, clips followed from a box, or `carried` on from the true
    mask of their first frame."""
    generator, found = torch.Generator().manual_seed(SEED), {}
    for index, plan in enumerate(plans):
        kinds, options = ('bp', dict(rounds=MOST_ROUNDS)) if plan.length == 1 else \
            ('bm'[carried], dict(corrected=0, whole=True, carried=carried))
        for kind in kinds:
            _, log = train_step(model, compose(SEED, index, assets, plan, kind), generator, **options)
            for name, value in log.items():
                found.setdefault((plan.length, name), []).append(value)
    return found


@torch.no_grad()
def validate(model, assets, stills=STILLS, clips=CLIPS):
    """Mean IoUs: `box`, `click` (best of three), `chosen` (of the one that a user gets), `corrected` by
    one click in the middle of the error and by three (`corrected_3`) on stills,
    `photo_...` and `animal_...` the same on photographs with nothing added, `small_...` of small objects, `coarse_...`
    of few pixels. On clips what a user is shown, where the object is there: `followed` over frames 1..7,
    `followed_last` at frame 7, `followed_long` over all but the first of 32 frames; `claimed` is the share of the
    objects that are not there and yet get a mask. `carried` and `carried_last` are the means over 31 frames
    after a true mask and over the last eight of them: what following costs, whatever the first mask."""
    found = collected(model, assets, stills + clips)

    def mean(values, length, *names):
        return float(np.nanmean(sum((values.get((length, name), []) for name in names), []) or [np.nan]))

    def followed(length, what='shown'):
        return mean(found, length, *(f'clip_{t}_{what}' for t in range(1, length)))

    def answers(values, prefix=''):
        return {prefix + name: mean(values, 1, key)
                for name, key in (('box', 'still_b'), ('click', 'still_p'), ('chosen', 'still_chosen'),
                                  ('corrected', 'still_corrected_1'),
                                  (f'corrected_{MOST_ROUNDS}', f'still_corrected_{MOST_ROUNDS}'))}

    def mean_carried(*frames):
        return mean(carried, LONG, *(f'clip_{t}_shown' for t in frames))

    carried = collected(model, assets, [plan for plan in clips if plan.length == LONG], carried=True)
    scores = answers(found)
    for name, source in PHOTOGRAPHS.items():
        if source in assets.rooms:
            scores |= answers(collected(model, assets.untouched(source), stills), f'{name}_')
    for kind in HARDER:
        scores |= answers(collected(model, assets.of_kind(kind), stills), f'{kind}_')
    return scores | dict(followed=followed(SHORT), followed_last=mean(found, SHORT, f'clip_{SHORT - 1}_shown'),
                         followed_long=followed(LONG), claimed=followed(LONG, 'claimed'),
                         carried=mean_carried(*range(1, LONG)), carried_last=mean_carried(*range(LONG - 8, LONG)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('weights', nargs='+')
    parser.add_argument('--pack', required=True)
    parser.add_argument('--size', type=int, help="side of the scenes in pixels; default: the weights' own")
    parser.add_argument('--record', type=Path, metavar='CSV', help='adds the scores to a learning curve')
    parser.add_argument('--samples', type=int, help='that the weights have seen')
    parser.add_argument('--hours', type=float, default=0, help='processor hours of their training')
    arguments = parser.parse_args()
    if arguments.record and (arguments.samples is None or len(arguments.weights) > 1):
        parser.error('--record wants one file of weights and --samples')
    torch.set_num_threads(1)
    assets = Assets(arguments.pack, validation=True)
    for path in arguments.weights:
        model = evaluate.load(path)
        size = arguments.size or model.image_size
        values = validate(model, assets, *([replace(plan, size=size) for plan in plans] for plans in (STILLS, CLIPS)))
        print(path, *(f'{name} {value:.3f}' for name, value in values.items()), flush=True)
        if arguments.record:
            state = dict(samples=arguments.samples, step=0, seconds=3600 * arguments.hours)
            Metrics(arguments.record).write(state, 'held out', values)


if __name__ == '__main__':
    main()
