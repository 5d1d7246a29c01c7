# SPDX-License-Identifier: Apache-2.0
"""Things that move before a still camera: what differs from the empty scene, its edge found by GrabCut.

    .deps/train/bin/python models/train/data/cut_videos.py

Writes .deps/train-data/packages/rendered/video-scenes (see real.py)."""
from dataclasses import dataclass
from multiprocessing import Pool
from pathlib import Path

import cv2
import numpy as np

from fetch import package_folder
from real import write_scene
from scores import iou

VIDEOS = package_folder('git:intel-iot-devkit/sample-videos')
SCENES = package_folder('rendered') / 'video-scenes'
WIDTH = 576                     # pixels the videos are worked on
LEAST = 400                     # pixels of a thing
STILL = 0.8                     # things that overlap so much with themselves a second later are not moving
FRAMES = 8                      # of a scene
STRETCH = 40                    # frames that are held out together


@dataclass
class Video:
    path: str
    step: int                   # every how manieth frame is taken
    empty: int | None           # so many frames at the start show the empty scene; or it is the median of all
    shadows: bool               # what is darker than the scene but of its colour is none of the thing


# car-detection.mp4 is left out: pipelines/data has the demo's clip from it.
SOURCES = [Video('one-by-one-person-detection.mp4', 2, 9, False),
           Video('preview/fruit-and-vegetable-detection.gif', 1, None, True),
           Video('preview/worker-zone-detection.gif', 1, None, True)]


def frames_of(path):
    """BGR uint8 [h, WIDTH, 3] each."""
    capture, frames = cv2.VideoCapture(str(path)), []
    while True:
        seen, frame = capture.read()
        if not seen:
            return frames
        size = WIDTH, WIDTH * frame.shape[0] // frame.shape[1]
        frames.append(cv2.resize(frame, size, interpolation=cv2.INTER_AREA))


def difference(frame, empty, shadows):
    """How far a frame is from the empty scene under the frame's exposure, float [h, w]; a shadow counts a quarter."""
    frame = frame.astype(np.float32)
    frame = frame / np.median(frame.reshape(-1, 3) / np.maximum(empty.reshape(-1, 3), 8), 0)
    frame, empty = (cv2.GaussianBlur(picture, (0, 0), 1) for picture in (frame, empty))
    far = np.abs(frame - empty).max(2)
    if shadows:
        darker = (frame.sum(2) + 1) / (empty.sum(2) + 1)
        tint = np.abs(frame - empty * darker[..., None]).max(2)
        far[(darker < 1) & (darker > 0.45) & (tint < 12)] *= 0.25
    return far


def things(frame, empty, shadows):
    """Masks bool [h, w] of what stands in the scene, each in one piece."""
    def parts(mask):
        count, labels, numbers, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
        return [labels == i for i in range(1, count) if numbers[i, cv2.CC_STAT_AREA] > LEAST]

    def ellipse(size):
        return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))

    strong = cv2.morphologyEx((difference(frame, empty, shadows) > (30 if shadows else 24)).astype(np.uint8),
                              cv2.MORPH_OPEN, ellipse(3))
    outlines, _ = cv2.findContours(cv2.morphologyEx(strong, cv2.MORPH_CLOSE, ellipse(13)), cv2.RETR_EXTERNAL,
                                   cv2.CHAIN_APPROX_NONE)
    solid = np.zeros_like(strong)
    cv2.drawContours(solid, [outline for outline in outlines if cv2.contourArea(outline) > LEAST], -1, 1, -1)
    mask = np.full(solid.shape, cv2.GC_BGD, np.uint8)
    mask[cv2.dilate(solid, ellipse(9)) > 0] = cv2.GC_PR_BGD
    mask[solid > 0] = cv2.GC_PR_FGD
    core = cv2.erode(solid, ellipse(7))
    if core.sum() < LEAST // 2:
        return []
    mask[core > 0] = cv2.GC_FGD
    cv2.setRNGSeed(1)
    cv2.grabCut(frame, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), 1, cv2.GC_INIT_WITH_MASK)
    found = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    return parts(cv2.morphologyEx(found, cv2.MORPH_OPEN, ellipse(3)))


def followed(masks):
    """Masks of FRAMES frames -> object numbers uint8 [h, w] of each, or None where things run together, come or go at
    a stroke, or all stand still: a thing is what it overlaps in the frame before."""
    former, clip, count = {}, [], 0
    for now in masks:
        ids, current = np.zeros(now[0].shape if now else next(iter(former.values())).shape, np.uint8), {}
        for mask in now:
            before = [number for number, other in former.items()
                      if (mask & other).sum() > 0.2 * min(mask.sum(), other.sum())]
            if len(before) > 1 or (before and before[0] in current):
                return None
            number = before[0] if before else (count := count + 1)
            if before and not 0.6 < mask.sum() / former[number].sum() < 1.7:
                return None
            current[number] = mask
            ids[mask] = number
        clip.append(ids)
        former = current
        if not former:
            return None
    still = [number for number in range(1, count + 1)
             if iou(clip[0] == number, clip[-1] == number) > STILL]         # or the ghost of what has gone since
    clip = [np.where(np.isin(ids, still), 0, ids).astype(np.uint8) for ids in clip]
    return clip if clip[0].any() else None


def work_on(video):
    frames, name = frames_of(VIDEOS / video.path), Path(video.path).stem
    empty = np.median(np.stack(frames[:video.empty]), 0).astype(np.float32)
    frames = frames[::video.step]
    masks = [things(frame, empty, video.shadows) for frame in frames]
    written = 0
    for start in range(0, len(frames) - FRAMES, FRAMES // 2):
        one_stretch = start // STRETCH == (start + FRAMES - 1) // STRETCH
        ids = followed(masks[start:start + FRAMES]) if one_stretch and masks[start] else None
        if ids is None:
            continue
        stem, pictures = f'{name}-{start // STRETCH}#{start}', frames[start:start + FRAMES]
        write_scene(SCENES / stem, pictures, ids)
        written += 1
    print(f'{name}: {written} passages', flush=True)


def main():
    SCENES.mkdir(parents=True, exist_ok=True)
    with Pool(len(SOURCES)) as pool:
        pool.map(work_on, SOURCES, 1)


if __name__ == '__main__':
    main()
