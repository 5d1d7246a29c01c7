# SPDX-License-Identifier: Apache-2.0
"""Containers that packages keep their pictures in: emoji fonts, Doom WADs, Qt resources, zips.

Each function reads one container and writes plain picture files below `folder`."""
import shutil
import struct
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np


def unpack_zip(path, folder):
    """Any zip: .sh3f (Sweet Home 3D), .pk3 (Quake engines)."""
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)


def unpack_cbdt(path, folder):
    """Colour bitmap glyphs of a TrueType font: one PNG each."""
    from fontTools.ttLib import TTFont
    folder.mkdir(parents=True, exist_ok=True)
    for strike in TTFont(path)['CBDT'].strikeData:
        for glyph, data in strike.items():
            (folder / f'{glyph}.png').write_bytes(data.imageData)


def unpack_rcc(path, folder):
    """Qt's binary resource file: a tree of named files, some zlib-compressed."""
    blob = path.read_bytes()
    magic, version, tree, data, names = struct.unpack_from('>4s4I', blob)
    if magic != b'qres':
        return
    node_size = 14 if version < 2 else 22

    def visit(index, prefix):
        node = tree + index * node_size
        name_at, flags = struct.unpack_from('>IH', blob, node)
        if index:
            length, = struct.unpack_from('>H', blob, names + name_at)
            at = names + name_at + 6
            prefix = prefix / blob[at:at + 2 * length].decode('utf-16-be')
        if flags & 2:                                           # a folder
            count, first = struct.unpack_from('>II', blob, node + 6)
            for child in range(first, first + count):
                visit(child, prefix)
            return
        at = data + struct.unpack_from('>I', blob, node + 10)[0]
        size, = struct.unpack_from('>I', blob, at)
        content = blob[at + 4:at + 4 + size]
        if flags & 1:
            content = zlib.decompress(content[4:])
        elif flags & 4:                                         # zstd: text and SVG only
            return
        prefix.parent.mkdir(parents=True, exist_ok=True)
        prefix.write_bytes(content)

    visit(0, folder)


def _patch(blob, palette):
    """A Doom picture (columns of runs of palette indices) -> RGBA uint8 [H, W, 4], or None."""
    width, height = struct.unpack_from('<HH', blob)
    if not (0 < width <= 1024 and 0 < height <= 1024) or len(blob) < 8 + 4 * width:
        return None
    picture = np.zeros((height, width, 4), np.uint8)
    for x, at in enumerate(struct.unpack_from(f'<{width}I', blob, 8)):
        while at < len(blob) and blob[at] != 255:
            top, length = blob[at], blob[at + 1]
            run = np.frombuffer(blob, np.uint8, length, at + 3)[:max(0, height - top)]
            picture[top:top + len(run), x, :3] = palette[run]
            picture[top:top + len(run), x, 3] = 255
            at += length + 4
    return picture


def unpack_wad(path, folder):
    """Freedoom: sprites (between S_START and S_END), wall patches (P_), flats (F_, 64x64 raw)."""
    blob = path.read_bytes()
    _, count, directory = struct.unpack_from('<4sII', blob)
    lumps = [struct.unpack_from('<II8s', blob, directory + 16 * i) for i in range(count)]
    palette, section = None, None
    sections = {'S_START': 'sprites', 'P_START': 'textures', 'F_START': 'flats'}
    for at, size, name in lumps:
        name = name.rstrip(b'\0').decode('ascii', 'replace')
        if name == 'PLAYPAL':
            palette = np.frombuffer(blob, np.uint8, 768, at).reshape(256, 3)
        elif name in sections:
            section = sections[name]
        elif name.endswith('_END'):
            section = None if name[:2] in ('S_', 'P_', 'F_') else section
        elif section == 'flats' and size == 4096:
            picture = palette[np.frombuffer(blob, np.uint8, size, at).reshape(64, 64)]
            _save(folder / section / f'{name}.png', cv2.resize(picture, (256, 256), interpolation=cv2.INTER_CUBIC))
        elif section in ('sprites', 'textures') and size > 8:
            picture = _patch(blob[at:at + size], palette)
            if picture is not None and min(picture.shape[:2]) >= 24:
                scale = 2 if section == 'sprites' else 4        # Doom's pixels are 1.2 times as high as wide
                size = (picture.shape[1] * scale, round(picture.shape[0] * scale * 1.2))
                _save(folder / section / f'{name}.png', cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR))


def _save(path, rgb):
    path.parent.mkdir(parents=True, exist_ok=True)
    code = cv2.COLOR_RGBA2BGRA if rgb.shape[2] == 4 else cv2.COLOR_RGB2BGR
    cv2.imwrite(str(path), cv2.cvtColor(np.ascontiguousarray(rgb), code))


CONTAINERS = {'cbdt': ('*.ttf', unpack_cbdt), 'rcc': ('*.rcc', unpack_rcc), 'wad': ('*.wad', unpack_wad),
              'zip': (('*.sh3f', '*.pk3'), unpack_zip)}


def unpack(kind, root):
    """Unpacks all containers of a kind below `root`, each into FILE.d beside it."""
    patterns, function = CONTAINERS[kind]
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        for path in sorted(Path(root).rglob(pattern)):
            folder = path.with_name(path.name + '.d')
            if not folder.exists():
                unfinished = path.with_name(path.name + '.unfinished')
                shutil.rmtree(unfinished, ignore_errors=True)       # of an interrupted run
                function(path, unfinished)
                if unfinished.exists():
                    unfinished.rename(folder)
