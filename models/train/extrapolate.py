# SPDX-License-Identifier: Apache-2.0
"""What more training would give: a power law through a run's held-out scores.

    .deps/train/bin/python models/train/extrapolate.py .deps/train/run/metrics.csv curve.png

Fits  IoU = c - a * (samples - START) ** -b  with c <= 1 from START on, where training at the size of the scores
begins: to the held-out scores, and to the training batches' own, which are many (no scene is seen twice, though
its pictures are). Three parameters through few points say little: the spread shown is that of fits without one
of ten parts of the points. A score that rises ever faster follows no such law yet. Also: processor hours spent."""
import argparse
import warnings

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import OptimizeWarning, curve_fit

from plot import read, seconds_spent
from schedule import PHASES

START = PHASES[2][0]
SCORES = [('held out', name) for name in ('box', 'click', 'corrected', 'track', 'track_best', 'track_last')] + \
         [('train', name) for name in ('still_b', 'still_p', 'still_corrected', 'clip_1', 'clip_5')]
PARTS = 10
UNIT = 1e4                  # samples


def law(samples, ceiling, gap, power):
    return ceiling - gap * (samples / UNIT) ** -power


def fitted(samples, values):
    """-> parameters of law(), or None where nothing can be fitted."""
    try:
        return curve_fit(law, samples, values, p0=(0.8, 0.3, 0.5), bounds=([0, 0, 0.05], [1, 10, 3]), maxfev=20000)[0]
    except (RuntimeError, ValueError):
        return None


def predictions(samples, values, at):
    """law's parameters and value at `at` by all points, and the least and greatest value of the fits without a part
    of them; None where there is no fit, or one that falls short of what is there already."""
    best = fitted(samples, values)
    if best is None or law(at, *best) < values[-max(1, len(values) // PARTS):].mean():
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
    arguments = parser.parse_args()
    warnings.filterwarnings('ignore', category=OptimizeWarning)
    curves = read(arguments.metrics)
    last = max(samples[-1] for samples, _ in curves.values())
    print(f'{last} samples, {seconds_spent(arguments.metrics) / 3600:.2f} processor hours of the trainer')
    figure, axis = plt.subplots(figsize=(8, 5), constrained_layout=True)
    for split, name in SCORES:
        samples, values = (np.array(part) for part in curves.get((split, name), ([], [])))
        kept = samples > START
        title = f'{split} {name}'
        found = kept.sum() >= 4 and predictions(samples[kept] - START, values[kept], arguments.times * last - START)
        if not found:
            print(f'{title:24} {kept.sum():3} points: no law yet')
            continue
        (ceiling, gap, power), value, low, high = found
        print(f'{title:24} {kept.sum():3} points: {law(last - START, *found[0]):.3f} now, {value:.3f} ({low:.3f} .. '
              f'{high:.3f}) at {arguments.times:g} times the samples; '
              f'IoU = {ceiling:.3f} - {gap:.3f} * ((n - {START}) / {UNIT:.0f}) ** -{power:.2f}')
        line, = axis.plot(samples[kept], values[kept], 'o' if split == 'held out' else '.',
                          markersize=6 if split == 'held out' else 2, label=title.replace('_', ' '))
        x = np.geomspace(samples[kept][0], arguments.times * last, 200)
        axis.plot(x, law(x - START, ceiling, gap, power), color=line.get_color(), linewidth=1)
        axis.vlines(arguments.times * last, low, high, color=line.get_color(), linewidth=3, alpha=0.5)
    axis.set(xscale='log', xlabel='samples seen', ylabel='mean IoU', title='measured (dots) and extrapolated')
    axis.grid(alpha=0.3, which='both')
    axis.legend()
    figure.savefig(arguments.picture, dpi=110)


if __name__ == '__main__':
    main()
