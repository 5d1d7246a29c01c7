# SPDX-License-Identifier: Apache-2.0
"""Stills and clips with exact masks: objects of several kinds moving over a background plane.

An actor is one object in a scene; actors later in the list lie in front of earlier ones."""
from dataclasses import dataclass

import cv2
import numpy as np

from . import motion, sprites
from .lens import Lens
from .random_tools import crop, log_uniform, smooth_field
from .rooms import room_scene

# of the frame's side: a target's in frame 0, were it a square, in a scene of each kind
SMALLEST = dict(plain=0.05, small=0.025, coarse=0.15)
LEAST = dict(plain=60, small=40, coarse=60)     # pixels of it
LONGEST_SMALL = 0.04, 0.30          # of the frame's side, an object's longest side in small scenes
PLAIN = 0.10                        # share of the others that stand on one colour, or two that run into each other


@dataclass
class Actor:
    look: list                      # sprite before shading: look-alikes share it
    frames: list                    # premultiplied BGRA float32 [h, w, 4]
    longest: float                  # pixels of its longest side at scale 1
    path: np.ndarray                # [T, 2] centre in the frame
    scale: np.ndarray               # [T]
    turn: np.ndarray                # [T] radians
    playback: np.ndarray            # [T] index into frames
    aspect: float
    shear: float
    mirrored: bool
    soft: float                     # sigma of a blur of its edge and inside
    shadow: float                   # darkness of a soft shadow beside it
    warp: tuple | None              # two pairs of fields [16, 16]; amplitude of the first, of the second in each frame


def _actor(rng, assets, size, length, scenery, others, aspect, speed=1, small=False):
    """A new actor, sometimes in a set relation to an earlier one: its double beside it, or crossing it."""
    twin = others[rng.integers(len(others))] if others and rng.random() < 0.2 else None
    look = twin.look if twin else sprites.sprite(rng, assets, scenery)
    moving = length > 1
    longest = size * log_uniform(rng, *(LONGEST_SMALL if small else (0.10, 0.95 if not moving else 0.75)))
    if twin and rng.random() < 0.7:
        longest = twin.longest * rng.uniform(0.8, 1.25)
    pace = rng.choice([-2, -1, -0.5, 0.5, 1, 2]) * speed if rng.random() < 0.85 else 0
    playback = (rng.integers(len(look)) + np.floor(np.arange(length) * pace)).astype(int)
    playback = motion.to_and_fro(playback, len(look))
    used, playback = np.unique(playback, return_inverse=True)
    start = rng.uniform(0.05, 0.95, 2) * size
    frames = sprites.shrunk([look[i] for i in used], 1.5 * longest)
    frames = sprites.shaded(rng, frames, _colour_around(scenery, start + (scenery.shape[0] - size) / 2, longest))
    path = start + motion.drift(rng, size, length, speed)
    if twin and rng.random() < (0.35 if moving else 0.6):       # in contact, going the same way
        angle = rng.uniform(0, 2 * np.pi)
        gap = (longest + twin.longest) / 2 * rng.uniform(0.45, 0.9)
        path = twin.path + np.array([np.cos(angle), np.sin(angle)]) * gap + 0.4 * (path - path[0])
    elif others and moving and rng.random() < (0.6 if twin else 0.3):
        other = twin or others[rng.integers(len(others))]
        path = motion.passing(rng, other.path, size, speed)
    elif moving and rng.random() < 0.25:
        path = path + motion.excursion(rng, length, size * rng.uniform(0.5, 1.1) + longest / 2)
    warp = None
    if rng.random() < (0.6 if moving else 0.35):
        fields = [smooth_field(rng, 16, 3) for _ in range(4)]
        amplitude, _ = rng.uniform(0, 0.06), rng.random()       # the latter so that stills stay what they were
        warp = fields, amplitude, motion.swings(rng, length, speed) if moving else np.zeros((1, 2))
    return Actor(
        look, sprites.premultiplied(frames), longest, path,
        scale=np.exp(motion.drifting_factor(rng, length, 0.03, 0.09, speed)),
        turn=(rng.normal() * 0.25 if rng.random() < 0.8 else rng.uniform(-3.1, 3.1))
        + motion.drifting_factor(rng, length, 0.03, 0.12, speed),
        playback=playback, aspect=log_uniform(rng, 0.75, 1.33) / aspect ** 0.9, shear=rng.normal() * 0.1,
        mirrored=rng.random() < 0.5, soft=rng.uniform(0, 1.1) if rng.random() < 0.4 else 0,
        shadow=rng.uniform(0.15, 0.6) if rng.random() < 0.2 else 0, warp=warp)


def _colour_around(scenery, middle, side):
    """Mean colour float [3] of a square of a picture [S, S, 3], as far as it lies inside."""
    x0, y0 = np.clip(middle - side / 2, 0, scenery.shape[0] - 8).astype(int)
    x1, y1 = np.clip(middle + side / 2, 8, scenery.shape[0]).astype(int)
    return scenery[y0:y1:3, x0:x1:3].mean((0, 1))


def _place(actor, t, size, pan, zoom):
    """The actor's pixels in frame t: premultiplied BGRA float32 [h, w, 4] and their corner (x, y), or None
    if outside. The camera moves and zooms objects with their background."""
    frame = actor.frames[actor.playback[t]]
    height, width = frame.shape[:2]
    scale = actor.longest / max(height, width) * actor.scale[t] * zoom
    centre = (actor.path[t] - size / 2) * zoom + size / 2 + pan
    cos, sin = np.cos(actor.turn[t]), np.sin(actor.turn[t])
    stretch = actor.aspect ** 0.5
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.array(
        [[(-1 if actor.mirrored else 1) * scale * stretch, scale * actor.shear], [0, scale / stretch]])
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width / 2, height / 2] @ linear.T + centre
    bend = 1.8 * (actor.warp[1] + np.abs(actor.warp[2][t]).max()) if actor.warp else 0
    pad = 4 + bend * scale * max(height, width)
    x0, y0 = np.maximum(np.floor(corners.min(0) - pad), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(corners.max(0) + pad), size).astype(int)
    if x1 - x0 < 3 or y1 - y0 < 3:
        return None
    if actor.warp is None:
        offset = centre - linear @ [width / 2, height / 2] - [x0, y0]
        patch = cv2.warpAffine(frame, np.hstack([linear, offset[:, None]]), (x1 - x0, y1 - y0))
    else:
        fields, fixed, (swing_x, swing_y) = actor.warp[0], actor.warp[1], actor.warp[2][t]
        longest = scale * max(height, width)
        shape = (x1 - x0, y1 - y0)
        bent_x, bent_y = fields[0] * fixed + fields[1] * swing_x, fields[2] * fixed + fields[3] * swing_y
        x = np.arange(x0, x1)[None] - centre[0] + cv2.resize(bent_x, shape) * longest
        y = np.arange(y0, y1)[:, None] - centre[1] + cv2.resize(bent_y, shape) * longest
        inverse = np.linalg.inv(linear)
        map_x = (inverse[0, 0] * x + inverse[0, 1] * y + width / 2).astype(np.float32)
        map_y = (inverse[1, 0] * x + inverse[1, 1] * y + height / 2).astype(np.float32)
        patch = cv2.remap(frame, map_x, map_y, cv2.INTER_LINEAR)
    if actor.soft > 0.2:
        patch = cv2.GaussianBlur(patch, (0, 0), actor.soft)
    return patch, x0, y0


def _shade(picture, alpha, x, y, darkness):
    """A soft shadow of what stands at (x, y), a little below it, on `picture` in place."""
    height, width = alpha.shape
    reach, shift = max(6, height // 4), max(2, height // 12)        # as far as it fades
    padded = cv2.copyMakeBorder(alpha, reach + shift, reach - shift, reach, reach, cv2.BORDER_CONSTANT)
    dark = cv2.GaussianBlur(padded, (0, 0), max(1.5, height / 14))
    left, top = max(0, x - reach), max(0, y - reach)
    window = picture[top:y + height + reach, left:x + width + reach]
    dark = dark[top - y + reach:, left - x + reach:][:window.shape[0], :window.shape[1]]
    window *= 1 - darkness * dark[..., None]


def _paint(picture, patch, x, y, shadow=0.0):
    """Lays a premultiplied patch over `picture` (float32 [S, S, 3]) in place; returns its alpha [h, w]."""
    height, width = patch.shape[:2]
    alpha = patch[..., 3:] / 255
    window = picture[y:y + height, x:x + width]
    if shadow:
        _shade(picture, alpha[..., 0], x, y, shadow)
    window *= 1 - alpha
    window += patch[..., :3]
    return alpha[..., 0]


def _plain(rng, size):
    """One colour, often black, white or grey, or two in a straight gradient."""
    colours = rng.integers(0, 256, (2, 3))
    if rng.random() < 0.5:
        colours = colours[:, :1].repeat(3, 1)
    if rng.random() < 0.3:
        colours[:] = rng.choice([0, 255])
    if rng.random() < 0.6:
        colours[1] = colours[0]
    angle, place = rng.uniform(0, 2 * np.pi), np.linspace(-0.7, 0.7, size)
    share = np.clip(place[None] * np.cos(angle) + place[:, None] * np.sin(angle) + 0.5, 0, 1)[..., None]
    return (colours[0] * (1 - share) + colours[1] * share).astype(np.uint8)


def _background(rng, assets, size, aspect):
    """A background plane uint8 [size, size, 3]: plain, or a crop, sometimes defocused, sometimes with clutter on it."""
    if rng.random() < PLAIN:
        return _plain(rng, size)
    plane = crop(rng, assets.background(rng), size, 0.3, 1.0, aspect)
    if rng.random() < 0.35:
        plane = plane.astype(np.float32)
        for _ in range(rng.integers(3, 14)):
            thing = _actor(rng, assets, size, 1, np.clip(plane, 0, 255).astype(np.uint8), [], aspect)
            thing.longest *= 0.6
            placed = _place(thing, 0, size, 0, 1)
            if placed:
                _paint(plane, *placed, thing.shadow)
        plane = np.clip(plane, 0, 255).astype(np.uint8)
    if rng.random() < 0.08:
        plane = cv2.GaussianBlur(plane, (0, 0), rng.uniform(1, 6) * size / 256)
    return plane


def scene(rng, assets, size, length, targets, fastest=1):
    """-> RGB uint8 [T, S, S, 3], masks uint8 [T, targets, S, S]; every target is visible in frame 0. fastest: share of
    the speed that clips have."""
    moving = length > 1
    assets = assets.for_clips() if moving else assets
    kind = assets.scene_kind(rng)
    smallest = SMALLEST[kind]
    speed = motion.clip_speed(rng) * fastest
    while True:
        # whose own things are no small ones
        begins_as_room = kind != 'small' and assets.rooms and rng.random() < assets.room_share
        room, own = room_scene(rng, assets, size, length, smallest, speed) if begins_as_room else (None, None)
        first = 0 if room is None else own.shape[1]                 # the actors' masks come after the room's
        aspect = 1.0 if rng.random() < 0.35 else log_uniform(rng, 0.6, 1.9)
        plane = _background(rng, assets, int(size * (1.45 if moving else 1)), aspect) if room is None else room[0]
        pan, zoom = motion.camera(rng, size, length, speed)
        if room is not None:
            pan, zoom = pan * 0, zoom * 0 + 1                       # a room has its own camera
        count = max(rng.choice([1, 2, 3, 4, 5, 6, 7], p=[.1, .17, .2, .2, .15, .1, .08]),
                    targets if rng.random() < 0.5 else 1) if room is None else rng.integers(assets.most_added + 1)
        actors = []
        for _ in range(count):
            actors.append(_actor(rng, assets, size, length, plane, actors, aspect, speed, kind == 'small'))
        lens = Lens(rng, moving, kind == 'coarse', speed)
        images = np.empty((length, size, size, 3), np.uint8)
        visible = np.zeros((length, first + count, size, size), np.float32)
        for t in range(length):
            if room is not None:
                picture = room[t].astype(np.float32)
                visible[t, :first] = own[t]
            elif moving:
                half = plane.shape[0] / 2
                view = np.array([[zoom[t], 0, size / 2 - zoom[t] * half + pan[t, 0]],
                                 [0, zoom[t], size / 2 - zoom[t] * half + pan[t, 1]]])
                picture = cv2.warpAffine(plane, view, (size, size), borderMode=cv2.BORDER_REFLECT).astype(np.float32)
            else:
                picture = plane.astype(np.float32)
            for i, actor in enumerate(actors, first):
                placed = _place(actor, t, size, pan[t] if moving else 0, zoom[t] if moving else 1)
                if placed:
                    patch, x, y = placed
                    alpha = _paint(picture, patch, x, y, actor.shadow)
                    window = slice(y, y + alpha.shape[0]), slice(x, x + alpha.shape[1])
                    visible[(t, slice(0, i)) + window] *= 1 - alpha
                    visible[(t, i) + window] = alpha
            images[t] = lens.shoot(picture, t)
        big_enough = np.flatnonzero((visible[0] > 0.5).sum((1, 2)) > max(LEAST[kind], (smallest * size) ** 2))
        if len(big_enough) == 0:
            continue
        chosen = rng.permutation(big_enough)
        while len(chosen) < targets:
            chosen = np.concatenate([chosen, rng.permutation(big_enough)])
        return images, (visible[:, chosen[:targets]] > 0.5).astype(np.uint8)
