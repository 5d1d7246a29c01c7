# SPDX-License-Identifier: Apache-2.0
"""A training batch as a pure function of (seed, step): resuming needs no more than the step."""
from dataclasses import dataclass, replace

import numpy as np
import torch

from .follow import LARGER, followed
from .prompts import prompts
from .scene import scene

STILL_PROMPTS = {'b': .50, 'p': .36, 'bp': .04, 'pp': .05, 'pn': .05}
CLIP_PROMPTS = {'b': .27, 'p': .08, 'm': .60, 'pp': .05}            # m: a mask, see steps.py


@dataclass
class Batch:
    images: np.ndarray              # uint8 [B, T, S, S, 3] RGB
    masks: np.ndarray               # uint8 [B, T, K, S, S]
    points: np.ndarray              # float32 [B, K, P, 2] of frame 0
    labels: np.ndarray              # int64 [B, K, P]
    weights: np.ndarray             # float32 [B, K] of the targets
    kind: str                       # what the prompts are; one kind a batch, so that none needs padding

    def shared(self):
        """With tensors for arrays: another process gets those without a copy."""
        arrays = ('images', 'masks', 'points', 'labels', 'weights')
        return replace(self, **{name: torch.from_numpy(getattr(self, name)) for name in arrays})

    def merged(self):
        """Of targets that are there several times, as in scenes that have fewer, one stands for all: the others weigh
        nothing, and need no work."""
        weights = np.zeros_like(self.weights)
        for scene, masks in enumerate(self.masks[:, 0]):
            for mask, weight in zip(masks, self.weights[scene]):
                same = next(k for k, other in enumerate(masks) if np.array_equal(mask, other))
                weights[scene, same] += weight
        return replace(self, weights=weights)

    @property
    def frames(self):
        return self.images.shape[0] * self.images.shape[1]


def _clip_in_a_window(rng, assets, plan):
    larger = 2 * round(LARGER * plan.size / 2)
    return followed(rng, *scene(rng, assets.of_kind('small'), larger, plan.length, plan.targets, fastest=0.5), plan.size)


def compose(seed, step, assets, plan, kind=None):
    """plan: size, length (frames), scenes (B), targets (K) of this step; kind: what the prompts are, default: drawn."""
    rng = np.random.default_rng([seed, step])
    choices = STILL_PROMPTS if plan.length == 1 else CLIP_PROMPTS
    drawn = str(rng.choice(list(choices), p=list(choices.values())))
    kind = kind or drawn
    images, masks, points, labels = [], [], [], []
    asking = rng.spawn(1)[0]                        # the scenes are the same whatever is asked
    for _ in range(plan.scenes):
        in_a_window = plan.length > 1 and assets.followed and rng.random() < assets.followed
        image, mask = _clip_in_a_window(rng, assets, plan) if in_a_window else \
            scene(rng, assets, plan.size, plan.length, plan.targets)
        point, label = prompts(asking, mask[0], kind.replace('m', 'b'))
        images.append(image)
        masks.append(mask)
        points.append(point)
        labels.append(label)
    return Batch(np.stack(images), np.stack(masks), np.stack(points), np.stack(labels),
                 np.ones((plan.scenes, plan.targets), np.float32), kind)
