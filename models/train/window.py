# SPDX-License-Identifier: Apache-2.0
"""Does a search window around each object help these weights?

    .deps/train/bin/python models/train/window.py WEIGHTS --pack .deps/train-data/permissive

Mean IoU on stills composed of pictures kept from training, 640 px, so that a window shows more than the whole
picture squeezed to the weights' own size does. Windows are squares of so many times the box's longer side, 0 is the
whole picture. A click has no box: there the window goes around the mask that the whole picture gave, and the click is
asked again in it, alone (`click`) or with that mask (`click+mask`). For windows that follow an object see
held_out.py."""
import argparse

import numpy as np
import torch

import evaluate
import scores
from compose.assets import Assets
from compose.batch import compose
from schedule import Plan

SEED = 1_000_003
PLAN = Plan(640, 1, 4, 2)       # size, length, scenes, targets


def window(box, factor, shape):
    """Box (x, y, w, h) -> (x0, y0, x1, y1): moved into the picture, cut where that is too small."""
    if not factor or box is None:
        return 0, 0, shape[1], shape[0]
    side = max(factor * max(box[2:]), 32)
    width, height = min(round(side), shape[1]), min(round(side), shape[0])
    x0 = int(np.clip(round(box[0] + box[2] / 2 - width / 2), 0, shape[1] - width))
    y0 = int(np.clip(round(box[1] + box[3] / 2 - height / 2), 0, shape[0] - height))
    return x0, y0, x0 + width, y0 + height


def ask(model, image, place, points, labels, mask=None):
    """The best mask by predicted IoU, bool like the picture; three to choose from for one point."""
    x0, y0, x1, y1 = place
    crop = image[y0:y1, x0:x1]
    encoded = evaluate.features(model, crop)
    own = None
    if mask is not None:
        side = model.image_size // 4
        own = torch.from_numpy(mask[y0:y1, x0:x1]).float()[None, None]
        own = torch.nn.functional.interpolate(own, size=(side, side), mode='bilinear', antialias=True) * 20 - 10
    found, predicted = evaluate.segment(model, encoded, [(x - x0, y - y0) for x, y in points], labels, crop.shape[:2],
                                        len(points) == 1 and mask is None, own)
    result = np.zeros(image.shape[:2], bool)
    result[y0:y1, x0:x1] = found[predicted.argmax()]
    return result


def ious(model, image, truth, points, labels, factors):
    """{(prompt, factor): IoU}"""
    if len(points) == 2:
        box = (*points[0], *(np.array(points[1]) - points[0]))
        return {('box', f): scores.iou(ask(model, image, window(box, f, truth.shape), points, labels), truth)
                for f in factors}
    whole, results = ask(model, image, window(None, 0, truth.shape), points, labels), {}
    x, y = points[0]
    for factor in factors:
        place = window(scores.box_of(whole), factor, truth.shape)
        if factor and place[0] <= x < place[2] and place[1] <= y < place[3]:
            for kind, former in (('click', None), ('click+mask', whole)):
                results[kind, factor] = scores.iou(ask(model, image, place, points, labels, former), truth)
        else:
            results['click', factor] = results['click+mask', factor] = scores.iou(whole, truth)
    return results


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('weights')
    parser.add_argument('--pack', required=True)
    parser.add_argument('--batches', type=int, default=30)
    parser.add_argument('--factors', type=float, nargs='+', default=[0, 1.5, 2, 2.5, 3, 4])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model, assets = evaluate.load(arguments.weights), Assets(arguments.pack, validation=True)
    collected = {}
    for index in range(arguments.batches):
        batch = compose(SEED, index, assets, PLAN)
        if batch.kind not in ('b', 'p'):
            continue
        for image, masks, points, labels in zip(batch.images[:, 0], batch.masks[:, 0], batch.points, batch.labels):
            for truth, at, label in zip(masks > 0, points, labels):
                for key, value in ious(model, image, truth, at.tolist(), label.tolist(), arguments.factors).items():
                    collected.setdefault(key, []).append(value)
    for kind in ('box', 'click', 'click+mask'):
        print(f'{kind:10} {len(collected[kind, arguments.factors[0]]):4} objects  '
              + '  '.join(f'{factor:g}: {np.mean(collected[kind, factor]):.3f}' for factor in arguments.factors))


if __name__ == '__main__':
    main()
