# SPDX-License-Identifier: Apache-2.0
"""Weights between those that a further training started from and those it ended with: start + SHARE * (end - start).

    .deps/train/bin/python models/train/average.py START END SHARE OUT.safetensors

Both as evaluate.py takes them. A point between is often better than either end ("Robust fine-tuning of zero-shot
models", Wortsman et al. 2022, section 3): which one, validate.py tells."""
import argparse

import evaluate
import export


def between(start, end, share):
    """State dicts of the same names, fp32. Raises ValueError where they are of different shapes of the model."""
    if {name: value.shape for name, value in start.items()} != {name: value.shape for name, value in end.items()}:
        raise ValueError('the two are weights of different shapes of the model')
    return {name: start[name].lerp(end[name], share) if start[name].is_floating_point() else end[name]
            for name in start}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('start')
    parser.add_argument('end')
    parser.add_argument('share', type=float, help='0: the start, 1: the end')
    parser.add_argument('out')
    arguments = parser.parse_args()
    start, end = (export.canonical(evaluate.read(path)) for path in (arguments.start, arguments.end))
    export.write(between(start, end, arguments.share), arguments.out)


if __name__ == '__main__':
    main()
