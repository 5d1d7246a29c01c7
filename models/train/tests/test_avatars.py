# SPDX-License-Identifier: Apache-2.0
"""data/avatars.py poses a figure that is made here."""
import json
import struct
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

sys.path.append(str(Path(__file__).resolve().parents[1] / 'data'))
from avatars import Avatar                          # noqa: E402

POINTS = [[0, -1, 0], [0, 1, 0], [1, 0, 0], [3, 0, 0]]      # two of the hips, two of the arm that begins at (1, 0, 0)
FACES = [0, 1, 2, 2, 1, 3]


def glb():
    """Two bones, two triangles; positions with a stride, weights as normalised bytes."""
    parts = [np.pad(np.float32(POINTS), ((0, 0), (0, 1))).tobytes(), np.uint16(FACES).tobytes(),
             np.uint8([[0] * 4, [0] * 4, [1, 0, 0, 0], [1, 0, 0, 0]]).tobytes(),
             np.uint8([[255, 0, 0, 0]] * 4).tobytes(),
             np.float32([np.eye(4).T, [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [-1, 0, 0, 1]]]).tobytes()]
    ends = np.cumsum([len(part) for part in parts])
    views = [dict(buffer=0, byteOffset=int(end) - len(part), byteLength=len(part)) for end, part in zip(ends, parts)]
    views[0]['byteStride'] = 16
    accessors = [dict(bufferView=i, componentType=kind, count=count, type=shape, **more)
                 for i, (kind, count, shape, more) in enumerate([
                     (5126, 4, 'VEC3', {}), (5123, 6, 'SCALAR', {}), (5121, 4, 'VEC4', {}),
                     (5121, 4, 'VEC4', dict(normalized=True)), (5126, 2, 'MAT4', {})])]
    text = json.dumps(dict(
        nodes=[dict(name='Hips', children=[1]), dict(name='Arm', translation=[1, 0, 0]), dict(mesh=0, skin=0)],
        skins=[dict(joints=[0, 1], inverseBindMatrices=4)],
        meshes=[dict(primitives=[dict(attributes=dict(POSITION=0, JOINTS_0=2, WEIGHTS_0=3), indices=1, material=0)])],
        materials=[dict(pbrMetallicRoughness=dict(baseColorFactor=[1, 0.5, 0, 1]))],
        accessors=accessors, bufferViews=views)).encode()
    text += b' ' * (-len(text) % 4)
    binary = b''.join(parts)
    return (b'glTF' + struct.pack('<II', 2, 28 + len(text) + len(binary))
            + struct.pack('<I', len(text)) + b'JSON' + text + struct.pack('<I', len(binary)) + b'BIN\0' + binary)


class Avatars(unittest.TestCase):
    def setUp(self):
        with tempfile.NamedTemporaryFile(suffix='.glb') as file:
            Path(file.name).write_bytes(glb())
            self.avatar = Avatar(file.name)

    def points(self, turns):
        """The four points, in units of the file, from the first of them."""
        part, = self.avatar.posed(turns)
        self.assertEqual(part.corners.shape, (6, 8))
        self.assertAlmostEqual(np.linalg.norm(part.corners[:, :3], axis=1).max(), 1, 5)
        np.testing.assert_allclose(np.linalg.norm(part.corners[:, 3:6], axis=1), 1, atol=1e-5)
        found = part.corners[[0, 1, 2, 5], :3]
        return (found - found[0]) * 2 / np.linalg.norm(found[1] - found[0])

    def test_rest(self):
        np.testing.assert_allclose(self.points({}), np.array(POINTS) - POINTS[0], atol=1e-5)

    def test_a_turned_bone_takes_its_points_along(self):
        found = self.points({'Arm': Rotation.from_euler('z', 90, degrees=True)})
        turned = np.array([[0, -1, 0], [0, 1, 0], [1, 0, 0], [1, 2, 0]])
        np.testing.assert_allclose(found, turned - turned[0], atol=1e-5)

    def test_children_follow(self):
        found = self.points({'Hips': Rotation.from_euler('z', 90, degrees=True)})
        turned = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, 3, 0]])
        np.testing.assert_allclose(found, turned - turned[0], atol=1e-5)

    def test_colour_without_texture(self):
        part, = self.avatar.posed({})
        np.testing.assert_allclose(part.colour, [1, 0.5, 0])
        self.assertIsNone(part.texture)


if __name__ == '__main__':
    unittest.main()
