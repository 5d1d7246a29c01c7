# SPDX-License-Identifier: Apache-2.0
"""Losses of masks, their predicted IoUs and object scores."""
from dataclasses import dataclass

import torch
import torch.nn.functional as F

# Squared, as in SAM, not absolute, as in SAM 2: the mask of the highest expected IoU is chosen, a mean and no median.
IOU_WEIGHT = 4.0
ABSENT_WEIGHT = 3.0     # few objects are ever absent
# Weights of token 0 and of the best of the others. The product shows the latter after one click and on frames that are
# followed, token 0 after boxes and more clicks.
AMBIGUOUS, CLEAR = (0.3, 1.0), (1.0, 0.3)


def cross_entropy_dice(logits, target):
    """2 cross-entropy + dice of each mask: logits, target (0..1) [N, H, W] -> [N]. SAM has 20 focal + dice, which
    leaves pixels alone that are hardly decided."""
    cross_entropy = F.binary_cross_entropy_with_logits(logits, target, reduction='none').mean((1, 2))
    probability = logits.sigmoid()
    overlap = (2 * (probability * target).sum((1, 2)) + 1) / ((probability + target).sum((1, 2)) + 1)
    return 2 * cross_entropy + 1 - overlap


@dataclass
class MaskLoss:
    total: torch.Tensor         # scalar
    single: float               # mean IoU of token 0, NaN where no object is present
    best: float                 # the same of the best of tokens 1..3
    chosen: float               # of the one of them that the network takes for the best
    shown: float                # of that, 0 where the object is taken for absent: what a tracker's user gets
    claimed: float              # share of absent objects that are taken for present, NaN where none is absent


def mask_loss(masks, predicted_iou, object_score, target, present, single_weight, best_weight, weights=None):
    """masks [N, 4, h, w] logits, predicted_iou [N, 4], object_score [N, 1] logit, target [N, S, S] 0 or 1,
    present bool [N], weights [N] of the objects, default: 1. Token 0 and the best of tokens 1..3 are compared with the
    target at twice the logits' size; an absent object has only its score to learn."""
    masks, predicted_iou = masks.float(), predicted_iou.float()
    count, _, height, width = masks.shape
    fine = F.adaptive_avg_pool2d(target[:, None], (2 * height, 2 * width))[:, 0]
    coarse = F.avg_pool2d(fine[:, None], 2)[:, 0]

    def enlarged(some):
        return F.interpolate(some, size=fine.shape[-2:], mode='bilinear', align_corners=False)

    with torch.no_grad():
        hard, truth = enlarged(masks) > 0, (fine > 0.5)[:, None]
        iou = (hard & truth).sum((2, 3)) / (hard | truth).sum((2, 3)).clamp(min=1)              # [N, 4]
        best = 1 + torch.stack([cross_entropy_dice(masks[:, k], coarse) for k in (1, 2, 3)], 1).argmin(1)
    rows = torch.arange(count, device=masks.device)
    weights = torch.ones_like(fine[:, 0, 0]) if weights is None else weights
    here = present * weights
    number = here.sum().clamp(min=1)

    def mean(values):
        return (values * here).sum() / number

    single, several = enlarged(torch.stack([masks[:, 0], masks[rows, best]], 1)).unbind(1)
    scores = F.binary_cross_entropy_with_logits(object_score.float()[:, 0], present.float(), reduction='none')
    total = (best_weight * mean(cross_entropy_dice(several, fine))
             + single_weight * mean(cross_entropy_dice(single, fine))
             + IOU_WEIGHT * mean((predicted_iou - iou).square().mean(1))
             + (scores * torch.where(present, 1, ABSENT_WEIGHT) * weights).sum() / weights.sum())
    chosen = 1 + predicted_iou[:, 1:].argmax(1)
    seen = object_score.float()[:, 0] > 0
    scores = (mean(values).item() if present.any() else float('nan')
              for values in (iou[:, 0], iou[rows, best], iou[rows, chosen], iou[rows, chosen] * seen))
    return MaskLoss(total, *scores, seen[~present].float().mean().item())
