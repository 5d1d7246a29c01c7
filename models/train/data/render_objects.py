# SPDX-License-Identifier: Apache-2.0
"""Turning objects: every 3D model of the sources, seen by a camera that goes round it.

    .deps/train/bin/python models/train/data/render_objects.py

Writes objects/SOURCE/NAME_FRAMES.png and scans/NAME_FRAMES.png in .deps/train-data/packages/rendered, the frames
(RGBA) one below the other, cropped by their common box; build_pack.py takes them from there."""
import re
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pybullet_data
from scipy.spatial.transform import Rotation

import meshes
from fetch import package_folder
from real import write_picture
from renderer import Renderer, look_at, perspective, random_light

sys.path += [str(Path(__file__).resolve().parents[1])]
from compose.sprites import resized             # noqa: E402

FRAMES, SIZE, LONGEST = 6, 384, 168
OUT = package_folder('rendered')


@dataclass
class View:
    path: Path              # of a 3D model
    target: Path            # the picture to write
    wrap: bool = False      # in a random surface, in place of its own
    tumble: bool = False    # lying anyhow, not standing
    vehicle: bool = False   # whose third axis points up, to be painted anew


def views():
    """Sweet Home 3D furniture (CC0, CC-BY) twice as it is and once in another material, pybullet's random meshes (zlib)
    once, YCB's scans of things of a household (CC-BY-4.0) from eight sides, Gazebo's vehicles (CC-BY-3.0) from
    thirty."""
    root = package_folder('sweethome3d-furniture')
    for view, wrap in (('a', False), ('b', False), ('c', True)):
        for path in sorted(root.rglob('*.obj')):
            source = re.sub(r'\.sh3f.*', '', path.relative_to(root).parts[4])
            yield View(path, OUT / 'objects' / source / f'{path.parent.name}-{path.stem}-{view}_{FRAMES}.png', wrap)
    for path in sorted(Path(pybullet_data.getDataPath(), 'random_urdfs').glob('*/*.obj')):
        yield View(path, OUT / 'objects/pybullet' / f'{path.parent.name}-{path.stem}-a_{FRAMES}.png', wrap=True)
    for path in sorted(package_folder('git:elpis-lab/ycb_dataset').rglob('textured.obj')):
        for view in 'abcdefgh':
            yield View(path, OUT / 'scans' / f'{path.parents[1].name}-{view}_{FRAMES}.png', tumble=True)
    for path in sorted(package_folder('git:osrf/gazebo_models').glob('*/meshes/*.obj')):
        for view in range(30):
            yield View(path, OUT / 'vehicles' / f'{path.parents[1].name}-{view}_{FRAMES}.png', vehicle=True)


def surfaces():
    """Pictures to wrap around bare meshes: the textures of permissive packages."""
    found = sorted(package_folder('freedoom').rglob('textures/*.png'))
    found += sorted(package_folder('sweethome3d-furniture').rglob('*.jpg'))
    return [path for path in found if path.stat().st_size > 8000]


def tumbled(parts, rng):
    return turned(parts, Rotation.random(random_state=rng))


def turned(parts, rotation):
    turn = rotation.as_matrix().astype(np.float32)
    return [replace(part, corners=np.hstack([part.corners[:, :3] @ turn, part.corners[:, 3:6] @ turn,
                                             part.corners[:, 6:]])) for part in parts]


def repainted(parts, rng):
    """In another hue, paler or stronger; what is grey (tyres, panes) stays so."""
    hue, strength = rng.integers(180), rng.uniform(0.2, 1.3)

    def painted(texture):
        hsv = cv2.cvtColor(texture, cv2.COLOR_RGB2HSV).astype(np.float32)
        hsv[..., 0] = (hsv[..., 0] + hue) % 180
        hsv[..., 1] = np.minimum(255, hsv[..., 1] * strength)
        return cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)

    return [part if part.texture is None else replace(part, texture=painted(part.texture)) for part in parts]


def turn(rng, renderer, shapes, highest=0.75):
    """Views on the way round an object, one of each of its FRAMES shapes (parts, see meshes.py), from up to `highest`
    radians above: RGBA uint8 [FRAMES, SIZE, SIZE, 4]."""
    azimuth, elevation = rng.uniform(0, 2 * np.pi), rng.uniform(-0.1, highest)
    step, climb = rng.choice([-1, 1]) * rng.uniform(0.06, 0.35), rng.normal() * 0.05
    distance, light = rng.uniform(2.2, 5.0), random_light(rng)
    angle = 2 * np.arcsin(1.02 / distance)
    frames, shown = [], None
    for i, shape in enumerate(shapes):
        if shape is not shown:
            uploaded, shown = renderer.upload(shape), shape
        a, e = azimuth + step * i, elevation + climb * i
        eye = distance * np.array([np.cos(e) * np.sin(a), np.sin(e), np.cos(e) * np.cos(a)])
        renderer.begin(perspective(angle) @ look_at(eye, np.zeros(3)), eye, light)
        renderer.draw(uploaded, np.eye(4), 1)
        rgb, number = renderer.read()
        frames.append(np.dstack([rgb, number * 255]))
        if i + 1 == len(shapes) or shapes[i + 1] is not shape:
            renderer.release(uploaded)
    return np.stack(frames)


def stacked(frames):
    """Crops by the common box and scales to LONGEST -> BGRA uint8 [FRAMES * h, w, 4]; None if hardly anything shows."""
    solid = frames[..., 3].max(0) > 0
    if solid.sum() < 2000 or min((frame[..., 3] > 0).sum() for frame in frames) < 800:
        return None
    ys, xs = np.where(solid.any(1))[0], np.where(solid.any(0))[0]
    frames = frames[:, max(0, ys[0] - 2):ys[-1] + 3, max(0, xs[0] - 2):xs[-1] + 3]
    scale = LONGEST / max(frames.shape[1:3])
    size = max(8, int(frames.shape[2] * scale)), max(8, int(frames.shape[1] * scale))
    return np.concatenate([resized(frame, size)[..., [2, 1, 0, 3]] for frame in frames])


def draw(jobs, seed, **more):
    """Writes what is not there yet. jobs: (pictures to write, function of a random generator that yields the FRAMES
    shapes of each); more: of turn()."""
    renderer = Renderer(SIZE)
    for index, (targets, shapes) in enumerate(jobs):
        if all(target.exists() for target in targets):
            continue
        rng = np.random.default_rng([seed, index])
        for target, of_target in zip(targets, shapes(rng)):
            picture = stacked(turn(rng, renderer, of_target, **more))
            if picture is not None:
                target.parent.mkdir(parents=True, exist_ok=True)
                write_picture(target, picture)
        if index % 50 == 0:
            print(index, flush=True)


def shapes_of(view, looks, rng):
    surface = cv2.imread(str(looks[rng.integers(len(looks))]))[..., ::-1] if view.wrap else None
    try:
        parts = meshes.load(view.path, surface)
    except Exception as error:                              # a model that trimesh cannot read is left out
        print(f'{view.path}: {error}', flush=True)
        return
    if view.tumble:
        parts = tumbled(parts, rng)
    if view.vehicle:
        parts = repainted(turned(parts, Rotation.from_euler('x', 90, degrees=True)), rng)
    yield [parts] * FRAMES


def main():
    looks = surfaces()
    draw((([view.target], partial(shapes_of, view, looks)) for view in views()), 11)


if __name__ == '__main__':
    main()
