# SPDX-License-Identifier: Apache-2.0
"""People who walk, run, sit, reach and turn: the VALID avatars (MIT), seen by a camera that goes round them.

    .deps/train/bin/python models/train/data/render_people.py

Writes people/NAME_FRAMES.png in .deps/train-data/packages/rendered, as render_objects.py does."""
from functools import partial

import numpy as np
from scipy.spatial.transform import Rotation

from avatars import Avatar
from fetch import package_folder
from render_objects import FRAMES, OUT, draw

VIEWS = 'abcde'


def about(axis, degrees):
    return Rotation.from_euler(axis, degrees, degrees=True)


def limbs(arms, elbows, legs, knees, spread):
    """Bones of both sides from degrees (left, right): arms and legs swing forward, elbows and knees bend, arms are
    spread from the body. At rest the arms are stretched out to the sides."""
    turns = {}
    for side, (name, sign) in enumerate((('Left', 1), ('Right', -1))):
        turns[f'{name}Arm'] = about('x', -arms[side]) * about('z', sign * (spread[side] - 90))
        turns[f'{name}ForeArm'] = about('y', -sign * elbows[side])
        turns[f'{name}UpLeg'] = about('x', -legs[side])
        turns[f'{name}Leg'] = about('x', knees[side])
    return turns


def gait(rng):
    """Walking to running: phase -> degrees of limbs()."""
    stride = rng.uniform(15, 55)
    bent, spread = rng.uniform(5, 25) + stride * rng.uniform(0.2, 1.4), rng.uniform(5, 25, 2)

    def at(phase):
        swing = np.sin([phase, phase + np.pi])
        return dict(legs=stride * swing, knees=np.maximum(0, stride * (0.5 - np.cos([phase, phase + np.pi]) * 0.9)),
                    arms=-stride * 0.8 * swing, elbows=np.full(2, bent), spread=spread)
    return at


def gesture(rng):
    """Standing, sitting, crouching or leaping with arms anywhere, each joint moving a little: phase -> degrees."""
    legs = rng.choice([0, 0, 0, 90, 60]) + rng.normal(size=2) * 15
    knees = np.maximum(0, legs * rng.choice([1.0, 1.0, 0.3]) + rng.normal(size=2) * 10)
    arms, elbows, spread = rng.uniform(-40, 170, 2), rng.uniform(0, 130, 2), rng.uniform(5, 100, 2)
    much, start = rng.uniform(0, 25, (5, 1)) * rng.random((5, 2)), rng.uniform(0, 2 * np.pi, (5, 2))

    def at(phase):
        values = np.stack([legs, knees, arms, elbows, spread]) + much * np.sin(phase + start)
        values[[1, 3, 4]] = np.maximum(values[[1, 3, 4]], 0)
        return dict(zip(('legs', 'knees', 'arms', 'elbows', 'spread'), values))
    return at


def poses(rng):
    """FRAMES poses in a row: {bone: Rotation} each."""
    at = (gait if rng.random() < 0.55 else gesture)(rng)
    lean, nod, twist = rng.uniform(-5, 35) * rng.random(), rng.normal(size=2) * 15, rng.normal() * 12
    phase, step = rng.uniform(0, 2 * np.pi), rng.uniform(0.15, 0.9)
    for i in range(FRAMES):
        turns = limbs(**at(phase + step * i))
        turns['Spine'] = about('x', lean)
        turns['Spine1'] = about('y', twist * np.sin(phase + step * i))
        turns['Neck'] = about('y', nod[0]) * about('x', nod[1] * 0.6)
        yield turns


def shapes_of(path, rng):
    avatar = Avatar(path)
    for _ in VIEWS:
        yield [avatar.posed(pose) for pose in poses(rng)]


def main():
    paths = sorted(package_folder('git:c-frame/valid-avatars-glb').rglob('*.glb'))
    draw((([OUT / 'people' / f'{path.stem}-{view}_{FRAMES}.png' for view in VIEWS], partial(shapes_of, path))
          for path in paths), 13, highest=0.5)


if __name__ == '__main__':
    main()
