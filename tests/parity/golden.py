# SPDX-License-Identifier: Apache-2.0
"""Writes one member's golden values: samples of what the reference computes from seeded weights.

The file is a .safetensors: NAME [n, 2] float32, pairs of (position in the flat tensor, value).
The largest value of a tensor is always among them. Its metadata say how to make the rest again:
`weights`, a line "name offset amplitude size size ..." for each tensor; `script`, the video's
prompts; `image_size`. Run it by `run --write-golden`.
"""

import argparse
import json
import pathlib

import torch
from safetensors.torch import save_file

import members
import seeded
from inputs import script
from reference_stages import Reference

SAMPLES = 96          # of one tensor
MASK_SAMPLES = 24     # of one mask of the video
MASK_MARGIN = 0.2     # nearer to the border, rounding could decide


def weight_lines(model):
    """How seeded.cc makes the weights; what was computed from outputs (one bias) is a constant."""
    lines = []
    for name, value in model.state_dict().items():
        if not value.is_floating_point():
            continue
        offset, amplitude = seeded.scale(name, value.shape)
        if not torch.equal(value, seeded.tensor(name, value.shape)):
            (offset,), amplitude = value.tolist(), 0.0
        lines.append(" ".join([name, repr(offset), repr(amplitude), *map(str, value.shape)]))
    return "\n".join(lines)


def pick(name, count, candidates):
    """Up to `count` different ones of the candidates, by chance."""
    return candidates[torch.from_numpy(seeded.integers(name, count)) * len(candidates) >> 24]


def pairs(flat, positions):
    assert len(flat) < 1 << 24  # positions are exact in float32
    positions = positions.unique()
    return torch.stack([positions.float(), flat[positions].float()], 1)


def sample(name, values):
    flat = values.flatten()
    largest = flat.abs().argmax()[None]
    return pairs(flat, torch.cat([pick(name, SAMPLES, torch.arange(len(flat))), largest]))


def sample_mask(name, logits):
    """As many clear pixels from inside the mask as from outside, as 1 and 0."""
    flat = logits.flatten()
    sides = [side.nonzero().flatten() for side in (flat > MASK_MARGIN, flat < -MASK_MARGIN)]
    return pairs(flat > 0, torch.cat([pick(name, MASK_SAMPLES // 2, side)
                                      for side in sides if len(side)]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("member", choices=members.MEMBERS)
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    with torch.inference_mode():
        reference = Reference(arguments.member, arguments.size)
        outputs = reference.run()
    tensors = {}
    for name, values in outputs.items():
        if name.startswith("video.logits."):
            tensors[name.replace("logits", "mask")] = sample_mask(name, values)
        else:
            tensors[name] = sample(name, values)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, arguments.out,
              metadata={"image_size": str(arguments.size),
                        "weights": weight_lines(reference.predictor),
                        "script": json.dumps(script(arguments.size))})
    print(f"{arguments.out}: {arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
