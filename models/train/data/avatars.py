# SPDX-License-Identifier: Apache-2.0
"""Figures with a skeleton from glTF files (.glb), packed by meshopt: pose them, get parts ready to draw."""
import io
import json
import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import meshoptimizer
import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from meshes import Part

WIDTH = dict(SCALAR=1, VEC2=2, VEC3=3, VEC4=4, MAT4=16)
TYPE = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}


class Gltf:
    """A binary glTF 2.0 file with EXT_meshopt_compression, KHR_mesh_quantization and EXT_texture_webp."""

    def __init__(self, data):
        length, = struct.unpack_from('<I', data, 12)
        self.json = json.loads(data[20:20 + length])
        self.binary = data[28 + length:]
        self.views = {}

    def view(self, number):
        """Bytes of a buffer view, and its stride (0: packed)."""
        if number not in self.views:
            view = self.json['bufferViews'][number]
            packed = view.get('extensions', {}).get('EXT_meshopt_compression')
            self.views[number] = ((self._unpacked(packed), packed['byteStride']) if packed
                                  else (self._slice(view), view.get('byteStride', 0)))
        return self.views[number]

    def _slice(self, view):
        start = view.get('byteOffset', 0)
        return self.binary[start:start + view['byteLength']]

    def _unpacked(self, packed):
        count, stride, data = packed['count'], packed['byteStride'], self._slice(packed)
        if packed.get('filter', 'NONE') != 'NONE':
            raise ValueError(f"filter {packed['filter']} is not wanted for positions, weights or matrices")
        if packed['mode'] == 'ATTRIBUTES':
            return meshoptimizer.decode_vertex_buffer(count, stride, data).tobytes()
        decode = (meshoptimizer.decode_index_buffer if packed['mode'] == 'TRIANGLES'
                  else meshoptimizer.decode_index_sequence)
        return decode(count, stride, data).tobytes()[:count * stride]    # an array of four bytes an index, always

    def accessor(self, number):
        """float32 or integers [count, width]; normalised ones as fractions."""
        accessor = self.json['accessors'][number]
        data, stride = self.view(accessor['bufferView'])
        kind, width = np.dtype(TYPE[accessor['componentType']]), WIDTH[accessor['type']]
        values = np.ndarray((accessor['count'], width), kind, data, accessor.get('byteOffset', 0),
                            (stride or width * kind.itemsize, kind.itemsize))
        return values / np.float32(np.iinfo(kind).max) if accessor.get('normalized') else values

    def picture(self, texture):
        """RGB uint8 of a texture's number."""
        texture = self.json['textures'][texture]
        source = texture.get('extensions', {}).get('EXT_texture_webp', texture)['source']
        data, _ = self.view(self.json['images'][source]['bufferView'])
        return np.asarray(Image.open(io.BytesIO(data)).convert('RGB').resize((512, 512), Image.Resampling.BOX))


@dataclass
class Skin:
    """One mesh: positions [n, 3], texture coordinates [n, 2], faces [3 f], joints (nodes) and weights [n, 4],
    inverse bind matrices [j, 4, 4] and the nodes they belong to [j], RGB [3] 0..1 and a picture."""
    positions: np.ndarray
    uv: np.ndarray
    faces: np.ndarray
    joints: np.ndarray
    weights: np.ndarray
    inverse_bind: np.ndarray
    nodes: list
    colour: np.ndarray
    texture: np.ndarray | None


def _local(node):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_quat(node.get('rotation', (0, 0, 0, 1))).as_matrix() * node.get('scale', (1, 1, 1))
    matrix[:3, 3] = node.get('translation', (0, 0, 0))
    return matrix


class Avatar:
    """A figure in its pose of rest: y up, face to +z, its left to +x."""

    def __init__(self, path):
        self.gltf = Gltf(Path(path).read_bytes())
        self.nodes = self.gltf.json['nodes']
        self.parent = {child: number for number, node in enumerate(self.nodes) for child in node.get('children', ())}
        self.skins = [self._skin(node) for node in self.nodes if 'skin' in node]

    def _skin(self, node):
        get, skin = self.gltf.accessor, self.gltf.json['skins'][node['skin']]
        primitive, = self.gltf.json['meshes'][node['mesh']]['primitives']
        names = primitive['attributes']
        surface = self.gltf.json['materials'][primitive['material']]['pbrMetallicRoughness']
        image = surface.get('baseColorTexture')
        weights = get(names['WEIGHTS_0']).astype(np.float32)
        return Skin(get(names['POSITION']).astype(np.float32), self._uv(names, image), get(primitive['indices'])[:, 0],
                    get(names['JOINTS_0']).astype(int), weights / weights.sum(1, keepdims=True),
                    get(skin['inverseBindMatrices']).reshape(-1, 4, 4).transpose(0, 2, 1), skin['joints'],
                    np.array(surface.get('baseColorFactor', np.ones(4))[:3]),
                    self.gltf.picture(image['index']) if image else None)

    def _uv(self, names, image):
        """As OpenGL wants them: rows from the bottom."""
        if 'TEXCOORD_0' not in names:
            count = self.gltf.json['accessors'][names['POSITION']]['count']
            return np.zeros((count, 2), np.float32)
        change = (image or {}).get('extensions', {}).get('KHR_texture_transform', {})
        uv = self.gltf.accessor(names['TEXCOORD_0']) * change.get('scale', (1, 1)) + change.get('offset', (0, 0))
        return (uv * (1, -1) + (0, 1)).astype(np.float32)

    @cached_property
    def rest(self):
        """Each node's matrix to the world at rest [n, 4, 4]."""
        return self._world({})

    def _world(self, turns):
        done = {}

        def of(number):
            if number not in done:
                local = _local(self.nodes[number])
                if (turn := turns.get(self.nodes[number].get('name'))) is not None:
                    axes = self.rest[number][:3, :3]
                    axes = axes / np.linalg.norm(axes, axis=0)
                    local[:3, :3] = local[:3, :3] @ axes.T @ turn.as_matrix() @ axes
                done[number] = of(self.parent[number]) @ local if number in self.parent else local
            return done[number]
        return np.stack([of(number) for number in range(len(self.nodes))])

    def posed(self, turns):
        """{bone: Rotation about the world's axes at rest, on top of what its parents do} -> Parts as meshes.load
        gives them, the middle of the figure at the origin, its farthest corner at distance 1."""
        world = self._world(turns)
        corners = []
        for skin in self.skins:
            bones = world[skin.nodes] @ skin.inverse_bind                                   # [j, 4, 4]
            blend = np.einsum('nk,nkij->nij', skin.weights, bones[skin.joints])
            corners.append((np.einsum('nij,nj->ni', blend[:, :3, :3], skin.positions) + blend[:, :3, 3]))
        points = np.concatenate(corners)
        centre = (points.max(0) + points.min(0)) / 2
        size = np.linalg.norm(points - centre, axis=1).max()
        return [Part(_triangles((points - centre) / size, skin), skin.colour, skin.texture)
                for points, skin in zip(corners, self.skins)]


def _triangles(points, skin):
    """float32 [3 f, 8] with smooth normals, as Part wants them."""
    faces = skin.faces.reshape(-1, 3).astype(int)
    a, b, c = points[faces].transpose(1, 0, 2)
    across = np.cross(b - a, c - a)
    normals = np.zeros_like(points)
    for corner in faces.T:
        for axis in range(3):
            normals[:, axis] += np.bincount(corner, across[:, axis], len(points))
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    faces = faces.reshape(-1)
    return np.hstack([points[faces], normals[faces], skin.uv[faces]]).astype(np.float32)
