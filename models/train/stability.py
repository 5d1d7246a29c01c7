# SPDX-License-Identifier: Apache-2.0
"""Does dynamic_multimask_via_stability, part of the official inference settings, help these weights?

    .deps/train/bin/python models/train/stability.py WEIGHTS --pack .deps/train-data/permissive

Prompts with several points (a box has two) ask for one mask: token 0's, or with that setting the best of
the three others where token 0's is unstable. Mean IoU of both on scenes composed of pictures kept from
training, a line a kind of prompt; export.py writes what follows into the weights' metadata."""
import argparse

import numpy as np
import torch

from compose.assets import Assets
from compose.batch import compose
from evaluate import load
from network import IMAGE_SIZE, normalised, set_size
from schedule import Plan

SEED = 1_000_003
PLAN = Plan(IMAGE_SIZE, 1, 8, 4)       # size, length, scenes, targets


def masks_of(model, batch, dynamic):
    """Logits [N, h, w] of the one mask for each prompt."""
    images = torch.from_numpy(batch.images[:, 0])
    decoder, targets = model.sam_mask_decoder, batch.masks.shape[2]
    decoder.dynamic_multimask_via_stability = dynamic
    _, levels, _, sizes = model._prepare_backbone_features(model.forward_image(normalised(images)))
    maps = [level.permute(1, 2, 0).unflatten(2, size).repeat_interleave(targets, 0)
            for level, size in zip(levels, sizes)]
    prompt = dict(point_coords=torch.from_numpy(batch.points).flatten(0, 1),
                  point_labels=torch.from_numpy(batch.labels).flatten(0, 1).int())
    embedding = maps[-1] + model.no_mem_embed.view(1, -1, 1, 1)
    return model._forward_sam_heads(embedding, prompt, None, maps[:-1], False)[4][:, 0]


def ious(logits, batch):
    """Mean IoU of [N, S, S] logits with the batch's masks."""
    truth = torch.from_numpy(batch.masks[:, 0]).flatten(0, 1) > 0
    found = logits > 0
    union = (truth | found).flatten(1).sum(1).clamp(min=1)
    return ((truth & found).flatten(1).sum(1) / union).numpy()


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('weights')
    parser.add_argument('--pack', required=True)
    parser.add_argument('--batches', type=int, default=24)
    arguments = parser.parse_args()
    model, assets = load(arguments.weights), Assets(arguments.pack, validation=True)
    set_size(model, PLAN.size)
    collected = {}
    for index in range(arguments.batches):
        batch = compose(SEED, index, assets, PLAN)
        if batch.kind == 'p':           # one point: three masks
            continue
        values = [ious(masks_of(model, batch, dynamic), batch) for dynamic in (False, True)]
        collected.setdefault(batch.kind, []).append(np.stack(values, 1))
    print(f"{'prompt':8}{'objects':>8}{'token 0':>10}{'by stability':>14}")
    for kind, parts in [*sorted(collected.items()), ('all', sum(collected.values(), []))]:
        rows = np.concatenate(parts)
        print(f'{kind:8}{len(rows):8}{rows[:, 0].mean():10.3f}{rows[:, 1].mean():14.3f}')


if __name__ == '__main__':
    main()
