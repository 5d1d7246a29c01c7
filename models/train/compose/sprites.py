# SPDX-License-Identifier: Apache-2.0
"""What an object looks like: a cut-out, or a silhouette filled with textures, then shaded.

A sprite is a list of frames, BGRA uint8 [h, w, 4]; one frame, or several of a turning object."""
import cv2
import numpy as np

from .random_tools import crop, smooth_field
from .shapes import silhouette


def _tight(frames):
    """Crops all frames by their common tight box; None if almost nothing is opaque."""
    alpha = np.max([frame[..., 3] for frame in frames], 0)
    ys, xs = np.where(alpha.max(1) > 40)[0], np.where(alpha.max(0) > 40)[0]
    if len(ys) < 6 or len(xs) < 6:
        return None
    return [frame[ys[0]:ys[-1] + 1, xs[0]:xs[-1] + 1] for frame in frames]


def _one_colour(rng, height, width):
    return np.full((height, width, 3), rng.integers(0, 256, 3), np.uint8)


def _filled(rng, assets, alpha, scenery):
    """A silhouette (uint8 [h, w]) filled with one colour, or one to five textures; with `scenery`, with the
    background it will stand on, so that only its edges and shading give it away."""
    height, width = alpha.shape
    if scenery is None and rng.random() < 0.25:
        return np.dstack([_one_colour(rng, height, width), alpha])
    side = max(height, width)
    picture = scenery if scenery is not None else assets.background(rng, 0.5)
    colour = crop(rng, picture, side, 0.08, 0.9)[:height, :width]
    if scenery is None and rng.random() < 0.5:
        for _ in range(rng.integers(1, 5)):
            if rng.random() < 0.7:
                part = crop(rng, assets.background(rng, 0.5), side, 0.05, 0.6)[:height, :width]
            else:
                part = _one_colour(rng, height, width)
            field = smooth_field(rng, side, rng.integers(2, 6))[:height, :width]
            field = field + np.linspace(-1, 1, height)[:, None] * rng.uniform(-2, 2)
            colour = np.where((field > rng.uniform(0, 0.8))[..., None], part, colour)
    return np.dstack([colour, alpha])


def sprite(rng, assets, scenery):
    """A new object: 75 % cut-outs, the rest filled silhouettes, a quarter of those in camouflage."""
    while True:
        if rng.random() < 0.75:
            frames = assets.cutout(rng)
        else:
            alpha = silhouette(rng) if rng.random() < 0.5 else assets.cutout(rng)[0][..., 3]
            frames = [_filled(rng, assets, alpha, scenery if rng.random() < 0.25 else None)]
        frames = _tight(frames)
        if frames is not None:
            return frames


def shaded(rng, frames, scenery_colour):
    """One lighting for all frames: a smooth light field, gains, an offset, sometimes grey, contrast, and
    a shift towards the colour of the background around it (float [3])."""
    height, width = frames[0].shape[:2]
    gain = rng.uniform(0.8, 1.2, 3) * rng.uniform(0.6, 1.25)
    if rng.random() < 0.6:
        light = smooth_field(rng, max(height, width), 3)[:height, :width] * rng.uniform(0, 0.35)
        gain = gain * np.exp(np.clip(light, -0.8, 0.6))[..., None]
    offset, contrast, grey = rng.uniform(-25, 25), rng.uniform(0.6, 1.1), rng.random() < 0.12
    harmony = rng.uniform(0.2, 1) if rng.random() < 0.5 else 0
    shift = None
    result = []
    for frame in frames:
        colour = frame[..., :3].astype(np.float32) * gain + offset
        if grey:
            colour = colour.mean(2, keepdims=True).repeat(3, 2)
        colour = (colour - 128) * contrast + 128
        if harmony:
            if shift is None:
                solid = frame[..., 3] > 127
                shift = (scenery_colour - (colour[solid].mean(0) if solid.any() else 128)) * harmony
            colour = colour + shift
        result.append(np.dstack([np.clip(colour, 0, 255).astype(np.uint8), frame[..., 3]]))
    return result


def resized(picture, size):
    """A picture uint8 [h, w, 4] averaged to (width, height), its colour weighted by its alpha: what is transparent may
    have any colour."""
    weighted = picture.astype(np.float32)
    weighted[..., :3] *= weighted[..., 3:] / 255
    small = cv2.resize(weighted, size, interpolation=cv2.INTER_AREA)
    small[..., :3] /= np.maximum(small[..., 3:] / 255, 1 / 255)
    return np.clip(small, 0, 255).astype(np.uint8)


def shrunk(frames, longest):
    """Frames no longer than `longest` pixels: everything after this costs by the pixel."""
    scale = longest / max(frames[0].shape[:2])
    if scale >= 1:
        return frames
    size = max(4, int(frames[0].shape[1] * scale)), max(4, int(frames[0].shape[0] * scale))
    return [resized(frame, size) for frame in frames]


def premultiplied(frames):
    """float32 frames, colour multiplied by alpha."""
    result = []
    for frame in frames:
        frame = frame.astype(np.float32)
        frame[..., :3] *= frame[..., 3:] / 255
        result.append(frame)
    return result
