# SPDX-License-Identifier: Apache-2.0
"""The table of variants: shapes of the model, and of what they learn, at one small budget.

    .deps/train/bin/python models/train/variants.py --speed      (once, on an idle machine)
    .deps/train/bin/python models/train/variants.py              (hours; resumes where it was)

Stills: each shape is trained from scratch on the same 128 px scenes in the same order; the copyleft row sees scenes
of the pack that has GPL and CC-BY-SA pictures too. Memory: from the built-in shape's weights of the stills, short
128 px clips. Scores are mean IoUs of the averaged weights at 128 px on scenes of pictures kept from training, of
either pack for the copyleft question. Second seeds show what is noise. Writes OUT/scores.csv; prints the tables."""
import argparse
import csv
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from compose.assets import Assets
import evaluate                 # finds the modules of models/evaluate
import tables
from network import SHAPES, build
from schedule import Plan
from speed import step_times
from validate import validate

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Variant:
    name: str
    schedule: str               # 'stills' or 'clips'
    shape: str = 'builtin'
    pack: str = 'permissive'
    seed: int = 1


VARIANTS = [
    Variant('builtin', 'stills'),
    Variant('whole pack', 'stills', pack='all'),
    Variant('wide', 'stills', 'wide'),
    Variant('narrow', 'stills', 'narrow'),
    Variant('deep', 'stills', 'deep'),
    Variant('builtin, seed 2', 'stills', seed=2),
    Variant('whole maps', 'clips'),
    Variant('perceiver', 'clips', 'perceiver_128'),
    Variant('slim', 'clips', 'slim_memory'),
    Variant('whole maps, seed 2', 'clips', seed=2),
]
SCORED = dict(stills=dict(stills=[Plan(128, 1, 8, 4)] * 60, clips=[]),
              clips=dict(stills=[], clips=[Plan(128, 8, 4, 2)] * 24))


def folder(out, variant):
    return out / f'{variant.schedule}-{variant.name}'.replace(', ', '-').replace(' ', '-')


def train(variant, arguments):
    """Does nothing when the run is complete."""
    until = getattr(arguments, variant.schedule)
    command = [sys.executable, HERE / 'train.py', '--pack', arguments.packs / variant.pack, '--run',
               folder(arguments.out, variant), '--shape', variant.shape, '--schedule', variant.schedule, '--seed',
               variant.seed, '--until', until, '--cooldown', until // 3, '--threads', 1, '--validate-every', 10 ** 9]
    if variant.schedule == 'clips':
        command += ['--start', folder(arguments.out, VARIANTS[0]) / 'checkpoint.pt']
    subprocess.run([str(part) for part in command], check=True)


def score(variant, arguments):
    """-> rows (name, pack of the scenes, metric, value)"""
    model = evaluate.load(folder(arguments.out, variant) / 'checkpoint.pt')
    both = variant.name in ('builtin', 'whole pack', 'builtin, seed 2')
    for pack in ('permissive', 'all') if both else ('permissive',):
        values = validate(model, Assets(arguments.packs / pack, validation=True), **SCORED[variant.schedule])
        for metric, value in values.items():
            if not np.isnan(value):
                yield dict(schedule=variant.schedule, name=variant.name, scenes=pack, metric=metric, value=value)


def measure_speed(path):
    """Milliseconds of a tracker step, two threads, for each shape at 256 px and the built-in one at other sizes."""
    torch.set_num_threads(2)
    rows = []
    for name, size in [*((name, 256) for name in SHAPES if name != 'perceiver_128'),
                       *(('builtin', size) for size in (192, 320, 384))]:
        model = build(size, SHAPES[name]).eval().to(memory_format=torch.channels_last)
        parameters = sum(parameter.numel() for parameter in model.parameters()) / 1e6
        rows.append(dict(shape=name, size=size, parameters=parameters, ms=float(np.median(step_times(model)))))
        print(rows[-1], flush=True)
    tables.write(path, rows)


def read(path):
    with open(path, newline='') as file:
        return list(csv.DictReader(file))


def print_tables(out):
    speed = {row['shape']: row for row in read(out / 'speed.csv') if row['size'] == '256'}
    scored = read(out / 'scores.csv')
    for schedule, metrics in dict(stills=['box', 'click', 'corrected'],
                                  clips=['followed', 'followed_last']).items():
        print(f"\n| {schedule} | M parameters | ms a step | scenes | {' | '.join(metrics)} |\n"
              + '|---' * (4 + len(metrics)) + '|')
        for variant in VARIANTS:
            shape = speed[variant.shape.removesuffix('_128')]
            for scenes in ('permissive', 'all'):
                values = {row['metric']: float(row['value']) for row in scored
                          if (row['schedule'], row['name'], row['scenes']) == (schedule, variant.name, scenes)}
                if values:
                    print(f"| {variant.name} | {float(shape['parameters']):.2f} | {float(shape['ms']):.1f} "
                          f'| {scenes} | ' + ' | '.join(f'{values[metric]:.3f}' for metric in metrics) + ' |')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--packs', type=Path, default=Path('.deps/train-data'), help='folder of permissive and all')
    parser.add_argument('--out', type=Path, default=Path('.deps/train/variants'))
    parser.add_argument('--stills', type=int, default=16_000,
                        help='samples a shape is trained on; with 5,000 all of them still answer with empty masks')
    parser.add_argument('--clips', type=int, default=5_000, help='frames a memory is trained on')
    parser.add_argument('--speed', action='store_true', help='only measure speed')
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.speed:
        measure_speed(arguments.out / 'speed.csv')
        return
    torch.set_num_threads(1)
    path = arguments.out / 'scores.csv'
    rows = read(path) if path.exists() else []
    for variant in VARIANTS:
        if any((row['schedule'], row['name']) == (variant.schedule, variant.name) for row in rows):
            continue
        train(variant, arguments)
        rows += score(variant, arguments)
        tables.write(path, rows)
    print_tables(arguments.out)


if __name__ == '__main__':
    main()
