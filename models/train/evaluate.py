# SPDX-License-Identifier: Apache-2.0
"""Scores weights on real sequences with the reference classes: a quick look at a running training.

    .deps/train/bin/python models/train/evaluate.py WEIGHTS --sequences FOLDER [--stills] [--video]

WEIGHTS is a checkpoint of train.py, a .pt with {"model": ...} or a .safetensors with canonical names.
Stills: the object's box, or a click on its innermost point, on frame 0 and every --every'th frame.
Video: the box of frame 0, then tracking; J is the mean IoU over all annotated frames, a mean over
objects, then over sequences.  The product's own figures come from models/evaluate, which runs the
GStreamer elements."""
import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file

sys.path.append(str(Path(__file__).resolve().parents[1] / 'evaluate'))
import scores
import sequences
from asking import autocast
from network import IMAGE_SIZE, build, normalised, set_size, shape_of


def read(path):
    """The state dict in any of the three forms of weights."""
    if str(path).endswith('.safetensors'):
        return load_file(path)
    saved = torch.load(path, map_location='cpu', weights_only=True)
    return saved.get('ema', saved.get('model'))


def size_of(path):
    """Side of the frames that weights are for: .safetensors name it."""
    if not str(path).endswith('.safetensors'):
        return IMAGE_SIZE
    with safe_open(path, 'pt') as file:
        return int(file.metadata()['image_size'])


def load(path):
    """Any of the three forms of weights -> model in eval mode, fp32."""
    weights = read(path)
    one_branch = not any('.token_mixer.conv1.' in name for name in weights)
    model = build(size_of(path), shape_of(weights), one_branch)
    counters = {name: value for name, value in model.state_dict().items() if name.endswith('num_batches_tracked')}
    model.load_state_dict({**counters, **{name: value.float() if value.is_floating_point() else value
                                          for name, value in weights.items()}})
    return model.eval().to(memory_format=torch.channels_last)


def features(model, image):
    """RGB uint8 [H, W, 3] -> (features of three levels [HW, 1, C], position codes, sizes)."""
    size = model.image_size
    shrink = cv2.INTER_AREA if image.shape[0] > size else cv2.INTER_LINEAR
    frame = torch.from_numpy(cv2.resize(np.ascontiguousarray(image), (size, size), interpolation=shrink))[None]
    with autocast(frame.device):
        _, levels, codes, sizes = model._prepare_backbone_features(model.forward_image(normalised(frame)))
    return [level.float() for level in levels], [code.float() for code in codes], sizes


def full_size(logits, shape):
    """[h, w] logits -> bool [H, W]"""
    return F.interpolate(logits[None, None].float(), size=shape, mode='bilinear', align_corners=False)[0, 0].numpy() > 0


def prompt(model, points, labels, shape):
    scale = torch.tensor([model.image_size / shape[1], model.image_size / shape[0]])
    return dict(point_coords=torch.tensor([points], dtype=torch.float32) * scale,
                point_labels=torch.tensor([labels], dtype=torch.int32))


def segment(model, encoded, points, labels, shape, several, former=None):
    """-> masks bool [n, H, W], predicted IoUs [n]; n = 3 with `several`, else 1. former: logits [1, 1, h, w]."""
    levels, _, sizes = encoded
    maps = [level.permute(1, 2, 0).unflatten(2, size) for level, size in zip(levels, sizes)]
    embedding = maps[-1] + model.no_mem_embed.view(1, -1, 1, 1)
    with autocast(embedding.device):
        output = model._forward_sam_heads(embedding, prompt(model, points, labels, shape), former, maps[:-1], several)
    return [full_size(mask, shape) for mask in output[0][0]], output[2][0].float().numpy()


def corners(box):
    x, y, w, h = box
    return [(x, y), (x + w, y + h)]


def score_stills(model, found, every):
    """{sequence: [(frame, {box, click, best_click})]}"""
    results = {}
    for sequence in found:
        for number in sorted(sequence.masks)[::every]:
            ids = sequence.ids(number)
            encoded = features(model, sequence.image(number))
            for obj in np.unique(ids[ids > 0]):
                truth = ids == obj
                if truth.sum() < 100:
                    continue
                mask, _ = segment(model, encoded, corners(scores.box_of(truth)), [2, 3], truth.shape, False)
                clicked, predicted = segment(model, encoded, [sequences.innermost(truth)], [1], truth.shape, True)
                ious = [scores.iou(one, truth) for one in clicked]
                values = dict(box=scores.iou(mask[0], truth), click=ious[predicted.argmax()], best_click=max(ious))
                results.setdefault(sequence.name, []).append((number, values))
    return results


def track(model, sequence, box):
    """Yields the object's mask in every frame, bool [H, W]."""
    memory = dict(cond_frame_outputs={}, non_cond_frame_outputs={})
    length = len(sequence.frames)
    for t in range(length):
        image = sequence.image(t)
        first = prompt(model, corners(box), [2, 3], image.shape[:2]) if t == 0 else None
        with autocast(torch.device('cpu')):
            output = model.track_step(t, t == 0, *features(model, image), first, None, memory,
                                      max(length, model.max_obj_ptrs_in_encoder))  # else codes spread
        kept = {name: output[name] for name in ('maskmem_features', 'maskmem_pos_enc', 'obj_ptr', 'pred_masks')}
        kept['maskmem_features'], kept['obj_ptr'] = kept['maskmem_features'].float(), kept['obj_ptr'].float()
        memory['cond_frame_outputs' if t == 0 else 'non_cond_frame_outputs'][t] = kept
        memory['non_cond_frame_outputs'].pop(t - 20, None)
        yield full_size(output['pred_masks'][0, 0], image.shape[:2])


def score_video(model, sequence):
    """Mean over objects of J (mask sequences) or of box IoU (box sequences)."""
    means = []
    for obj, box in sequence.objects().items():
        found = list(track(model, sequence, box))
        if sequence.masks:
            means.append(np.mean([scores.iou(found[n], sequence.ids(n) == obj) for n in sequence.masks]))
        else:
            means.append(np.mean([scores.box_iou(scores.box_of(found[n]), truth)
                                  for (n, o), truth in sequence.boxes.items() if o == obj]))
    return float(np.mean(means))


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('weights')
    parser.add_argument('--sequences', required=True)
    parser.add_argument('--stills', action='store_true')
    parser.add_argument('--video', action='store_true')
    parser.add_argument('--every', type=int, default=20)
    parser.add_argument('--size', type=int,
                        help="side of the square the frames are squeezed to; default: the weights' own")
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--one-mask', action='store_true', help='track by mask token 0 instead of the best of three')
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    model = load(arguments.weights)
    set_size(model, arguments.size or model.image_size)
    model.multimask_output_for_tracking = not arguments.one_mask
    found = list(sequences.read(arguments.sequences))
    if arguments.stills:
        results = score_stills(model, found, arguments.every)
        for title, of_frame in (('frame 0', lambda n: n == 0), ('all', lambda n: True)):
            means = {kind: np.mean([np.mean([score[kind] for n, score in rows if of_frame(n)])
                                    for rows in results.values() if any(of_frame(n) for n, _ in rows)])
                     for kind in ('box', 'click', 'best_click')}
            print(f'stills, {title}: ' + ' '.join(f'{kind} {value:.3f}' for kind, value in means.items()), flush=True)
    if arguments.video:
        masks, boxes = [], []
        for sequence in found:
            value = score_video(model, sequence)
            (masks if sequence.masks else boxes).append(value)
            print(f'{sequence.name} {value:.3f}', flush=True)
        print(f'video: mean J {np.mean(masks):.3f}, mean box IoU {np.mean(boxes):.3f}')


if __name__ == '__main__':
    main()
