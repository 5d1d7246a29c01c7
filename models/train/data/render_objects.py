# SPDX-License-Identifier: Apache-2.0
"""Turning objects: every 3D model of the sources, seen by a camera that goes round it.

    .deps/train/bin/python models/train/data/render_objects.py

Writes .deps/train-data/packages/rendered/objects/SOURCE/NAME_FRAMES.png, the frames (RGBA) one below
the other, cropped by their common box; build_pack.py takes them from there."""
import re
from pathlib import Path

import cv2
import numpy as np
import pybullet_data

import meshes
from fetch import package_folder
from renderer import Renderer, look_at, perspective, random_light

FRAMES, SIZE, LONGEST = 6, 384, 168
OUT = package_folder('rendered') / 'objects'


def models():
    """(source, path, name of the view, wrap it in a random surface): Sweet Home 3D furniture (CC0, CC-BY) twice as it
    is and once in another material, pybullet's random meshes (zlib) once."""
    root = package_folder('sweethome3d-furniture')
    for view, wrap in (('a', False), ('b', False), ('c', True)):
        for path in sorted(root.rglob('*.obj')):
            yield re.sub(r'\.sh3f.*', '', path.relative_to(root).parts[4]), path, view, wrap
    for path in sorted(Path(pybullet_data.getDataPath(), 'random_urdfs').glob('*/*.obj')):
        yield 'pybullet', path, 'a', True


def surfaces():
    """Pictures to wrap around bare meshes: the textures of permissive packages."""
    found = sorted(package_folder('freedoom').rglob('textures/*.png'))
    found += sorted(package_folder('sweethome3d-furniture').rglob('*.jpg'))
    return [path for path in found if path.stat().st_size > 8000]


def turn(rng, renderer, uploaded):
    """FRAMES views of an object on the way round it: RGBA uint8 [FRAMES, SIZE, SIZE, 4]."""
    azimuth, elevation = rng.uniform(0, 2 * np.pi), rng.uniform(-0.1, 0.75)
    step, climb = rng.choice([-1, 1]) * rng.uniform(0.06, 0.35), rng.normal() * 0.05
    distance, light = rng.uniform(2.2, 5.0), random_light(rng)
    angle = 2 * np.arcsin(1.02 / distance)
    frames = []
    for i in range(FRAMES):
        a, e = azimuth + step * i, elevation + climb * i
        eye = distance * np.array([np.cos(e) * np.sin(a), np.sin(e), np.cos(e) * np.cos(a)])
        renderer.begin(perspective(angle) @ look_at(eye, np.zeros(3)), eye, light)
        renderer.draw(uploaded, np.eye(4), 1)
        rgb, number = renderer.read()
        frames.append(np.dstack([rgb, number * 255]))
    return np.stack(frames)


def stacked(frames):
    """Crops by the common box and scales to LONGEST -> BGRA uint8 [FRAMES * h, w, 4], or None if hardly anything shows."""
    solid = frames[..., 3].max(0) > 0
    if solid.sum() < 2000 or min((frame[..., 3] > 0).sum() for frame in frames) < 800:
        return None
    ys, xs = np.where(solid.any(1))[0], np.where(solid.any(0))[0]
    frames = frames[:, max(0, ys[0] - 2):ys[-1] + 3, max(0, xs[0] - 2):xs[-1] + 3]
    scale = LONGEST / max(frames.shape[1:3])
    size = max(8, int(frames.shape[2] * scale)), max(8, int(frames.shape[1] * scale))
    result = []
    for frame in frames.astype(np.float32):
        frame[..., :3] *= frame[..., 3:] / 255
        frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
        frame[..., :3] /= np.maximum(frame[..., 3:] / 255, 1 / 255)
        result.append(np.clip(frame[..., [2, 1, 0, 3]], 0, 255).astype(np.uint8))
    return np.concatenate(result)


def main():
    renderer, looks = Renderer(SIZE), surfaces()
    for index, (source, path, view, wrap) in enumerate(models()):
        target = OUT / source / f'{path.parent.name}-{path.stem}-{view}_{FRAMES}.png'
        if target.exists():
            continue
        rng = np.random.default_rng([11, index])
        surface = cv2.imread(str(looks[rng.integers(len(looks))]))[..., ::-1] if wrap else None
        try:
            parts = meshes.load(path, surface)
        except Exception as error:                          # a model that trimesh cannot read is left out
            print(f'{path}: {error}', flush=True)
            continue
        uploaded = renderer.upload(parts)
        picture = stacked(turn(rng, renderer, uploaded))
        renderer.release(uploaded)
        if picture is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(target), picture)
        if index % 100 == 0:
            print(index, flush=True)


if __name__ == '__main__':
    main()
