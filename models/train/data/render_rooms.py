# SPDX-License-Identifier: Apache-2.0
"""Rooms full of furniture, seen by a moving camera, with exact masks: cluttered scenery and whole clips.

    .deps/train/bin/python models/train/data/render_rooms.py --rooms 400

Writes .deps/train-data/packages/rendered/rooms/NUMBER_FRAMES.png (BGR, frames one below the other) and
NUMBER_FRAMES.ids.png (object number of each pixel, 0 for floor and walls)."""
import argparse

import cv2
import numpy as np

import meshes
from fetch import package_folder
from real import write_picture
from render_objects import surfaces, views
from renderer import Renderer, look_at, perspective, random_light

FRAMES, SIZE, DRAWN = 8, 448, 896
OUT = package_folder('rendered') / 'rooms'
CACHE = 120                         # models held at once; one is replaced for every room


def quad(corners, texture, repeat):
    """A rectangle of four corners [4, 3] in order round it."""
    corners = np.asarray(corners, np.float32)
    normal = np.cross(corners[1] - corners[0], corners[3] - corners[0])
    normal = np.tile(normal / np.linalg.norm(normal), (4, 1))
    rows = np.hstack([corners, normal, np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * repeat]).astype(np.float32)
    return meshes.Part(rows[[0, 1, 2, 0, 2, 3]], np.ones(3), texture)


def shell(rng, looks):
    """Floor and four walls around [-6, 6] x [-6, 6], y up."""
    def look():
        return cv2.imread(str(looks[rng.integers(len(looks))]))[..., ::-1]
    h, e = rng.uniform(3, 5), 6.0
    wall, repeat = look(), rng.integers(1, 5)
    corners = [(-e, -e), (e, -e), (e, e), (-e, e)]
    parts = [quad([(-e, 0, e), (e, 0, e), (e, 0, -e), (-e, 0, -e)], look(), rng.integers(2, 9))]
    for (x0, z0), (x1, z1) in zip(corners, corners[1:] + corners[:1]):
        texture = wall if rng.random() < 0.6 else look()
        parts.append(quad([(x0, 0, z0), (x1, 0, z1), (x1, h, z1), (x0, h, z0)], texture, repeat))
    return parts


def placements(rng, count, bottoms):
    """Model matrices [count, FRAMES, 4, 4]: standing on the floor, a quarter of them sliding and turning."""
    matrices = np.empty((count, FRAMES, 4, 4))
    for i in range(count):
        size, turn = rng.uniform(0.25, 0.9), rng.uniform(0, 2 * np.pi)
        place = rng.uniform(-3.5, 3.5, 2)
        moving = rng.random() < 0.25
        velocity, spin = (rng.normal(size=2) * 0.12, rng.normal() * 0.12) if moving else (np.zeros(2), 0.0)
        for t in range(FRAMES):
            angle, at = turn + spin * t, place + velocity * t
            cos, sin = np.cos(angle) * size, np.sin(angle) * size
            matrices[i, t] = [[cos, 0, sin, at[0]], [0, size, 0, -bottoms[i] * size], [-sin, 0, cos, at[1]],
                              [0, 0, 0, 1]]
    return matrices


def room(rng, renderer, looks, cache):
    """-> BGR uint8 [FRAMES, SIZE, SIZE, 3], ids uint8 [FRAMES, SIZE, SIZE]."""
    chosen = rng.permutation(len(cache))[:rng.integers(10, 40)]
    drawn = [cache[i] for i in chosen]
    stands = placements(rng, len(drawn), [bottom for _, bottom in drawn])
    walls = renderer.upload(shell(rng, looks))
    light, angle = random_light(rng), rng.uniform(0.6, 1.2)
    azimuth, height, distance = rng.uniform(0, 2 * np.pi), rng.uniform(0.6, 2.6), rng.uniform(3, 5.5)
    orbit, rise, approach = rng.normal() * 0.04, rng.normal() * 0.03, rng.normal() * 0.06
    target, pan = np.append(rng.normal(size=2) * 0.7, 0)[[0, 2, 1]] + [0, 0.4, 0], rng.normal(size=3) * 0.04
    pictures, numbers = [], []
    for t in range(FRAMES):
        a, d = azimuth + orbit * t, min(5.8, distance + approach * t)
        eye = np.array([d * np.sin(a), height + rise * t, d * np.cos(a)])
        renderer.begin(perspective(angle) @ look_at(eye, target + pan * t), eye, light)
        renderer.draw(walls, np.eye(4), 0)
        for number, ((uploaded, _), matrices) in enumerate(zip(drawn, stands), 1):
            renderer.draw(uploaded, matrices[t], number)
        rgb, ids = renderer.read()
        pictures.append(cv2.resize(rgb[..., ::-1], (SIZE, SIZE), interpolation=cv2.INTER_AREA))
        numbers.append(cv2.resize(ids, (SIZE, SIZE), interpolation=cv2.INTER_NEAREST))
    renderer.release(walls)
    return np.stack(pictures), np.stack(numbers)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rooms', type=int, default=400)
    arguments = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    renderer, looks = Renderer(DRAWN), surfaces()
    furniture = list(dict.fromkeys(view.path for view in views() if not view.tumble and not view.vehicle))
    rng, cache = np.random.default_rng(12), []

    def model():
        while True:
            path = furniture[rng.integers(len(furniture))]
            bare = 'random_urdfs' in str(path)
            wrap = bare or rng.random() < 0.3
            surface = cv2.imread(str(looks[rng.integers(len(looks))]))[..., ::-1] if wrap else None
            try:
                parts = meshes.load(path, surface)
            except Exception:                               # a model that trimesh cannot read is left out
                continue
            return renderer.upload(parts), min(part.corners[:, 1].min() for part in parts)

    while len(cache) < CACHE:
        cache.append(model())
    for index in range(arguments.rooms):
        target = OUT / f'{index:04}_{FRAMES}.png'
        place = rng.integers(len(cache))
        renderer.release(cache[place][0])
        cache[place] = model()
        pictures, numbers = room(rng, renderer, looks, cache)
        write_picture(target.with_suffix('.ids.png'), np.concatenate(numbers))      # before what it belongs to
        write_picture(target, np.concatenate(pictures))
        if index % 50 == 0:
            print(index, flush=True)


if __name__ == '__main__':
    main()
