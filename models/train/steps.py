# SPDX-License-Identifier: Apache-2.0
"""One training step on stills and one on clips: a batch -> loss and the IoUs to log.

N = scenes x targets objects are prompted at once; images are encoded once per scene."""
import torch
import torch.nn.functional as F

from losses import mask_loss
from network import normalised, set_size

POINTER_RANGE = 64              # tells the reference that the video is long: pointers' time code as on live video


IN_BFLOAT16 = True              # see train.py --precision


def autocast(device):
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=IN_BFLOAT16)


def lowered(tensor):
    return tensor.bfloat16() if IN_BFLOAT16 else tensor


def encode(model, images):
    """RGB uint8 [B, S, S, 3] -> high-resolution features (strides 4 and 8) and the embedding [B, C, S/16, S/16]."""
    pyramid = model.image_encoder(normalised(images))['backbone_fpn']
    decoder = model.sam_mask_decoder
    return [decoder.conv_s0(pyramid[0]), decoder.conv_s1(pyramid[1])], pyramid[2]


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


def correction(logits, target, generator):
    """A click (x, y) [N, 1, 2] at a random wrong pixel of each mask, and its label [N, 1].
    logits [N, h, w], target [N, S, S]."""
    side = logits.shape[-1]
    truth = F.adaptive_avg_pool2d(target[:, None], (side, side))[:, 0] > 0.5
    wrong = (truth != (logits > 0)).flatten(1).float().cpu() + 1e-6
    index = torch.multinomial(wrong, 1, generator=generator)[:, 0].to(logits.device)
    scale = target.shape[-1] / side
    at = torch.stack([(index % side + 0.5) * scale, (index // side + 0.5) * scale], 1)[:, None].float()
    return at, truth.flatten(1).gather(1, index[:, None]).long()


def _tensors(batch, device):
    """images [B, T, S, S, 3], target float [T, N, S, S], points [N, P, 2], labels [N, P]."""
    images, masks = (torch.as_tensor(array, device=device) for array in (batch.images, batch.masks))
    scenes, length, targets, size, _ = masks.shape
    target = masks.permute(1, 0, 2, 3, 4).reshape(length, scenes * targets, size, size).float()
    points, labels = (torch.as_tensor(array, device=device).flatten(0, 1) for array in (batch.points, batch.labels))
    return images, target, points, labels


def still_step(model, batch, generator, corrected=0.25):
    """A prompt, and for the share `corrected` of the batches a corrective click with the former mask."""
    device = model.no_mem_embed.device
    images, target, points, labels = _tensors(batch, device)
    target, targets, size = target[0], batch.masks.shape[2], batch.images.shape[2]
    set_size(model, size)
    with autocast(device):
        fine, embedding = encode(model, images[:, 0])
        embedding = (embedding + model.no_mem_embed.view(1, -1, 1, 1)).repeat_interleave(targets, 0)
        fine = [level.repeat_interleave(targets, 0) for level in fine]
        masks, iou, _, score = heads(model, embedding, fine, points, labels)
    present = torch.ones(len(target), dtype=torch.bool, device=device)
    ambiguous = batch.kind == 'p'
    loss = mask_loss(masks, iou, score, target, present, 0.3 if ambiguous else 1.0)
    total, log = loss.total, {f'still_{batch.kind}': loss.best if ambiguous else loss.single}
    if ambiguous:
        log['still_chosen'] = loss.chosen
    if torch.rand((), generator=generator) < corrected:
        rows = torch.arange(len(target), device=device)
        former = masks[rows, 1 + iou[:, 1:].argmax(1)] if ambiguous else masks[:, 0]
        former = former.detach().float()
        at, label = correction(former, target, generator)
        with autocast(device):
            masks, iou, _, score = heads(model, embedding, fine, torch.cat([points, at], 1),
                                         torch.cat([labels, label], 1), former[:, None].clamp(-32, 32))
        loss = mask_loss(masks, iou, score, target, present, 1.0)
        total = total + 0.7 * loss.total
        log['still_corrected'] = loss.single
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


def clip_step(model, batch, generator, corrected=0.33, by_token_0=None):
    """Frame 0 is prompted, later frames are tracked through the memory; in the share `corrected` of the batches
    one later frame gets a corrective click and becomes a prompted (conditioning) frame too. A clip that begins with a
    mask begins with the true one or with the network's own. by_token_0: which mask feeds the memory of frames that
    are tracked, drawn if it is not given; the product's is not token 0's."""
    device = model.no_mem_embed.device
    images, target, points, labels = _tensors(batch, device)
    scenes, length, targets, size, _ = batch.masks.shape
    set_size(model, size)
    present = target.flatten(2).sum(2) > 12 * (size / 256) ** 2                             # [T, N]
    if by_token_0 is None:
        by_token_0 = bool(torch.rand((), generator=generator) < 0.5)
    rows = torch.arange(len(points), device=device)
    corrected_frame = int(torch.randint(2, length, (), generator=generator)) \
        if length > 2 and torch.rand((), generator=generator) < corrected else None
    with autocast(device):
        fine, embeddings = encode(model, images.transpose(0, 1).flatten(0, 1))              # [T * B, ...]
    embeddings = embeddings.float()
    side = embeddings.shape[-1]
    position = model.image_encoder.neck.position_encoding(embeddings[:1]).float()
    position = position.expand(scenes * targets, -1, -1, -1).flatten(2).permute(2, 0, 1)    # [HW, N, C]
    memory = dict(cond_frame_outputs={}, non_cond_frame_outputs={})
    total, log = 0, {}
    for t in range(length):
        of_frame = slice(t * scenes, (t + 1) * scenes)
        embedding = embeddings[of_frame].repeat_interleave(targets, 0)
        levels = [level[of_frame].repeat_interleave(targets, 0) for level in fine]
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
            ambiguous = prompted and batch.kind == 'p'
            loss = mask_loss(masks, iou, score, target[t], present[t], 0.3 if ambiguous else 1.0)
            total = total + loss.total
            log[f'clip_{t}'], log[f'clip_{t}_best'] = loss.single, loss.best
            log[f'clip_{t}_shown'] = loss.shown
            if not present[t].all():
                log[f'clip_{t}_claimed'] = loss.claimed
            token_0 = (labels.shape[1] > 1) if prompted else by_token_0
            if t == corrected_frame:
                former = masks[rows, 1 + iou[:, 1:].argmax(1)].detach().float()
                at, label = correction(former, target[t], generator)
                label = torch.where(present[t][:, None], label, torch.zeros_like(label))
                with autocast(device):
                    masks, iou, tokens, score = heads(model, pixels, levels, at, label,
                                                      former[:, None].clamp(-32, 32))
                loss = mask_loss(masks, iou, score, target[t], present[t], 1.0)
                total = total + loss.total
                log['clip_corrected'] = loss.single
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
