# SPDX-License-Identifier: Apache-2.0
"""What is asked of the network in training, and with what: pictures encoded once, N objects of B scenes prompted at
once, clicks where a mask is wrong."""
import torch
import torch.nn.functional as F

import lean
from compose.prompts import innermost
from network import normalised

IN_BFLOAT16 = True              # see train.py --precision


def autocast(device):
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=IN_BFLOAT16)


def lowered(tensor):
    return tensor.bfloat16() if IN_BFLOAT16 else tensor


def encode(model, images):
    """RGB uint8 [B, S, S, 3] -> high-resolution features (strides 4 and 8) and the embedding [B, C, S/16, S/16]."""
    return lean.encode(model, normalised(images))


def heads(model, embedding, fine, points, labels, mask=None):
    """Prompt encoder and mask decoder on [N, ...]: 4 masks' logits, IoUs, tokens, object score."""
    prompt, count = model.sam_prompt_encoder, embedding.shape[0]
    if points is None:
        points = torch.zeros(count, 1, 2, device=embedding.device)
        labels = -torch.ones(count, 1, dtype=torch.int32, device=embedding.device)
    sparse, dense = prompt(points=(points, labels), boxes=None, masks=mask)
    return model.sam_mask_decoder.predict_masks(
        image_embeddings=lowered(embedding), image_pe=lowered(prompt.get_dense_pe()),
        sparse_prompt_embeddings=sparse, dense_prompt_embeddings=lowered(dense),
        repeat_image=False, high_res_features=fine)


def correction(logits, target, generator, centred):
    """A click (x, y) [N, 1, 2] at a wrong pixel of each mask, and its label [N, 1]: in the middle of the largest
    error, as models/evaluate clicks, or at any. logits [N, h, w], target [N, S, S]."""
    size = target.shape[-1]
    shown = F.interpolate(logits[:, None], size=(size, size), mode='bilinear', align_corners=False)[:, 0] > 0
    shown, truth = shown.cpu(), target.cpu() > 0.5
    wrong = shown != truth
    if centred:
        parts = [[part.byte().numpy() for part in (w & t, w & ~t)] for w, t in zip(wrong, truth)]
        index = torch.tensor([max(map(innermost, both), key=lambda found: found[1])[0] for both in parts])
    else:
        index = torch.multinomial(wrong.flatten(1).float() + 1e-6, 1, generator=generator)[:, 0]
    label = truth.flatten(1).gather(1, index[:, None]).long()
    at = torch.stack([index % size, index // size], 1)[:, None] + 0.5
    return at.to(logits.device), label.to(logits.device)


def spoilt(target, generator):
    """Masks as a user may have got them elsewhere, [N, S, S] of 0 and 1: grown or shrunk, and half of them cut off by
    a straight line through the middle of the frame."""
    def draw(low, high):
        return int(torch.randint(low, high, (), generator=generator))
    reach = 2 * draw(0, 6) + 1
    changed = F.max_pool2d(target[:, None], reach, 1, reach // 2)[:, 0] if draw(0, 2) else \
        1 - F.max_pool2d(1 - target[:, None], reach, 1, reach // 2)[:, 0]
    if draw(0, 2):
        side = target.shape[-1]
        half = torch.ones(side, device=target.device)
        half[:draw(side // 4, 3 * side // 4)] = 0
        changed = changed * (half[:, None] if draw(0, 2) else half)
    return changed


def tensors(batch, device):
    """images [B, T, S, S, 3]; of the N objects with some weight target float [T, N, S, S], points [N, P, 2],
    labels [N, P], their scenes [N] and weights [N]."""
    images, masks, points, labels, weights = (
        torch.as_tensor(array, device=device)
        for array in (batch.images, batch.masks, batch.points, batch.labels, batch.weights))
    scenes, which = weights.nonzero(as_tuple=True)
    target = masks[scenes, :, which].transpose(0, 1).float()
    return images, target, points[scenes, which], labels[scenes, which], scenes, weights[scenes, which]
