# SPDX-License-Identifier: Apache-2.0
"""Things in photographs: what GrabCut finds in a box, where it is sure of it. Nobody annotated these pictures; they
teach what composites cannot: real edges, real shadows, things that belong where they stand.

    .deps/train/bin/python models/train/data/cut_photos.py

Writes .deps/train-data/packages/rendered/photo-objects and photo-scenes (see real.py). Goes on where it was stopped."""
import re
import sys
from multiprocessing import Pool
from pathlib import Path

import cv2
import numpy as np

from build_pack import pictures
from fetch import package_folder
from real import box_of, cut, scene, shrunk, write_object, write_scene
from scores import iou
from sources import SOURCES

sys.path += [str(Path(__file__).resolve().parents[1])]
from compose.assets import held_out             # noqa: E402

OBJECTS, SCENES = (package_folder('rendered') / name for name in ('photo-objects', 'photo-scenes'))
SIDE = 288                      # photographs are worked on no larger than this
BOXES = 40                      # tried in each
WINDOWS = 14                    # at most, of a large photograph: things that are small in the whole of it


def grabbed(picture, box):
    """GrabCut's answer to a box (x0, y0, x1, y1): its largest part without holes, bool [H, W]; or None."""
    x0, y0, x1, y1 = box
    rim = max(x1 - x0, y1 - y0) // 3                    # as much of the surroundings as tells what they look like
    top, left = max(0, y0 - rim), max(0, x0 - rim)
    mask = np.full(picture.shape[:2], cv2.GC_BGD, np.uint8)
    near = mask[top:y1 + rim, left:x1 + rim]
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(1)
    cv2.grabCut(np.ascontiguousarray(picture[top:y1 + rim, left:x1 + rim]), near,
                (x0 - left, y0 - top, x1 - x0, y1 - y0), background, foreground, 3, cv2.GC_INIT_WITH_RECT)
    found = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    found = cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    outlines, _ = cv2.findContours(found, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return None
    filled = np.zeros_like(found)
    cv2.drawContours(filled, [max(outlines, key=cv2.contourArea)], -1, 1, -1)
    return filled > 0


def contrast(picture, mask):
    """How different the pixels on both sides of a mask's edge are: the difference of local mean colours in units of
    their spread, its lower quartile along the edge."""
    solid = mask.astype(np.float32)
    kernel = (9, 9)
    inside, outside = (cv2.blur(share, kernel) + 1e-3 for share in (solid, 1 - solid))
    values = picture.astype(np.float32)
    means = [cv2.blur(values * share[..., None], kernel) / total[..., None]
             for share, total in ((solid, inside), (1 - solid, outside))]
    spread = np.sqrt(np.maximum(cv2.blur(values ** 2, (25, 25)) - cv2.blur(values, (25, 25)) ** 2, 16)).mean(2)
    edge = (cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & ~mask
    return float(np.percentile((np.linalg.norm(means[0] - means[1], axis=2) / spread)[edge], 25))


def candidates(rng, height, width):
    """Boxes (x0, y0, x1, y1) that leave a rim of the picture."""
    for _ in range(BOXES):
        w, h = (int(side * np.exp(rng.uniform(np.log(0.15), np.log(0.94)))) for side in (width, height))
        x, y = rng.integers(2, width - w - 1), rng.integers(2, height - h - 1)
        if max(w, h) > 40 and 0.25 < w / h < 4:
            yield x, y, x + w, y + h


def things(rng, picture):
    """Masks bool [H, W] of things that do not overlap, the clearest first: GrabCut finds the same in two boxes around
    them, the box is about theirs, and their edge is one in the picture."""
    height, width = picture.shape[:2]
    found = []
    for box in candidates(rng, height, width):
        mask = grabbed(picture, box)
        if mask is None or mask.sum() < 500:
            continue
        x, y, w, h = box_of(mask)
        area = w * h
        if area < 0.5 * (box[2] - box[0]) * (box[3] - box[1]) or not 0.25 < mask.sum() / area < 0.9:
            continue
        wider = np.array([x, y, x + w, y + h]) + np.array([-1, -1, 1, 1]) * rng.uniform(0.04, 0.1, 4) * [w, h, w, h]
        wider = np.clip(wider, 1, [width - 1, height - 1] * 2).astype(int)
        again = grabbed(picture, wider)
        if again is None or iou(mask, again) < 0.88:
            continue
        found.append((contrast(picture, again), again))
    kept = []
    for sure, mask in sorted(found, key=lambda item: -item[0]):
        if sure > 1.0 and not any((mask & other).sum() > 0.05 * min(mask.sum(), other.sum()) for other in kept):
            kept.append(mask)
    return kept[:6]


def views(rng, picture):
    """The photograph, and as many windows of it as its pixels are good for."""
    yield picture
    height, width = picture.shape[:2]
    for _ in range(min(WINDOWS, height * width // (2 * SIDE) ** 2)):
        side = int(np.exp(rng.uniform(np.log(SIDE), np.log(0.75 * min(height, width)))))
        w = min(width, int(side * rng.uniform(1, 1.6)))
        y, x = rng.integers(height - side + 1), rng.integers(width - w + 1)
        yield picture[y:y + side, x:x + w]


def work_on(job):
    """Writes what is found in one photograph -> its name."""
    index, name, path = job
    rng = np.random.default_rng([13, index])
    for view, picture in enumerate(views(rng, cv2.imread(str(path)))):
        picture = shrunk(picture, SIDE)
        found = things(rng, picture)
        print(f'{name} {view}: {len(found)}', flush=True)
        ids = np.zeros(picture.shape[:2], np.uint8)
        for number, mask in enumerate(found, 1):
            ids[mask] = number
            write_object(OBJECTS / f'{name}#{view}-{number}', cut(picture, mask))
        if found:
            write_scene(SCENES / f'{name}#{view}', *scene(picture, ids))
    return name


def main():
    for folder in (OBJECTS, SCENES):
        folder.mkdir(parents=True, exist_ok=True)
    jobs = []
    for source in (source for source in SOURCES if source.kind == 'photo' and package_folder(source.package).exists()):
        for index, (origin, _, path, _) in enumerate(pictures(source, False, set())):
            name = f"{source.name}-{re.sub('[^A-Za-z0-9]+', '-', Path(origin).stem)}"
            if not held_out(source.name, origin):
                jobs.append((index, name, path))
    with Pool() as pool, open(SCENES / 'tried', 'a+') as tried:
        tried.seek(0)
        before = set(tried.read().split())
        for name in pool.imap(work_on, [job for job in jobs if job[1] not in before], 1):
            print(name, file=tried, flush=True)


if __name__ == '__main__':
    main()
