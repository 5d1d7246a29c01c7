# SPDX-License-Identifier: Apache-2.0
"""One training step on stills and one on clips: a batch -> loss and the IoUs to log.

N objects of B scenes are prompted at once; images are encoded once per scene."""
import cv2
import numpy as np
import torch
import torch.nn.functional as F

import lean
from losses import mask_loss
from network import normalised, set_size

POINTER_RANGE = 64              # tells the reference that the video is long: pointers' time code as on live video


# Weights of token 0 and of the best of the others. The product shows the latter after one click and on frames that are
# followed, token 0 after boxes and more clicks.
AMBIGUOUS, CLEAR = (0.3, 1.0), (1.0, 0.3)
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


def _innermost(wrong):
    """Index of the pixel of bool [S, S] that is farthest from those that are not, and how far."""
    padded = cv2.copyMakeBorder(wrong.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
    index = int(distance.argmax())
    return index, distance.flat[index]


def correction(logits, target, generator, centred):
    """A click (x, y) [N, 1, 2] at a wrong pixel of each mask, and its label [N, 1]: in the middle of the largest
    error, as models/evaluate clicks, or at any. logits [N, h, w], target [N, S, S]."""
    size = target.shape[-1]
    shown = F.interpolate(logits[:, None], size=(size, size), mode='bilinear', align_corners=False)[:, 0] > 0
    shown, truth = shown.cpu(), target.cpu() > 0.5
    wrong = shown != truth
    if centred:
        index = torch.tensor([max((_innermost(part.numpy()) for part in (w & t, w & ~t)), key=lambda found: found[1])[0]
                              for w, t in zip(wrong, truth)])
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


def _tensors(batch, device):
    """images [B, T, S, S, 3]; of the N objects with some weight target float [T, N, S, S], points [N, P, 2],
    labels [N, P], their scenes [N] and weights [N]."""
    images, masks, points, labels, weights = (
        torch.as_tensor(array, device=device)
        for array in (batch.images, batch.masks, batch.points, batch.labels, batch.weights))
    scenes, which = weights.nonzero(as_tuple=True)
    target = masks[scenes, :, which].transpose(0, 1).float()
    return images, target, points[scenes, which], labels[scenes, which], scenes, weights[scenes, which]


CORRECTED, MOST_ROUNDS = 0.6, 3     # share of the batches of stills that are corrected, in so many rounds at most
GIVEN = 0.5                         # share of those of one round that begin with another mask instead


def still_step(model, batch, generator, rounds=None):
    """A prompt, and then corrective clicks one after the other, each with all before it and with the former mask. In
    some batches the former mask is another one, and the click alone is given with it. rounds: how many clicks, in the
    middles of the errors; drawn if it is not given."""
    device, patient = model.no_mem_embed.device, rounds is not None
    images, target, points, labels, scenes, weights = _tensors(batch, device)
    target = target[0]
    set_size(model, target.shape[-1])

    def drawn(share):
        return bool(torch.rand((), generator=generator) < share)

    with autocast(device):
        fine, embedding = encode(model, images[:, 0])
        embedding = (embedding + model.no_mem_embed.view(1, -1, 1, 1))[scenes]
        fine = [level[scenes] for level in fine]
        masks, iou, _, score = heads(model, embedding, fine, points, labels)
    present = torch.ones(len(target), dtype=torch.bool, device=device)
    ambiguous = batch.kind == 'p'
    loss = mask_loss(masks, iou, score, target, present, *(AMBIGUOUS if ambiguous else CLEAR), weights)
    total, log = loss.total, {f'still_{batch.kind}': loss.best if ambiguous else loss.single}
    if ambiguous:
        log['still_chosen'] = loss.chosen
    rows = torch.arange(len(target), device=device)
    former = (masks[rows, 1 + iou[:, 1:].argmax(1)] if ambiguous else masks[:, 0]).detach().float()
    if not patient:
        rounds = int(torch.randint(1, MOST_ROUNDS + 1, (), generator=generator)) if drawn(CORRECTED) else 0
    given = not patient and rounds == 1 and drawn(GIVEN)
    if given:
        other = F.adaptive_avg_pool2d(spoilt(target, generator)[:, None], former.shape[-2:])[:, 0]
        former, points, labels = 20 * other - 10, points[:, :0], labels[:, :0]
    for number in range(1, rounds + 1):
        at, label = correction(former, target, generator, patient or drawn(0.5))
        points, labels = torch.cat([points, at], 1), torch.cat([labels, label], 1)
        with autocast(device):
            masks, iou, _, score = heads(model, embedding, fine, points, labels, former[:, None].clamp(-32, 32))
        loss = mask_loss(masks, iou, score, target, present, *CLEAR, weights)
        total = total + 0.7 * loss.total
        log['still_given' if given else f'still_corrected_{number}'] = loss.single
        former = masks[:, 0].detach().float()
    return total, log


def _remembered(model, masks, iou, tokens, score, token_0, size):
    """What the memory gets of an answer: logits [N, 1, S, S] of token 0's mask, or of the best by predicted IoU of the
    others, and the object pointer [N, C] of the same token."""
    rows = torch.arange(len(masks), device=masks.device)
    chosen = torch.zeros_like(rows) if token_0 else 1 + iou[:, 1:].argmax(1)
    appears = score > 0                                                                     # [N, 1]
    low = torch.where(appears[:, :, None], masks[rows, chosen].float(), -1024.0)
    high = F.interpolate(low[:, None], size=(size, size), mode='bilinear', align_corners=False)
    with autocast(masks.device):
        pointer = model.obj_ptr_proj(tokens[rows, chosen])
    return high, torch.where(appears, pointer.float(), model.no_obj_ptr)


def own_mask(model, embedding, levels, points, labels, target):
    """What the network itself finds, as a mask given: 0 or 1 [N, 1, S, S]; the true one where that is nothing."""
    with torch.no_grad(), autocast(embedding.device):
        pixels = embedding + model.no_mem_embed.view(1, -1, 1, 1)
        masks = heads(model, pixels, levels, points, labels)[0][:, :1]
    found = F.interpolate(masks.float(), size=target.shape[-2:], mode='bilinear', align_corners=False) > 0
    return torch.where(found.flatten(1).any(1)[:, None, None, None], found.float(), target[:, None])


def clip_step(model, batch, generator, corrected=0.33):
    """Frame 0 is prompted, later frames are tracked through the memory; in the share `corrected` of the batches
    one later frame gets a corrective click and becomes a prompted (conditioning) frame too. A clip that begins with a
    mask begins with the true one or with the network's own."""
    device = model.no_mem_embed.device
    images, target, points, labels, scenes, weights = _tensors(batch, device)
    length, count, size, _ = target.shape
    set_size(model, size)
    present = target.flatten(2).sum(2) > 12 * (size / 256) ** 2                             # [T, N]
    rows = torch.arange(len(points), device=device)
    corrected_frame = int(torch.randint(2, length, (), generator=generator)) \
        if length > 2 and torch.rand((), generator=generator) < corrected else None
    with autocast(device):
        fine, embeddings = encode(model, images.transpose(0, 1).flatten(0, 1))              # [T * B, ...]
    embeddings = embeddings.float()
    side = embeddings.shape[-1]
    position = model.image_encoder.neck.position_encoding(embeddings[:1]).float()
    position = position.expand(count, -1, -1, -1).flatten(2).permute(2, 0, 1)    # [HW, N, C]
    memory = dict(cond_frame_outputs={}, non_cond_frame_outputs={})
    total, log = 0, {}
    for t in range(length):
        pictures = t * len(images) + scenes
        embedding = embeddings[pictures]
        levels = [level[pictures] for level in fine]
        sequence = embedding.flatten(2).permute(2, 0, 1)                                    # [HW, N, C]
        prompted = t == 0
        if prompted and batch.kind == 'm':
            given = target[0][:, None]
            if torch.rand((), generator=generator) < 0.5:
                given = own_mask(model, embedding, levels, points, labels, target[0])
            with autocast(device):
                output = model._use_mask_as_output(embedding, levels, given)
            high, pointer, score = output[4], output[5], output[6]
        else:
            with autocast(device):
                if prompted:
                    pixels = embedding + model.no_mem_embed.view(1, -1, 1, 1)
                else:
                    pixels = model._prepare_memory_conditioned_features(
                        t, False, [sequence], [position], [(side, side)], memory, POINTER_RANGE)
                asked = (points, labels) if prompted else (None, None)
                masks, iou, tokens, score = heads(model, pixels, levels, *asked)
            token_0 = prompted and labels.shape[1] > 1
            loss = mask_loss(masks, iou, score, target[t], present[t], *(CLEAR if token_0 else AMBIGUOUS), weights)
            total = total + loss.total
            log[f'clip_{t}'], log[f'clip_{t}_best'] = loss.single, loss.best
            log[f'clip_{t}_shown'] = loss.shown
            if not present[t].all():
                log[f'clip_{t}_claimed'] = loss.claimed
            if t == corrected_frame:
                former = masks[rows, 1 + iou[:, 1:].argmax(1)].detach().float()
                centred = bool(torch.rand((), generator=generator) < 0.5)
                at, label = correction(former, target[t], generator, centred)
                label = torch.where(present[t][:, None], label, torch.zeros_like(label))
                with autocast(device):
                    masks, iou, tokens, score = heads(model, pixels, levels, at, label,
                                                      former[:, None].clamp(-32, 32))
                loss = mask_loss(masks, iou, score, target[t], present[t], *AMBIGUOUS, weights)
                total = total + loss.total
                log['clip_corrected'] = loss.chosen
                prompted, token_0 = True, False
            high, pointer = _remembered(model, masks, iou, tokens, score, token_0, size)
            if prompted:        # as the product remembers it: binarize_mask_from_pts_for_mem_enc
                high = torch.where(high > 0, 10.0, -10.0)
        if t < length - 1:
            with autocast(device):
                features, code = model._encode_new_memory([sequence], [(side, side)], high, score, prompted)
            kind = 'cond_frame_outputs' if prompted else 'non_cond_frame_outputs'
            memory[kind][t] = dict(maskmem_features=features.float(), obj_ptr=pointer.float(),
                                   maskmem_pos_enc=[level.float() for level in code])
    return total / length * 1.5, log


def train_step(model, batch, generator, **options):
    return (still_step if batch.images.shape[1] == 1 else clip_step)(model, batch, generator, **options)
