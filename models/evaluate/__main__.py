# SPDX-License-Identifier: Apache-2.0
"""Scores a model on sequences with ground truth, through the GStreamer elements as a user runs them.

    .deps/train/bin/python models/evaluate FOLDER [--model builtin] [--out out/evaluate]

Any Python with numpy, OpenCV and Pillow will do. FOLDER: see sequences.py. Prints a table and writes
OUT/video.csv (a row an object), OUT/stills.csv (a row an object and frame) and a contact sheet a sequence.

Video: the object's box on the first frame, then tracking; J, F and J&F are means over the annotated
frames, the first included; sequences with boxes only have the box IoU and the area under its success curve.
How objects that go and come are kept is told by scores.presence().
Stills, by sam2segment: box, 1 click and 3 clicks (each new one where the mask is most wrong), IoU on the first
and every --every'th annotated frame."""
import argparse
from pathlib import Path

import cv2
import numpy as np

import elements
import scores
import sequences
import tables

COLOURS = np.array([[66, 133, 244], [219, 68, 55], [15, 157, 88], [244, 180, 0]])
TILES, TILE_WIDTH = 6, 240


def contact_sheet(sequence, found, path):
    """A few frames with all objects' masks laid over."""
    tiles = []
    for number in np.linspace(0, len(sequence.frames) - 1, TILES).round().astype(int):
        image = sequence.image(number).astype(float)
        for obj, mask in found[number].items():
            image[mask] = image[mask] * 0.5 + COLOURS[obj % len(COLOURS)] * 0.5
        height = round(image.shape[0] * TILE_WIDTH / image.shape[1])
        tiles.append(cv2.resize(image[..., ::-1].astype(np.uint8), (TILE_WIDTH, height), interpolation=cv2.INTER_AREA))
    cv2.imwrite(str(path), np.hstack(tiles))


def score_video(sequence, properties, out):
    """-> rows of video.csv"""
    prompts = [dict(frame=0, id=obj, box=box) for obj, box in sequence.objects().items()]
    found, seconds = elements.run('sam2track', sequence.frames, prompts, **properties)
    contact_sheet(sequence, found, out / f'{sequence.name}.png')
    return [dict(sequence=sequence.name, object=obj, seconds=round(seconds, 2),
                 **scores.score_object(sequence, obj, [frame.get(obj) for frame in found]),
                 **scores.presence(sequence, obj, [frame.get(obj) for frame in found])) for obj in sequence.objects()]


def next_click(mask, truth):
    """[x, y, 1 or 0] at the innermost point of the largest wrong region, as a patient user corrects."""
    wrong = mask ^ truth
    count, parts, stats, _ = cv2.connectedComponentsWithStats(wrong.astype(np.uint8))
    if count < 2:
        return None
    region = parts == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()
    x, y = sequences.innermost(region)
    return [x, y, int(truth[int(y), int(x)])]


def score_frame(sequence, number, properties):
    """-> rows of stills.csv. All objects of the frame are asked for together, as one user's clicks one after another:
    object k's box has the id k, its clicks go to the id 1000 + k."""
    ids = sequence.ids(number)
    truths = {int(obj): ids == obj for obj in np.unique(ids[ids > 0])}
    truths = {obj: truth for obj, truth in truths.items() if truth.sum() >= 100}
    rows = {obj: dict(sequence=sequence.name, frame=number, object=obj) for obj in truths}
    masks = {obj: np.zeros_like(truth) for obj, truth in truths.items()}
    prompts = [dict(frame=0, id=obj, box=[int(v) for v in scores.box_of(truth)]) for obj, truth in truths.items()]
    for clicks in (1, 2, 3) if truths else ():
        for obj, truth in truths.items():
            click = next_click(masks[obj], truth)
            if click:
                prompts.append(dict(frame=0, id=1000 + obj, points=[click], action='add' if clicks == 1 else 'refine'))
        found = elements.run('sam2segment', [sequence.frames[number]], prompts, **properties)[0][0]
        for obj, truth in truths.items():
            masks[obj] = found.get(1000 + obj, np.zeros_like(truth))
            rows[obj][f'clicks_{clicks}'] = scores.iou(masks[obj], truth)
            rows[obj]['box'] = scores.iou(found.get(obj, np.zeros_like(truth)), truth)
    return list(rows.values())


def score_stills(sequence, every, properties):
    return [row for number in sorted(sequence.masks)[::every] for row in score_frame(sequence, number, properties)]


def main():
    parser = argparse.ArgumentParser(prog='models/evaluate', description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder')
    parser.add_argument('--model', help='a name or a file; default: that of the elements')
    parser.add_argument('--precision')
    parser.add_argument('--memory-policy', choices=['official', 'robust'])
    parser.add_argument('--scene-cuts', action='store_true', help='notice hard cuts')
    parser.add_argument('--search-window', type=float, help='of stills, and where video begins')
    parser.add_argument('--second-look', action='store_true', help='in a mirror too, of the same')
    parser.add_argument('--follow-window', type=float, help='of what is followed in video')
    parser.add_argument('--refine-edges', action='store_true', help='by colours, of stills')
    parser.add_argument('--max-hole-area', type=int, help='holes to fill, of stills')
    parser.add_argument('--max-sprinkle-area', type=int, help='specks to remove')
    parser.add_argument('--only', help='sequences whose name contains this')
    parser.add_argument('--skip', choices=['video', 'stills'])
    parser.add_argument('--every', type=int, default=20)
    parser.add_argument('--out', type=Path, default=Path('out/evaluate'))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    properties = dict(model=arguments.model, precision=arguments.precision,
                      max_sprinkle_area=arguments.max_sprinkle_area, search_window=arguments.search_window,
                      second_look=arguments.second_look)
    found = [sequence for sequence in sequences.read(arguments.folder) if (arguments.only or '') in sequence.name]
    if arguments.skip != 'video':
        tracking = dict(properties, memory_policy=arguments.memory_policy, scene_cuts=arguments.scene_cuts,
                        follow_window=arguments.follow_window)
        rows = [row for sequence in found for row in score_video(sequence, tracking, arguments.out)]
        tables.write(arguments.out / 'video.csv', rows)
        for names in (['J', 'F', 'JF'], ['box_iou', 'auc']):
            chosen = [row for row in rows if names[0] in row]
            if chosen:
                print(tables.by_sequence(chosen, names) + '\n', flush=True)
        print(tables.by_sequence(rows, ['junk', 'missed', 'wrong']) + '\n')
        print(tables.by_sequence(rows, ['absent', 'switches', 'gone', 'found'], counts=True) + '\n', flush=True)
    if arguments.skip != 'stills':
        stills = dict(properties, max_hole_area=arguments.max_hole_area, refine_edges=arguments.refine_edges)
        rows = [row for sequence in found for row in score_stills(sequence, arguments.every, stills)]
        tables.write(arguments.out / 'stills.csv', rows)
        names = ['box', 'clicks_1', 'clicks_2', 'clicks_3']
        print('first frame\n' + tables.by_sequence([row for row in rows if row['frame'] == 0], names))
        print('\nall frames\n' + tables.by_sequence(rows, names))


if __name__ == '__main__':
    main()
