# SPDX-License-Identifier: Apache-2.0
"""One training step: a batch -> loss and the IoUs to log."""
from clips import clip_step
from stills import still_step


def train_step(model, batch, generator, **options):
    return (still_step if batch.images.shape[1] == 1 else clip_step)(model, batch, generator, **options)
