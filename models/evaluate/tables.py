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


def by_sequence(rows, names):
    """Means over objects and frames, then one line a sequence and a last one with their mean."""
    table = {}
    for row in rows:
        table.setdefault(row['sequence'], []).append([row.get(name, np.nan) for name in names])
    table = {sequence: np.mean(values, 0) for sequence, values in table.items()}
    lines = [f"{'':24}" + ''.join(f'{name:>10}' for name in names)]
    for sequence, values in [*table.items(), ('mean', np.nanmean(list(table.values()), 0))]:
        lines.append(f'{sequence:24}' + ''.join(f'{value:10.3f}' for value in values))
    return '\n'.join(lines)
