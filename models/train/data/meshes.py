# SPDX-License-Identifier: Apache-2.0
"""3D models of packages as arrays ready to draw."""
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import trimesh


@dataclass
class Part:
    """Triangles of one material: float32 [3 n, 8] rows of position, normal, texture coordinate."""
    corners: np.ndarray
    colour: np.ndarray              # float [3] 0..1, RGB
    texture: np.ndarray | None      # RGB uint8 [H, W, 3]


def _corners(mesh, uv):
    faces = mesh.faces.reshape(-1)
    normals = np.repeat(mesh.face_normals, 3, 0)
    smooth = mesh.vertex_normals[faces]                     # rounded where the surface is, sharp at edges
    normals = np.where((smooth * normals).sum(1, keepdims=True) > 0.7, smooth, normals)
    return np.hstack([mesh.vertices[faces], normals, uv[faces]]).astype(np.float32)


def _material(mesh):
    """Colour [3] and texture of a trimesh geometry."""
    material = getattr(mesh.visual, 'material', None)
    colour = np.array(getattr(material, 'diffuse', None) if material is not None else None, dtype=object)
    colour = np.array([200, 200, 200]) if colour.shape != (4,) else colour[:3]
    image = getattr(material, 'image', None)
    texture = None if image is None else np.asarray(image.convert('RGB'))
    if texture is not None:
        colour = colour / max(1, colour.max()) * 255        # a grey that exporters write beside it only darkens it
        if max(texture.shape) > 512:
            texture = cv2.resize(texture, (512, 512), interpolation=cv2.INTER_AREA)
    return np.asarray(colour, float) / 255, texture


class NearTextures(trimesh.visual.resolvers.FilePathResolver):
    """Finds a texture by its name anywhere in the model's folder, or in those beside it, where it is not where the
    material says."""

    def get(self, name):
        try:
            return super().get(name)
        except (OSError, ValueError):
            folder = Path(self.parent).resolve().parent
            for place in (folder, folder.parent):
                for found in place.rglob(Path(name.strip()).name):
                    return found.read_bytes()
            raise


def load(path, surface=None):
    """An .obj -> parts, centred, the farthest corner at distance 1. `surface` (RGB uint8) is wrapped
    around models that have no texture of their own."""
    scene = trimesh.load(Path(path), force='scene', process=False, resolver=NearTextures(path))
    meshes = [mesh for mesh in scene.geometry.values() if len(getattr(mesh, 'faces', [])) > 0]
    vertices = np.concatenate([mesh.vertices for mesh in meshes])
    centre = (vertices.max(0) + vertices.min(0)) / 2
    size = np.linalg.norm(vertices - centre, axis=1).max()
    parts = []
    for mesh in meshes:
        mesh.vertices = (mesh.vertices - centre) / size
        colour, texture = _material(mesh)
        uv = getattr(mesh.visual, 'uv', None)
        if surface is not None or uv is None or len(uv) != len(mesh.vertices):
            x, y, z = mesh.vertices.T
            uv = np.stack([np.arctan2(x, z) / np.pi, y], 1)
            texture = surface
            colour = np.ones(3) if surface is not None else colour
        parts.append(Part(_corners(mesh, np.asarray(uv)), colour, texture))
    return parts
