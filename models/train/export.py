# SPDX-License-Identifier: Apache-2.0
"""Weights -> .safetensors with the canonical names (EdgeTAM's trunk, SAM 2.1's rest), bf16.

    .deps/train/bin/python models/train/export.py .deps/train/run/checkpoint.pt models/builtin/builtin.safetensors

BatchNorm stays unfused and in fp32, as in EdgeTAM's released file; the loader fuses it. The token
mixers, trained with one branch, get the other two as a pair that cancels: the 1x1 branch is minus the
identity."""
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from network import IMAGE_SIZE, build, shape_of


def metadata(shape):
    """What tells the loader the member and what its tensors cannot."""
    return dict(
        format='pt', model='builtin', family='sam2.1', trunk='repvit', trunk_activation='relu',
        image_size=str(IMAGE_SIZE), dynamic_multimask_via_stability='false',        # see stability.py
        memory_attention_layers=str(shape.layers), memory_attention_heads='1', sigmoid_scale_for_mem_enc='20.0',
        sigmoid_bias_for_mem_enc='-10.0', num_maskmem=str(shape.num_maskmem), d_model=str(shape.d_model),
        mem_dim=str(shape.mem_dim))


def canonical(weights):
    """State dict of build(), with one branch or with three -> that with three, fp32, computing the same."""
    complete = {}
    for name, template in build(shape=shape_of(weights), one_branch=False).state_dict().items():
        if name in weights:
            value = weights[name].detach().cpu().clone()
            complete[name] = value.float() if value.is_floating_point() else value
        elif name.endswith('num_batches_tracked'):         # compact() left them out
            complete[name] = template
        elif '.token_mixer.conv1.' not in name:
            raise KeyError(name)
        elif name.endswith('c.weight') or name.endswith('running_var'):
            complete[name] = torch.ones_like(template)
        elif name.endswith('bn.weight'):
            complete[name] = -torch.ones_like(template) * (1 + 1e-5) ** 0.5         # 1e-5: BatchNorm's epsilon
        else:
            complete[name] = torch.zeros_like(template)
    return complete


def compact(weights):
    """bf16 but for BatchNorm and the random Fourier matrix; without BatchNorm's step counters."""
    return {name: (value.bfloat16() if value.is_floating_point() and '.bn.' not in name and 'gaussian' not in name
                   else value).contiguous()
            for name, value in weights.items() if not name.endswith('num_batches_tracked')}


def write(weights, path):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix('.unfinished')
    save_file(compact(canonical(weights)), unfinished, metadata(shape_of(weights)))
    unfinished.replace(path)


if __name__ == '__main__':
    source, target = sys.argv[1:3]
    write(torch.load(source, map_location='cpu', weights_only=True)['ema'], target)
    print(target, f'{Path(target).stat().st_size / 1e6:.1f} MB')
