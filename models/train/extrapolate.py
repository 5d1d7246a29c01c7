# SPDX-License-Identifier: Apache-2.0
"""What more training would give: a power law through a run's held-out scores.

    .deps/train/bin/python models/train/extrapolate.py .deps/train/run/metrics.csv curve.png

Fits  IoU = c - a * samples ** -b  with c <= 1 from FIRST on, by when the model has settled at the size of the scores:
to the held-out scores, and to the training batches' own, which are many (no scene is seen twice, though its
pictures are). Three parameters through few points say little: the spread shown is that of fits without one of ten
parts of the points. With too few for three parameters c is 1, which is what can be hoped for at most. A score that
rises ever faster, against the logarithm of the samples, follows no such law yet. Also: processor hours spent."""
import argparse
import warnings

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import OptimizeWarning, curve_fit

from plot import read, seconds_spent
from schedule import PHASES

FIRST = PHASES[2][0] + 10_000
ENOUGH = 6                  # points
HELD_OUT = ('box', 'click', 'corrected', 'corrected_3', 'photo_box', 'photo_click', 'photo_corrected', 'animal_box',
            'animal_click', 'followed', 'followed_last', 'followed_long')
SCORES = [('held out', name) for name in HELD_OUT] + \
         [('train', name) for name in ('still_b', 'still_p', 'still_corrected_1', 'clip_1', 'clip_5')]
PARTS = 10
UNIT = 1e4                  # samples


def law(samples, ceiling, gap, power):
    return ceiling - gap * (samples / UNIT) ** -power


def fitted(samples, values):
    """-> parameters of law(), or None where nothing can be fitted."""
    free = len(samples) >= ENOUGH
    function = law if free else lambda n, gap, power: law(n, 1, gap, power)
    try:
        found = curve_fit(function, samples, values, p0=(0.8, 0.5, 0.3)[not free:],
                          bounds=([0, 0, 0.05][not free:], [1, 100, 3][not free:]), maxfev=20000)[0]
    except (RuntimeError, ValueError):
        return None
    return found if free else (1, *found)


def rises_faster(samples, values):
    """Whether the later half of the points rises more steeply against log(samples) than the former."""
    x, middle = np.log(samples), len(samples) // 2
    return np.polyfit(x[middle:], values[middle:], 1)[0] > np.polyfit(x[:middle + 1], values[:middle + 1], 1)[0]


def predictions(samples, values, at):
    """law's parameters and value at `at` by all points, and the least and greatest value of the fits without a part
    of them; None where there is no law or no fit."""
    best = None if len(samples) < 3 or rises_faster(samples, values) else fitted(samples, values)
    if best is None:
        return None
    parts = np.array_split(np.arange(len(samples)), min(PARTS, len(samples)))
    without = [fitted(np.delete(samples, part), np.delete(values, part)) for part in parts]
    others = [law(at, *parameters) for parameters in without if parameters is not None]
    return best, law(at, *best), min(others), max(others)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('metrics')
    parser.add_argument('picture')
    parser.add_argument('--times', type=float, default=10, help='so many times the samples')
    parser.add_argument('--first', type=int, default=FIRST, help='samples from which on points count')
    arguments = parser.parse_args()
    warnings.filterwarnings('ignore', category=OptimizeWarning)
    curves = read(arguments.metrics)
    last = max(samples[-1] for samples, _ in curves.values())
    print(f'{last} samples, {seconds_spent(arguments.metrics) / 3600:.2f} processor hours of the trainer')
    figure, axis = plt.subplots(figsize=(8, 5), constrained_layout=True)
    for split, name in SCORES:
        samples, values = (np.array(part) for part in curves.get((split, name), ([], [])))
        kept = samples > arguments.first
        title = f'{split} {name}'
        found = predictions(samples[kept], values[kept], arguments.times * last)
        if not found:
            print(f'{title:24} {kept.sum():3} points: no law yet')
            continue
        (ceiling, gap, power), value, low, high = found
        print(f'{title:24} {kept.sum():3} points: {law(last, *found[0]):.3f} now, '
              + ('at most ' if ceiling == 1 else '')
              + f'{value:.3f} ({low:.3f} .. {high:.3f}) at {arguments.times:g} times the samples; '
              f'IoU = {ceiling:.3f} - {gap:.3f} * (n / {UNIT:.0f}) ** -{power:.2f}')
        line, = axis.plot(samples[kept], values[kept], 'o' if split == 'held out' else '.',
                          markersize=6 if split == 'held out' else 2, label=title.replace('_', ' '))
        x = np.geomspace(samples[kept][0], arguments.times * last, 200)
        axis.plot(x, law(x, ceiling, gap, power), color=line.get_color(), linewidth=1)
        axis.vlines(arguments.times * last, low, high, color=line.get_color(), linewidth=3, alpha=0.5)
    axis.set(xscale='log', xlabel='samples seen', ylabel='mean IoU', title='measured (dots) and extrapolated')
    axis.grid(alpha=0.3, which='both')
    axis.legend()
    figure.savefig(arguments.picture, dpi=110)


if __name__ == '__main__':
    main()
