# SPDX-License-Identifier: Apache-2.0
"""The built-in model in the reference's own classes (PyPI packages sam2 and timm).

Every size comes from the tensors of the .safetensors file, and what shapes cannot tell from its
metadata, so that another model of the same family can take the file's place.
"""

import re

import timm
import torch
from safetensors import safe_open
from sam2.modeling.backbones.image_encoder import FpnNeck, ImageEncoder
from sam2.modeling.memory_attention import MemoryAttention, MemoryAttentionLayer
from sam2.modeling.memory_encoder import CXBlock, Fuser, MaskDownSampler, MemoryEncoder
from sam2.modeling.position_encoding import PositionEmbeddingSine
from sam2.modeling.sam.transformer import RoPEAttention
from sam2.sam2_video_predictor import SAM2VideoPredictor
from torch import nn

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU}

# What the official configurations of SAM 2.1 and the official builder of a video predictor
# (build_sam2_video_predictor with its post-processing) set.
SAM21_VIDEO = dict(
    use_mask_input_as_output_without_sam=True,
    directly_add_no_mem_embed=True,
    no_obj_embed_spatial=True,
    use_high_res_features_in_sam=True,
    multimask_output_in_sam=True,
    iou_prediction_use_sigmoid=True,
    use_obj_ptrs_in_encoder=True,
    add_tpos_enc_to_obj_ptrs=True,
    proj_tpos_enc_in_obj_ptrs=True,
    use_signed_tpos_enc_to_obj_ptrs=True,
    only_obj_ptrs_in_the_past_for_eval=True,
    pred_obj_scores=True,
    pred_obj_scores_mlp=True,
    fixed_no_obj_ptr=True,
    multimask_output_for_tracking=True,
    use_multimask_token_for_obj_ptr=True,
    multimask_min_pt_num=0,
    multimask_max_pt_num=1,
    use_mlp_for_obj_ptr_proj=True,
    fill_hole_area=8,
    binarize_mask_from_pts_for_mem_enc=True,
)


class RepViTTrunk(nn.Module):
    """timm's RepViT with its four stages as features; keys as in EdgeTAM (trunk.body.*)."""

    def __init__(self, widths, depths, activation):
        super().__init__()
        self.body = timm.create_model(
            "repvit_m1", features_only=True, out_indices=(0, 1, 2, 3),
            embed_dim=widths, depth=depths, act_layer=ACTIVATIONS[activation])
        self.channel_list = list(widths)[::-1]

    def forward(self, image):
        return list(self.body(image))


def read(path):
    """Returns (tensors in fp32 by name, metadata) of a .safetensors file."""
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name).float() for name in file.keys()}, file.metadata()


def count(tensors, pattern):
    """How many different numbers stand where the pattern has its group."""
    return len({m.group(1) for m in (re.match(pattern, name) for name in tensors) if m})


def build(path):
    """The official video predictor with the weights of `path`, ready on the CPU."""
    tensors, meta = read(path)
    body = "image_encoder.trunk.body."
    image_size = int(meta["image_size"])
    d_model = tensors["image_encoder.neck.convs.0.conv.weight"].shape[0]
    mem_dim = tensors["memory_encoder.out_proj.weight"].shape[0]
    widths = tuple(tensors[f"image_encoder.neck.convs.{3 - level}.conv.weight"].shape[1]
                   for level in range(4))
    depths = tuple(count(tensors, re.escape(f"{body}stages_{stage}.blocks.") + r"(\d+)")
                   for stage in range(4))

    def sine(features):
        return PositionEmbeddingSine(num_pos_feats=features, normalize=True, scale=None,
                                     temperature=10000)

    grid = image_size // 16
    heads = int(meta.get("memory_attention_heads", 1))
    rope = dict(rope_theta=10000.0, feat_sizes=[grid, grid], embedding_dim=d_model,
                num_heads=heads, downsample_rate=1, dropout=0.0)
    layer = MemoryAttentionLayer(
        activation="relu", d_model=d_model, dropout=0.0,
        dim_feedforward=tensors["memory_attention.layers.0.linear1.weight"].shape[0],
        pos_enc_at_attn=False, pos_enc_at_cross_attn_keys=True,
        pos_enc_at_cross_attn_queries=False,
        self_attention=RoPEAttention(**rope),
        cross_attention=RoPEAttention(rope_k_repeat=True, kv_in_dim=mem_dim, **rope))
    model = SAM2VideoPredictor(
        image_encoder=ImageEncoder(
            scalp=1,
            trunk=RepViTTrunk(widths, depths, meta["trunk_activation"]),
            neck=FpnNeck(position_encoding=sine(d_model), d_model=d_model,
                         backbone_channel_list=list(widths)[::-1],
                         fpn_top_down_levels=[2, 3], fpn_interp_model="nearest")),
        memory_attention=MemoryAttention(
            d_model=d_model, pos_enc_at_input=True, layer=layer,
            num_layers=count(tensors, r"memory_attention\.layers\.(\d+)")),
        memory_encoder=MemoryEncoder(
            out_dim=mem_dim, in_dim=d_model, position_encoding=sine(mem_dim),
            mask_downsampler=MaskDownSampler(embed_dim=d_model, kernel_size=3, stride=2,
                                             padding=1),
            fuser=Fuser(CXBlock(dim=d_model, kernel_size=7, padding=3, use_dwconv=True),
                        num_layers=count(tensors, r"memory_encoder\.fuser\.layers\.(\d+)"))),
        num_maskmem=tensors["maskmem_tpos_enc"].shape[0],
        image_size=image_size,
        sigmoid_scale_for_mem_enc=float(meta["sigmoid_scale_for_mem_enc"]),
        sigmoid_bias_for_mem_enc=float(meta["sigmoid_bias_for_mem_enc"]),
        sam_mask_decoder_extra_args=dict(
            dynamic_multimask_via_stability=meta.get("dynamic_multimask_via_stability") != "false",
            dynamic_multimask_stability_delta=0.05,
            dynamic_multimask_stability_thresh=0.98),
        **SAM21_VIDEO)
    missing, surplus = model.load_state_dict(tensors, strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or surplus:
        raise ValueError(f"{path}: missing {missing}, surplus {surplus}")
    return model.eval()
