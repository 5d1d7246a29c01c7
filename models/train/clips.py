# SPDX-License-Identifier: Apache-2.0
"""One training step on clips: a batch -> loss and the IoUs to log."""
import torch
import torch.nn.functional as F

from asking import autocast, correction, encode, heads, spoilt, tensors
from losses import AMBIGUOUS, CLEAR, mask_loss
from network import set_size

POINTER_RANGE = 64              # tells the reference that the video is long: pointers' time code as on live video


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


LONG, LEARNT = 16, 6            # frames of a clip that is long, and how many in a row of it are learnt from
MISTAKEN = 0.15                 # share of the frames that are remembered with a mask that is wrong


def mistaken(target, scenes, generator):
    """Masks [N, S, S] of 0 and 1 as a tracker may come to hold them: with another target of the scene, of that one
    alone, or spoilt."""
    count = len(target)
    others = [next((j for j in (*range(i + 1, count), *range(i)) if scenes[j] == scenes[i]), i) for i in range(count)]
    kind = int(torch.randint(0, 3, (), generator=generator))
    alone = torch.tensor(others, device=target.device) == torch.arange(count, device=target.device)
    other, own = target[others], spoilt(target, generator)
    wrong = (own, other, torch.maximum(target, other))[kind]
    return torch.where(alone[:, None, None], own, wrong)


class _Clip:
    """The objects of a clip, followed frame by frame. whole: every frame is learnt from, and all is remembered as it
    was found; carried: what begins with a mask begins with the true one."""

    def __init__(self, model, batch, generator, corrected, whole, carried):
        self.model, self.kind, self.generator, self.whole, self.carried = model, batch.kind, generator, whole, carried
        images, self.target, self.points, self.labels, self.scenes, self.weights = \
            tensors(batch, model.no_mem_embed.device)
        length, count, size, _ = self.target.shape
        set_size(model, size)
        self.present = self.target.flatten(2).sum(2) > 12 * (size / 256) ** 2               # [T, N]
        self.learnt = self._learnt(length)
        later = [t for t in self.learnt if t > 1]
        self.corrected = later[int(torch.randint(0, len(later), (), generator=generator))] \
            if later and self._drawn(corrected) else None
        self.encoded = self._encoded(images)
        embedding = self.encoded[0][-1]
        self.side = embedding.shape[-1]
        position = model.image_encoder.neck.position_encoding(embedding[:1]).float()
        self.position = position.expand(count, -1, -1, -1).flatten(2).permute(2, 0, 1)      # [HW, N, C]
        self.memory = dict(cond_frame_outputs={}, non_cond_frame_outputs={})
        self.log = {}

    def _drawn(self, share):
        return bool(torch.rand((), generator=self.generator) < share)

    def _learnt(self, length):
        """Frames that are learnt from: of a long clip the first and some in a row. Those between are only followed, so
        that the memory is as it is later in a video."""
        if self.whole or length < LONG:
            return list(range(length))
        first = int(torch.randint(1, length - LEARNT + 1, (), generator=self.generator))
        return [0, *range(first, first + LEARNT)]

    def gradient(self, learnt):
        return torch.set_grad_enabled(learnt and torch.is_grad_enabled())

    def _encoded(self, images):
        """{frame: [high-resolution features of strides 4 and 8, embedding]}"""
        found, rest = {}, sorted(set(range(self.learnt[-1])) - set(self.learnt))
        for frames in filter(None, (self.learnt, rest)):
            with self.gradient(frames is self.learnt), autocast(images.device):
                fine, embedding = encode(self.model, images[:, frames].transpose(0, 1).flatten(0, 1))
            levels = (level.unflatten(0, (len(frames), -1)) for level in (*fine, embedding.float()))
            found |= {t: maps for t, *maps in zip(frames, *levels)}
        return found

    def _mask_given(self, embedding, levels):
        """What a memory gets of a mask that the user gives: logits, pointer, object score."""
        given = self.target[0][:, None]
        if not self.carried and self._drawn(0.5):
            given = own_mask(self.model, embedding, levels, self.points, self.labels, self.target[0])
        with autocast(embedding.device):
            output = self.model._use_mask_as_output(embedding, levels, given)
        return output[4], output[5], output[6]

    def _loss(self, t, answer, weights_of_masks):
        masks, iou, _, score = answer
        return mask_loss(masks, iou, score, self.target[t], self.present[t], *weights_of_masks, self.weights)

    def _corrected(self, t, masks, iou, pixels, levels):
        """The answer to a click, and its loss."""
        rows = torch.arange(len(masks), device=masks.device)
        former = masks[rows, 1 + iou[:, 1:].argmax(1)].detach().float()
        at, label = correction(former, self.target[t], self.generator, self._drawn(0.5))
        label = torch.where(self.present[t][:, None], label, torch.zeros_like(label))
        with autocast(masks.device):
            answer = heads(self.model, pixels, levels, at, label, former[:, None].clamp(-32, 32))
        loss = self._loss(t, answer, AMBIGUOUS)
        self.log['clip_corrected'] = loss.chosen
        return answer, loss.total

    def _answer(self, t, embedding, levels, sequence):
        """-> logits [N, 1, S, S], pointer and score to remember, whether the frame was prompted, loss"""
        with autocast(embedding.device):
            if t == 0:
                pixels = embedding + self.model.no_mem_embed.view(1, -1, 1, 1)
            else:
                pixels = self.model._prepare_memory_conditioned_features(
                    t, False, [sequence], [self.position], [(self.side, self.side)], self.memory, POINTER_RANGE)
            asked = (self.points, self.labels) if t == 0 else (None, None)
            answer = heads(self.model, pixels, levels, *asked)
        token_0 = t == 0 and self.labels.shape[1] > 1
        loss = self._loss(t, answer, CLEAR if token_0 else AMBIGUOUS)
        total = loss.total
        self.log |= {f'clip_{t}': loss.single, f'clip_{t}_best': loss.best, f'clip_{t}_shown': loss.shown}
        if not self.present[t].all():
            self.log[f'clip_{t}_claimed'] = loss.claimed
        if t == self.corrected:
            answer, more = self._corrected(t, *answer[:2], pixels, levels)
            total, token_0 = total + more, False
        masks, iou, tokens, score = answer
        high, pointer = _remembered(self.model, masks, iou, tokens, score, token_0, self.target.shape[-1])
        return high, pointer, score, t in (0, self.corrected), total

    def follow(self, t):
        """One frame -> its loss."""
        *levels, embedding = (maps[self.scenes] for maps in self.encoded[t])
        sequence = embedding.flatten(2).permute(2, 0, 1)                                    # [HW, N, C]
        if t == 0 and self.kind == 'm':
            (high, pointer, score), prompted, loss = self._mask_given(embedding, levels), True, 0
        else:
            high, pointer, score, prompted, loss = self._answer(t, embedding, levels, sequence)
            if prompted:        # as the product remembers it: binarize_mask_from_pts_for_mem_enc
                high = torch.where(high > 0, 10.0, -10.0)
            elif not self.whole and self._drawn(MISTAKEN):
                high = 6 * mistaken(self.target[t], self.scenes, self.generator)[:, None] - 3
        if t < self.learnt[-1]:
            with autocast(embedding.device):
                features, code = self.model._encode_new_memory([sequence], [(self.side, self.side)], high, score,
                                                               prompted)
            kind = 'cond_frame_outputs' if prompted else 'non_cond_frame_outputs'
            self.memory[kind][t] = dict(maskmem_features=features.float(), obj_ptr=pointer.float(),
                                        maskmem_pos_enc=[level.float() for level in code])
        return loss


def clip_step(model, batch, generator, corrected=0.33, whole=False, carried=False):
    """Frame 0 is prompted, later frames are tracked through the memory; in the share `corrected` of the batches
    one later frame gets a corrective click and becomes a prompted (conditioning) frame too. A clip that begins with a
    mask begins with the true one or with the network's own. whole, carried: see _Clip."""
    clip, total = _Clip(model, batch, generator, corrected, whole, carried), 0
    for t in range(clip.learnt[-1] + 1):
        with clip.gradient(t in clip.learnt):
            loss = clip.follow(t)
        if t in clip.learnt:
            total = total + loss
    return total / len(clip.learnt) * 1.5, clip.log
