# SPDX-License-Identifier: Apache-2.0
"""The file that plot.py and extrapolate.py read."""
import csv


class Metrics:
    """One value a row: samples, step, processor seconds of the trainer, split, metric, value."""

    def __init__(self, path):
        new = not path.exists()
        self.file = open(path, 'a', newline='', buffering=1)
        self.writer = csv.writer(self.file)
        if new:
            self.writer.writerow(['samples', 'step', 'seconds', 'split', 'metric', 'value'])

    def write(self, state, split, values):
        for name, value in sorted(values.items()):
            self.writer.writerow([state['samples'], state['step'], round(state['seconds']), split, name,
                                  f'{value:.5f}'])
