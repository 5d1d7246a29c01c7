# SPDX-License-Identifier: Apache-2.0
"""The official Python code as the truth for parity: boxes on frame 0, masks on every frame."""

import cv2
import numpy as np
import sam2.utils.misc
import torch


def connected_components(mask):
    """CPU stand-in for the reference's CUDA kernel: 8-connected labels and areas, both int32.

    mask: [N, 1, H, W]; returns two tensors of that shape, 0 in the background.
    """
    labels = np.zeros(mask.shape, np.int32)
    areas = np.zeros(mask.shape, np.int32)
    for n, plane in enumerate(mask[:, 0].to(torch.uint8).cpu().numpy()):
        _, label, stats, _ = cv2.connectedComponentsWithStats(plane, connectivity=8)
        area = stats[:, cv2.CC_STAT_AREA].astype(np.int32)
        area[0] = 0
        labels[n, 0], areas[n, 0] = label, area[label]
    return torch.from_numpy(labels), torch.from_numpy(areas)


# Without this the reference warns and skips the filling of holes.
sam2.utils.misc.get_connected_components = connected_components


def track(predictor, folder, boxes):
    """Yields, frame by frame, {id: mask [H, W] of bool} for a folder of NNNNN.jpg files.

    boxes: {id: (x, y, width, height)} on frame 0, in pixels.
    """
    state = predictor.init_state(str(folder))
    for obj, (x, y, w, h) in boxes.items():
        predictor.add_new_points_or_box(state, 0, obj, box=[x, y, x + w, y + h])
    for _, ids, logits in predictor.propagate_in_video(state):
        yield {obj: (logits[i, 0] > 0).numpy() for i, obj in enumerate(ids)}
