# SPDX-License-Identifier: Apache-2.0
"""Every member of the family in the reference's own code, from its released configuration.

EdgeTAM's package has the same module name as SAM 2's, so its members need a process of their own
with that package first on PYTHONPATH, see `run`.
"""

import importlib.metadata
import importlib.util
import os
import pathlib
import sys

import cv2  # noqa: F401 (reference.py uses it; a missing one should be told of here)

EDGETAM = os.environ.get("PARITY_EDGETAM") == "1"
# The official package, sam2 1.1.0, also where EdgeTAM's of the same name is in front of it.
SAM2 = pathlib.Path(importlib.metadata.distribution("sam2").locate_file("sam2"))

if EDGETAM:
    import timm.models

    # The weights that timm would download are overwritten anyway.
    _create = timm.models.create_model
    timm.models.create_model = lambda name, **given: _create(name, **{**given, "pretrained": False})

import sam2.modeling.sam2_base  # noqa: E402


def _predictor_module():
    """sam2 1.1.0's video predictor, also above EdgeTAM's network: its own one is older and knows
    no objects added on the way. For one object from the first frame on both do the same."""
    spec = importlib.util.spec_from_file_location("parity_predictor",
                                                  SAM2 / "sam2_video_predictor.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["parity_predictor"] = module
    spec.loader.exec_module(module)
    return module


video = _predictor_module()

import reference  # noqa: E402, F401  (replaces the CUDA function that finds holes)

from omegaconf import OmegaConf  # noqa: E402
from hydra.utils import instantiate  # noqa: E402

video.fill_holes_in_mask_scores = sam2.utils.misc.fill_holes_in_mask_scores

MEMBERS = {
    f"{version}-{size}": SAM2 / "configs" / version / f"{version}_hiera_{letter}.yaml"
    for version in ("sam2", "sam2.1")
    for size, letter in (("tiny", "t"), ("small", "s"), ("base+", "b+"), ("large", "l"))
}
if EDGETAM:
    MEMBERS = {"edgetam": pathlib.Path(sam2.__file__).parent / "configs" / "edgetam.yaml"}


class Predictor(video.SAM2VideoPredictor):
    """Takes position codes of any rank (EdgeTAM's are [B, T, C])."""

    def _get_maskmem_pos_enc(self, inference_state, current_out):
        codes = current_out["maskmem_pos_enc"]
        if codes is None:
            return None
        constants = inference_state["constants"]
        if "maskmem_pos_enc" not in constants:
            constants["maskmem_pos_enc"] = [x[0:1].clone() for x in codes]
        return constants["maskmem_pos_enc"]


def pin_first(frame_idx, outputs, max_cond_frame_num):
    """What a stream can keep: of more than 4 prompted frames the first and the latest 3."""
    frames = sorted(outputs)
    kept = frames if len(frames) <= 4 else [frames[0], *frames[-3:]]
    return ({t: outputs[t] for t in kept},
            {t: outputs[t] for t in frames if t not in kept})


sam2.modeling.sam2_base.select_closest_cond_frames = pin_first


def build(member, image_size):
    """The member as build_sam2_video_predictor makes it, with whatever weights torch gives it."""
    config = OmegaConf.load(MEMBERS[member]).model
    config._target_ = "members.Predictor"
    config.image_size = image_size
    config.fill_hole_area = 8
    config.binarize_mask_from_pts_for_mem_enc = True
    config.add_all_frames_to_correct_as_cond = True
    config.sam_mask_decoder_extra_args = dict(
        dynamic_multimask_via_stability=True, dynamic_multimask_stability_delta=0.05,
        dynamic_multimask_stability_thresh=0.98)
    if EDGETAM:
        side = image_size // 16
        config.memory_attention.layer.cross_attention.q_sizes = [side, side]
    return instantiate(config, _recursive_=True).eval()
