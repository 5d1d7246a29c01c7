# SPDX-License-Identifier: Apache-2.0
"""Speed and size of the shapes in network.py: milliseconds of one tracker step on random weights.

    .deps/train/bin/python models/train/speed.py [--threads 2] [--size 256]

One object, all memories and pointers present, bf16, BatchNorm unfused: for comparing shapes, on an idle machine.
The product is faster."""
import argparse
import time

import numpy as np
import torch

from network import SHAPES, build
from asking import autocast

FRAMES, WARM = 40, 20


@torch.inference_mode()
def step_times(model):
    """Milliseconds of FRAMES tracker steps after WARM ones."""
    size, memory, times = model.image_size, dict(cond_frame_outputs={}, non_cond_frame_outputs={}), []
    image = torch.randn(1, 3, size, size).contiguous(memory_format=torch.channels_last)
    box = dict(point_coords=torch.tensor([[[0.2, 0.2], [0.6, 0.7]]]) * size, point_labels=torch.tensor([[2, 3]]))
    for t in range(WARM + FRAMES):
        begin = time.perf_counter()
        with autocast(image.device):
            _, levels, codes, sizes = model._prepare_backbone_features(model.forward_image(image))
            output = model.track_step(t, t == 0, levels, codes, sizes, box if t == 0 else None, None, memory, 1000)
        times.append(1e3 * (time.perf_counter() - begin))
        memory['cond_frame_outputs' if t == 0 else 'non_cond_frame_outputs'][t] = output
    return times[WARM:]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--size', type=int, default=256)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for name, shape in SHAPES.items():
        model = build(arguments.size, shape).eval().to(memory_format=torch.channels_last)
        parameters = sum(parameter.numel() for parameter in model.parameters()) / 1e6
        print(f'{name:12} {parameters:6.2f} M  {2 * parameters:5.1f} MB  {np.median(step_times(model)):6.1f} ms a step')


if __name__ == '__main__':
    main()
