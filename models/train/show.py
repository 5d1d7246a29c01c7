# SPDX-License-Identifier: Apache-2.0
"""What weights do well and what badly, as two contact sheets: good.jpg and bad.jpg.

    .deps/train/bin/python models/train/show.py WEIGHTS --pack .deps/train-data/permissive --out models/builtin

Scenes composed of pictures kept from training, which may be published as the pack's licences allow. Upper rows: a
box (yellow) and the mask found for it in a still. Lower rows: clips of which the first frame has the box, each in
four frames. The number is the IoU with the truth, in clips of the last frame. Shown are the best and the worst
tenth, of which an even choice."""
import argparse
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import torch

import evaluate
import scores
from compose.assets import Assets
from compose.batch import compose
from compose.scene import scene
from network import IMAGE_SIZE
from schedule import Plan

SEED = 2_000_003
STILLS, CLIPS = Plan(IMAGE_SIZE, 1, 8, 1), Plan(IMAGE_SIZE, 8, 1, 1)
COLOUR = np.array([66, 133, 244])
COLUMNS, CLIP_ROWS, SHOWN = 8, 3, (0, 2, 5, 7)


def tile(image, mask, box=None, text=''):
    picture = image.astype(float)
    picture[mask] = picture[mask] * 0.45 + COLOUR * 0.55
    picture = np.ascontiguousarray(picture.astype(np.uint8))
    outline, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, outline, -1, (255, 255, 255), 1)
    if box is not None:
        x, y, w, h = (int(v) for v in box)
        cv2.rectangle(picture, (x, y), (x + w, y + h), (255, 210, 0), 1)
    for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(picture, text, (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, width, cv2.LINE_AA)
    return picture


def stills(model, assets, batches):
    """[(IoU, tile)]"""
    found = []
    for index in range(batches):
        batch = compose(SEED, index, assets, STILLS)
        for image, truth in zip(batch.images[:, 0], batch.masks[:, 0, 0] > 0):
            box = scores.box_of(truth)
            masks, _ = evaluate.segment(model, evaluate.features(model, image), evaluate.corners(box), [2, 3],
                                        truth.shape, False)
            value = scores.iou(masks[0], truth)
            found.append((value, tile(image, masks[0], box, f'{value:.2f}')))
    return found


def clips(model, assets, count):
    """[(IoU in the last frame, tiles side by side)]; objects that are in the last frame"""
    found, rng = [], np.random.default_rng(SEED)
    while len(found) < count:
        images, masks = scene(rng, assets, CLIPS.size, CLIPS.length, 1)
        if masks[-1, 0].sum() < 100:
            continue
        clip = SimpleNamespace(frames=range(CLIPS.length), image=lambda t: images[t])
        box = scores.box_of(masks[0, 0] > 0)
        tracked = list(evaluate.track(model, clip, box))
        value = scores.iou(tracked[-1], masks[-1, 0] > 0)
        found.append((value, np.hstack([tile(images[t], tracked[t], box if t == 0 else None,
                                             f'{value:.2f}' if t == SHOWN[-1] else '') for t in SHOWN])))
    return found


def chosen(found, best, count):
    """An even choice of the best or worst tenth, or of as many as are needed."""
    ranked = [picture for _, picture in sorted(found, key=lambda pair: pair[0], reverse=best)]
    part = ranked[:max(count, len(ranked) // 10)]
    return [part[i] for i in np.linspace(0, len(part) - 1, count).round().astype(int)]


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('weights')
    parser.add_argument('--pack', required=True)
    parser.add_argument('--out', type=Path, required=True)
    parser.add_argument('--batches', type=int, default=30, help='of eight stills')
    parser.add_argument('--clips', type=int, default=60)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    model, assets = evaluate.load(arguments.weights), Assets(arguments.pack, validation=True)
    singles, moving = stills(model, assets, arguments.batches), clips(model, assets, arguments.clips)
    for name, best in (('good', True), ('bad', False)):
        upper = chosen(singles, best, 2 * COLUMNS)
        lower = chosen(moving, best, 2 * CLIP_ROWS)
        rows = [np.hstack(upper[i:i + COLUMNS]) for i in range(0, len(upper), COLUMNS)] + \
               [np.hstack(lower[i:i + 2]) for i in range(0, len(lower), 2)]
        sheet = cv2.resize(np.vstack(rows)[..., ::-1], None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(arguments.out / f'{name}.jpg'), sheet, [cv2.IMWRITE_JPEG_QUALITY, 80])


if __name__ == '__main__':
    main()
