# SPDX-License-Identifier: Apache-2.0
"""data/meshes.py finds textures, data/render_objects.py paints and turns what it draws."""
import sys
import tempfile
import unittest
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

sys.path.append(str(Path(__file__).resolve().parents[1] / 'data'))
import meshes                                       # noqa: E402
import render_objects                               # noqa: E402

RED = (200, 20, 10)                                 # RGB
OBJ = """mtllib thing.mtl
v 0 0 0
v 1 0 0
v 0 0 2
vt 0 0
vt 1 0
vt 0 1
usemtl paint
f 1/1 2/2 3/3
"""


def thing(root, texture, where):
    """A model's folder with a triangle whose material names `texture`; a red picture lies at `where`."""
    folder = root / 'thing/meshes'
    folder.mkdir(parents=True)
    (folder / 'thing.obj').write_text(OBJ)
    (folder / 'thing.mtl').write_text(f'newmtl paint\nKd 1 1 1\nmap_Kd {texture}\n')
    if where:
        (root / where).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / where), np.full((8, 8, 3), RED[::-1], np.uint8))
    return folder / 'thing.obj'


class Textures(unittest.TestCase):
    def test_found_wherever_they_lie(self):
        for texture, where in (('red.png', 'thing/meshes/red.png'),
                               ('red.png', 'thing/materials/textures/red.png'),
                               ('../materials/textures/red.png', 'thing/materials/textures/red.png'),
                               ('model://other/materials/textures/red.png', 'other/materials/textures/red.png')):
            with self.subTest(texture=texture, where=where), tempfile.TemporaryDirectory() as root:
                part, = meshes.load(thing(Path(root), texture, where))
                self.assertEqual(part.texture[0, 0].tolist(), list(RED))

    def test_missing(self):
        with tempfile.TemporaryDirectory() as root:
            part, = meshes.load(thing(Path(root), 'red.png', None))
            self.assertIsNone(part.texture)


class Drawing(unittest.TestCase):
    def part(self, colour):
        corners = np.zeros((3, 8), np.float32)
        corners[:, 2], corners[:, 5] = 1, 1         # up by the third axis, and facing there
        return meshes.Part(corners, np.ones(3), np.full((4, 4, 3), colour, np.uint8))

    def test_grey_stays_grey(self):
        for colour, changes in (((90, 90, 90), False), (RED, True)):
            painted, = render_objects.repainted([self.part(colour)], np.random.default_rng(4))
            self.assertEqual(painted.texture[0, 0].tolist() != list(colour), changes)

    def test_turned_upright(self):
        upright, = render_objects.turned([self.part(RED)], Rotation.from_euler('x', 90, degrees=True))
        np.testing.assert_allclose(upright.corners[0, :6], [0, 1, 0, 0, 1, 0], atol=1e-6)


if __name__ == '__main__':
    unittest.main()
