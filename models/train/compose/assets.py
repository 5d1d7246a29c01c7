# SPDX-License-Identifier: Apache-2.0
"""The data pack in memory: cut-outs by source, photographs and textures, split into train and held out."""
import copy
import json
import os
import zlib
from multiprocessing.pool import ThreadPool
from pathlib import Path

import cv2
import numpy as np

cv2.setNumThreads(1)
HELD_OUT = 0.06                 # share of pictures kept for validation, by a hash of source and origin
# of whose things there are several pictures: views, turns of a sprite, icons of what is drawn, rooms full of it
RENDERED = {'objects', 'scans', 'vehicles', 'people', 'freedoom', 'sweethome3d', 'rooms'}
# In clips so many times as often as in stills: what changes its view or moves by itself.
CHANGING = {'people': 2, 'scans': 1.5, 'vehicles': 1.5, 'objects': 1.5, 'rooms': 3, 'video-scenes': 4}
DECODED = 256                   # pictures in memory while a pack is expanded


def held_out(source, origin):
    """PICTURE#VIEW by the picture alone, whatever was made of it. Of a rendered thing every view is an entry, and other
    views would be in training: none is held out; nor is a photograph that is a background too."""
    if source in RENDERED or source.startswith('photo-'):
        return False
    name = origin.rsplit('/', 1)[-1].split('#')[0] if '#' in origin else f'{source}/{origin}'
    return zlib.crc32(name.encode()) % 10000 < HELD_OUT * 10000


def _expanded(pack, entries):
    """The pack's pictures decoded into PACK.raw (made once, then mapped: processes share its pages).
    Fills in `shape` and `at` of the entries; -> uint8 memory map."""
    raw, shapes = pack.with_suffix('.raw'), pack.with_suffix('.shapes.json')
    if not (raw.exists() and shapes.exists()) or shapes.stat().st_mtime < pack.with_suffix('.json').stat().st_mtime:
        blob, places, at = np.memmap(pack.with_suffix('.bin'), np.uint8, 'r'), [], 0

        def decoded(entry):
            return cv2.imdecode(blob[entry['offset']:entry['offset'] + entry['length']], cv2.IMREAD_UNCHANGED)

        unfinished = raw.with_suffix(f'.{os.getpid()}')             # others may be at it too
        with open(unfinished, 'wb') as file, ThreadPool() as pool:
            for some in range(0, len(entries), DECODED):
                for picture in pool.map(decoded, entries[some:some + DECODED]):
                    file.write(picture.tobytes())
                    places.append([at, picture.shape])
                    at += picture.size
        os.replace(unfinished, raw)
        unfinished.write_text(json.dumps(places))
        os.replace(unfinished, shapes)
    for entry, (at, shape) in zip(entries, json.loads(shapes.read_text())):
        entry['at'], entry['shape'] = at, shape
    return np.memmap(raw, np.uint8, 'r').view(np.ndarray)


class Assets:
    """cutouts: {source: [list of frames, each BGRA uint8 [h, w, 4]]}; photos, textures: [BGR uint8 [h, w, 3]];
    rooms: {source: [(frames BGR uint8 [F, h, w, 3], object numbers uint8 [F, h, w])]}; `room_share` of the scenes begin
    as one, or as a photograph with its own objects, and get `most_added` more at most. Shares of
    `kinds`: all objects small, few pixels; the rest is plain. Of the clips a share is `followed`: what a window shows
    that follows a small thing. Held-out scenes are plain but for `of_kind`, and have the share of rooms they always
    had, so that scores can be compared."""

    room_share, most_added = 0.75, 2
    kinds = dict(small=0.15, coarse=0.15)
    followed = 0.3

    def __init__(self, pack, validation=False):
        pack = Path(pack)
        index = json.loads(pack.with_suffix('.json').read_text())
        raw = _expanded(pack, index['entries'])
        self.cutouts, self.photos, self.textures, self.rooms = {}, [], [], {}
        for entry in index['entries']:
            if held_out(entry['source'], entry['origin']) != validation:
                continue
            picture = raw[entry['at']:entry['at'] + int(np.prod(entry['shape']))].reshape(entry['shape'])
            if entry['kind'] == 'cutout':           # a turning object's frames lie one below the other
                frames = np.split(picture, entry.get('frames', 1))
                self.cutouts.setdefault(entry['source'], []).append(frames)
            elif entry['kind'] == 'room':           # views of the map: copies would be memory of each process
                frames = picture.reshape(entry['frames'], -1, *picture.shape[1:])
                self.photos.append(frames[0])
            elif entry['kind'] == 'room-ids':               # follows its room
                numbers = picture.reshape(entry['frames'], -1, *picture.shape[1:])
                self.rooms.setdefault(entry['source'], []).append((frames, numbers))
            else:
                (self.photos if entry['kind'] == 'photo' else self.textures).append(picture)
        self.weights = index['weights']
        if validation:
            self.kinds, self.room_share, self.followed = {}, 0.6, 0

    def untouched(self, source):
        """The same, for scenes that are rooms of one source as they are."""
        those = copy.copy(self)
        those.rooms, those.room_share, those.most_added = {source: self.rooms[source]}, 1, 0
        return those

    def of_kind(self, kind):
        """The same, for scenes of one kind alone."""
        those = copy.copy(self)
        those.kinds = {kind: 1}
        return those

    def for_clips(self):
        """The same, with what has several views more often: the others never change their shape by themselves."""
        those = copy.copy(self)
        those.weights = {name: weight * CHANGING.get(name, 1) for name, weight in self.weights.items()}
        return those

    def scene_kind(self, rng):
        if not self.kinds:
            return 'plain'
        return str(rng.choice([*self.kinds, 'plain'], p=[*self.kinds.values(), 1 - sum(self.kinds.values())]))

    def _drawn(self, rng, of_sources):
        """One of {source: [...]}, sources drawn by their weights."""
        names = sorted(of_sources)
        weights = np.array([self.weights[name] for name in names])
        some = of_sources[names[rng.choice(len(names), p=weights / weights.sum())]]
        return some[rng.integers(len(some))]

    def cutout(self, rng):
        """Frames of one random object."""
        return self._drawn(rng, self.cutouts)

    def room(self, rng):
        return self._drawn(rng, self.rooms)

    def background(self, rng, texture=None):
        """A photograph or a texture; by default the kind with more pictures is drawn more often, photographs
        counted double, but less than in proportion."""
        if texture is None:
            texture = len(self.textures) ** 0.5 / (len(self.textures) ** 0.5 + 2 * len(self.photos) ** 0.5)
        pictures = self.textures if rng.random() < texture or not self.photos else self.photos
        return pictures[rng.integers(len(pictures))]
