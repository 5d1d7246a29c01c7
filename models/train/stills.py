# SPDX-License-Identifier: Apache-2.0
"""One training step on stills: a batch -> loss and the IoUs to log."""
import torch
import torch.nn.functional as F

from asking import autocast, correction, encode, heads, spoilt, tensors
from losses import AMBIGUOUS, CLEAR, mask_loss
from network import set_size

CORRECTED, MOST_ROUNDS = 0.6, 3     # share of the batches of stills that are corrected, in so many rounds at most
GIVEN = 0.5                         # share of those of one round that begin with another mask instead


def still_step(model, batch, generator, rounds=None):
    """A prompt, and then corrective clicks one after the other, each with all before it and with the former mask. In
    some batches the former mask is another one, and the click alone is given with it. rounds: how many clicks, in the
    middles of the errors; drawn if it is not given."""
    device, patient = model.no_mem_embed.device, rounds is not None
    images, target, points, labels, scenes, weights = tensors(batch, device)
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
