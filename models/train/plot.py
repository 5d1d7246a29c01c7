# SPDX-License-Identifier: Apache-2.0
"""Learning curves of a run as a picture: held-out IoUs and training losses against samples seen.

    .deps/train/bin/python models/train/plot.py .deps/train/run/metrics.csv .deps/train/run/curve.png
"""
import argparse
import csv
from collections import defaultdict

import matplotlib

matplotlib.use('Agg')
import matplotlib.pyplot as plt
import numpy as np

from schedule import PHASES


def read(path):
    """-> {(split, metric): (samples [n], values [n])}"""
    curves = defaultdict(lambda: ([], []))
    with open(path, newline='') as file:
        for row in csv.DictReader(file):
            samples, values = curves[row['split'], row['metric']]
            samples.append(int(row['samples']))
            values.append(float(row['value']))
    return curves


def seconds_spent(path):
    """Processor time of the trainer; the composer's comes to that, see README.md."""
    with open(path, newline='') as file:
        return max(float(row['seconds']) for row in csv.DictReader(file))


def smoothed(values, width=9):
    """Running mean, shorter at the ends."""
    return [np.mean(values[max(0, i - width // 2):i + width // 2 + 1]) for i in range(len(values))]


def draw(axis, curves, split, metrics, smooth):
    for metric in metrics:
        samples, values = curves.get((split, metric), ([], []))
        if samples:
            axis.plot(np.array(samples) / 1e3, smoothed(values) if smooth else values,
                      marker='' if smooth else '.', label=metric.replace('_', ' '))
    for start, _ in PHASES[1:]:
        if axis.get_lines() and start / 1e3 < axis.get_xlim()[1]:
            axis.axvline(start / 1e3, color='grey', linewidth=0.5)
    axis.set(title=split, xlabel='thousand samples', ylabel='mean IoU')
    axis.grid(alpha=0.3)
    if axis.get_lines():
        axis.legend()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('metrics')
    parser.add_argument('picture')
    arguments = parser.parse_args()
    curves = read(arguments.metrics)
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.5), constrained_layout=True)
    draw(left, curves, 'held out', ['box', 'click', 'corrected', 'followed', 'followed_last'], smooth=False)
    draw(right, curves, 'train', ['still_b', 'still_p', 'clip_1', 'clip_5', 'clip_7'], smooth=True)
    figure.savefig(arguments.picture, dpi=110)


if __name__ == '__main__':
    main()
