# SPDX-License-Identifier: Apache-2.0
"""What is trained when, counted in samples (frames composed) and steps, never in wall time.

Progressive: small stills first, then stills and clips side by side, longer clips last."""
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Plan:
    """One step's batch: `scenes` pictures or clips of `length` frames at size x size, `targets` objects in each."""
    size: int
    length: int
    scenes: int
    targets: int


STILL_128_FEW, STILL_128 = Plan(128, 1, 16, 4), Plan(128, 1, 24, 4)
STILL_256, STILL_320, STILL_384 = Plan(256, 1, 12, 4), Plan(320, 1, 8, 4), Plan(384, 1, 5, 4)
CLIP_128, CLIP_256, CLIP_256_LONG = Plan(128, 6, 8, 2), Plan(256, 6, 4, 2), Plan(256, 8, 3, 2)
CLIP_256_LONGEST, CLIP_320 = Plan(256, 16, 2, 2), Plan(320, 6, 3, 2)
STILL_320_MORE = Plan(320, 1, 10, 4)
# of even numbers of scenes, which two processes share evenly
CLIP_256_EIGHT, CLIP_320_SIX, CLIP_320_LONG = Plan(256, 8, 4, 2), Plan(320, 6, 4, 2), Plan(320, 18, 2, 2)

# (from how many samples on, [(share of the steps, plan)])
PHASES = [
    (0,         [(1.00, STILL_128_FEW)]),       # a fresh model rests on empty masks: it takes steps to leave that
    (30_000,    [(1.00, STILL_128)]),
    (60_000,    [(0.60, STILL_256), (0.40, CLIP_128)]),
    (110_000,   [(0.50, STILL_256), (0.50, CLIP_256)]),
    (300_000,   [(0.40, STILL_256), (0.50, CLIP_256_LONG), (0.10, STILL_384)]),
]
SCHEDULES = dict(
    long=PHASES,
    from_stills=[(start - 60_000, shares) for start, shares in PHASES if start >= 60_000],  # from such weights
    further=[(0, [(0.45, STILL_256), (0.55, CLIP_256)])],   # from weights that are there, see train.py --start
    finer=[(0, [(0.45, STILL_320), (0.55, CLIP_320)])],     # the same, for frames of 320 px
    # for those too, with frames of 256 px first, which cost half
    mixed=[(0,      [(0.35, STILL_256), (0.15, STILL_320_MORE), (0.35, CLIP_256), (0.15, CLIP_320)]),
           (21_000, [(0.60, STILL_320_MORE), (0.40, CLIP_320)])],
    # as mixed, but clips of 8 to 18 frames too
    lasting=[(0,      [(0.30, STILL_256), (0.20, STILL_320_MORE), (0.20, CLIP_256), (0.08, CLIP_256_EIGHT),
                       (0.07, CLIP_256_LONGEST), (0.15, CLIP_320_SIX)]),
             (30_000, [(0.50, STILL_320_MORE), (0.25, CLIP_320_SIX), (0.25, CLIP_320_LONG)])],
    outlines=[(0, [(0.75, STILL_256), (0.25, CLIP_256)])],  # the same, for the first mask above all
    longest=[(0, [(0.30, STILL_256), (0.70, CLIP_256_LONGEST)])],   # the same, for what holds an object for long
    stills=[(0, [(1.00, Plan(128, 1, 8, 4))])],     # these two for comparing variants, see variants.py
    clips=[(0, [(1.00, Plan(128, 4, 4, 2))])])
FREEZE_NORM = 200_000       # from here on BatchNorm uses its averaged statistics, as at inference,
FREEZE_NORM_EARLY = dict(mixed=21_000, lasting=0)      # in these schedules from here
# samples of linear warm-up
WARM_UP = dict(long=3_000, from_stills=20_000, further=1_000, finer=1_000, mixed=1_000, lasting=1_000,
               outlines=1_000, longest=500, stills=500, clips=500)
DECAY_FROM = 150_000        # from here on the rate falls with the square root of the samples seen


def plan_at(seed, step, samples, phases):
    shares = next(shares for start, shares in reversed(phases) if samples >= start)
    rng = np.random.default_rng([seed, step, 1])
    return shares[rng.choice(len(shares), p=[share for share, _ in shares])][1]


def plans(seed, step, samples, scale=1, phases=PHASES):
    """Yields (step, plan) from a given position on; the same after every restart."""
    while True:
        plan = plan_at(seed, step, samples, phases)
        plan = replace(plan, scenes=plan.scenes * scale)
        yield step, plan
        step += 1
        samples += plan.scenes * plan.length


def learning_rate(samples, peak, cooldown=None, warm_up=WARM_UP['long']):
    """Warm-up, constant, then peak * sqrt(DECAY_FROM / samples): open-ended, since how long a run will be
    is not known at its start. `cooldown` = (first, last) sample of a final linear descent to zero."""
    rate = peak * min(1.0, samples / warm_up, (DECAY_FROM / max(1, samples)) ** 0.5)
    if cooldown:
        first, last = cooldown
        rate *= float(np.clip((last - samples) / (last - first), 0.01, 1))
    return max(rate, peak / 100)
