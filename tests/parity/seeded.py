# SPDX-License-Identifier: Apache-2.0
"""Weights made of nothing but their names: the same on every machine, here and in seeded.cc.

Each value is a uniform random number from splitmix64, seeded by FNV-1a of the tensor's name. The
scales keep activations near 1 through the network, attention sharp enough that position codes
matter, and masks and object scores of both signs.
"""

import math
import re

import numpy as np
import torch

M64 = (1 << 64) - 1


def fnv1a(text):
    value = 0xcbf29ce484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001b3 & M64
    return value


def integers(name, count):
    """[count] int64 from 0 to 2^24 - 1."""
    with np.errstate(over="ignore"):
        z = np.uint64(fnv1a(name)) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(
            0x9e3779b97f4a7c15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xbf58476d1ce4e5b9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94d049bb133111eb)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)).astype(np.int64)


def uniform(name, count):
    """[count] float64 in [-1, 1)."""
    return integers(name, count) / (1 << 23) - 1.0


# First match counts: pattern of the name -> (offset, amplitude).
FIXED = [
    (r"running_var$", (1.0, 0.5)),
    (r"running_mean$", (0.0, 0.1)),
    (r"gamma$", (0.5, 0.3)),
    (r"positional_encoding_gaussian_matrix$", (0.0, 1.7)),
    (r"pred_obj_score_head\.layers\.2\.bias$", (0.0, 0.0)),
    (r"(pos_embed|pos_embed_window|latents|latents_2d|tpos_enc|no_\w+|pos_enc)$", (0.0, 0.5)),
    (r"(_token|_tokens|point_embeddings\.\d|_embed)\.weight$", (0.0, 1.0)),
    (r"\.bias$", (0.0, 0.1)),
]
# Factor on the standard deviation of a matrix.
GAIN = [
    (r"body\..*(token_mixer|channel_mixer\.conv2|ffn\.conv2)\.", 0.3),
    (r"pred_obj_score_head\.layers\.2", 8.0),
    (r"output_hypernetworks_mlps", 1.6),
    (r"\.(q_proj|k_proj|to_q)\.", 1.5),
    (r"mask_downsample\.", 0.5),
]


def scale(name, shape):
    """(offset, amplitude): the values are offset + amplitude * uniform."""
    for pattern, fixed in FIXED:
        if re.search(pattern, name):
            return fixed
    if len(shape) == 1:  # weights of norms
        return 1.0, 0.2
    transposed = re.search(r"output_upscaling\.[03]\.weight", name)
    fan_in = shape[0] if transposed else math.prod(shape[1:])
    gain = next((g for pattern, g in GAIN if re.search(pattern, name)), 1.0)
    return 0.0, float(f"{gain * math.sqrt(3.0 / fan_in):.6g}")


def tensor(name, shape):
    offset, amplitude = scale(name, shape)
    values = offset + amplitude * uniform(name, math.prod(shape))
    return torch.from_numpy(values.astype(np.float32).reshape(tuple(shape)))


def fill(model):
    """Gives every tensor of the model its seeded value."""
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            value.copy_(tensor(name, value.shape))
