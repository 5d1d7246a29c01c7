# SPDX-License-Identifier: Apache-2.0
"""Rows of results as CSV files and as tables to read."""
import csv

import numpy as np


def write(path, rows):
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with open(path, 'w', newline='') as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows({name: f'{value:.4f}' if isinstance(value, float) else value for name, value in row.items()}
                         for row in rows)


def by_sequence(rows, names, counts=False):
    """One line a sequence, with the means over its objects and frames, and a last one with the mean of these; of counts
    the sums."""
    if not rows:
        return '(none)'
    table = {}
    for row in rows:
        table.setdefault(row['sequence'], []).append([row.get(name, np.nan) for name in names])
    table = {sequence: (np.sum if counts else np.mean)(values, 0) for sequence, values in table.items()}
    lines = [f"{'':24}" + ''.join(f'{name:>10}' for name in names)]
    last = ('sum', np.nansum) if counts else ('mean', np.nanmean)
    for sequence, values in [*table.items(), (last[0], last[1](list(table.values()), 0))]:
        lines.append(f'{sequence:24}' + ''.join(f'{value:10.0f}' if counts else f'{value:10.3f}' for value in values))
    return '\n'.join(lines)
