# SPDX-License-Identifier: Apache-2.0
"""The built-in member of the family, in the classes of the PyPI package `sam2` 1.1.0.

SAM 2.1 with a small RepViT trunk (as EdgeTAM's), so that a state dict has the official names.
While training, RepViT's token mixers have their 3x3 branch only: the other two fold into it anyway."""
import re
from dataclasses import dataclass

import timm
import torch
from sam2.modeling.backbones.image_encoder import FpnNeck, ImageEncoder
from sam2.modeling.memory_attention import MemoryAttention, MemoryAttentionLayer
from sam2.modeling.memory_encoder import CXBlock, Fuser, MaskDownSampler, MemoryEncoder
from sam2.modeling.position_encoding import PositionEmbeddingSine
from sam2.modeling.sam.transformer import RoPEAttention
from sam2.modeling.sam2_base import SAM2Base
from sam2.modeling.sam2_utils import LayerNorm2d
from timm.models.repvit import ConvNorm
from torch import nn

from lean import FoldedConvNorm, PlainGELU, PlainLayerNorm2d, SlicedConv2d
from perceiver import LatentMemory, LatentRoPEAttention, SpatialPerceiver


IMAGE_SIZE = 320                # side of the built-in model's frames in pixels


@dataclass(frozen=True)
class Shape:
    widths: tuple = (48, 96, 192, 384)      # trunk
    depths: tuple = (1, 1, 6, 2)
    d_model: int = 128
    mem_dim: int = 64
    feed_forward: int = 512                 # of the memory attention
    layers: int = 2
    num_maskmem: int = 5
    latents: tuple = ()                     # of the spatial perceiver: (global, side of the grid); none: whole maps


SHAPES = dict(
    builtin=Shape(),
    narrow=Shape(widths=(40, 80, 160, 320)),
    wide=Shape(widths=(56, 112, 224, 448)),
    deep=Shape(depths=(2, 2, 10, 2)),
    slim_memory=Shape(layers=1, feed_forward=256),
    perceiver=Shape(latents=(64, 8)),       # half of the tokens at 256 px
    perceiver_128=Shape(latents=(16, 4)),   # the same at 128 px
)


def shape_of(weights):
    """The shape that a state dict was built with, read from its names and tensors."""
    def count(pattern):
        return len({match[1] for name in weights if (match := re.match(pattern, name))})

    body = 'image_encoder.trunk.body.stages_{}.blocks.'
    return Shape(
        widths=tuple(weights[body.format(i) + '0.token_mixer.conv.c.weight'].shape[0] for i in range(4)),
        depths=tuple(count(re.escape(body.format(i)) + r'(\d+)\.') for i in range(4)),
        d_model=weights['image_encoder.neck.convs.0.conv.weight'].shape[0],
        mem_dim=weights['memory_encoder.out_proj.weight'].shape[0],
        feed_forward=weights['memory_attention.layers.0.linear1.weight'].shape[0],
        layers=count(r'memory_attention\.layers\.(\d+)\.'),
        num_maskmem=weights['maskmem_tpos_enc'].shape[0],
        latents=(len(weights['spatial_perceiver.latents']), round(len(weights['spatial_perceiver.latents_2d']) ** 0.5))
        if 'spatial_perceiver.latents' in weights else ())


class OneBranch(nn.Module):
    """A RepViT token mixer reduced to its 3x3 depthwise convolution."""

    def forward(self, x):
        return self.conv(x)


class Trunk(nn.Module):
    """timm's RepViT as a feature pyramid; keys image_encoder.trunk.body.*"""

    def __init__(self, widths, depths, one_branch):
        super().__init__()
        self.body = timm.create_model('repvit_m1', features_only=True, out_indices=(0, 1, 2, 3),
                                      embed_dim=widths, depth=depths, act_layer=nn.ReLU)
        for module in self.body.modules():
            if isinstance(module, ConvNorm):
                module.__class__ = FoldedConvNorm
            elif isinstance(module, nn.ReLU):       # what comes before each needs its output no more
                module.inplace = True
        if one_branch:
            for module in self.body.modules():
                mixer = getattr(module, 'token_mixer', None)
                if hasattr(mixer, 'conv1'):
                    mixer.conv1 = None
                    mixer.__class__ = OneBranch
                if isinstance(module, nn.Conv2d) and module.groups > 1 and module.stride == (2, 2):
                    module.__class__ = SlicedConv2d
        self.channel_list = list(widths)[::-1]

    def forward(self, x):                   # [B, 3, S, S] -> four maps of strides 4, 8, 16, 32
        return list(self.body(x))


def build(size=IMAGE_SIZE, shape=Shape(), one_branch=True, model_class=SAM2Base, **overrides):
    """A model with random weights. `one_branch=False` has the canonical EdgeTAM keys (see export.py)."""
    def position(features):
        return PositionEmbeddingSine(num_pos_feats=features, normalize=True, scale=None, temperature=10000)

    d_model, grid = shape.d_model, size // 16
    encoder = ImageEncoder(
        scalp=1, trunk=Trunk(shape.widths, shape.depths, one_branch),
        neck=FpnNeck(position_encoding=position(d_model), d_model=d_model,
                     backbone_channel_list=list(shape.widths)[::-1], fpn_top_down_levels=[2, 3],
                     fpn_interp_model='nearest'))
    rope = dict(rope_theta=10000.0, feat_sizes=[grid, grid], embedding_dim=d_model, num_heads=1,
                downsample_rate=1, dropout=0.0)
    to_memory = dict(rope_k_repeat=True, kv_in_dim=shape.mem_dim, **rope)
    if shape.latents:
        model_class = type('SAM2', (LatentMemory, model_class), {})
        cross_attention = LatentRoPEAttention(global_latents=shape.latents[0], grid=shape.latents[1], **to_memory)
    else:
        cross_attention = RoPEAttention(**to_memory)
    layer = MemoryAttentionLayer(
        activation='relu', dim_feedforward=shape.feed_forward, dropout=0.0, pos_enc_at_attn=False,
        self_attention=RoPEAttention(**rope), d_model=d_model, pos_enc_at_cross_attn_keys=True,
        pos_enc_at_cross_attn_queries=False,
        cross_attention=cross_attention)
    memory_encoder = MemoryEncoder(
        out_dim=shape.mem_dim, in_dim=d_model, position_encoding=position(shape.mem_dim),
        mask_downsampler=MaskDownSampler(embed_dim=d_model, kernel_size=3, stride=2, padding=1),
        fuser=Fuser(CXBlock(dim=d_model, kernel_size=7, padding=3, layer_scale_init_value=0.1, use_dwconv=True),
                    num_layers=2))
    settings = dict(
        num_maskmem=shape.num_maskmem, image_size=size, sigmoid_scale_for_mem_enc=20.0,
        sigmoid_bias_for_mem_enc=-10.0, use_mask_input_as_output_without_sam=True,
        directly_add_no_mem_embed=True, no_obj_embed_spatial=True, use_high_res_features_in_sam=True,
        multimask_output_in_sam=True, iou_prediction_use_sigmoid=True, use_obj_ptrs_in_encoder=True,
        add_tpos_enc_to_obj_ptrs=True, proj_tpos_enc_in_obj_ptrs=True, use_signed_tpos_enc_to_obj_ptrs=True,
        only_obj_ptrs_in_the_past_for_eval=True, pred_obj_scores=True, pred_obj_scores_mlp=True,
        fixed_no_obj_ptr=True, multimask_output_for_tracking=True, use_multimask_token_for_obj_ptr=True,
        multimask_min_pt_num=0, multimask_max_pt_num=1, use_mlp_for_obj_ptr_proj=True)
    model = model_class(
        image_encoder=encoder,
        memory_attention=MemoryAttention(d_model=d_model, pos_enc_at_input=True, layer=layer,
                                         num_layers=shape.layers),
        memory_encoder=memory_encoder, **{**settings, **overrides})
    model.sam_mask_decoder.output_upscaling[4] = PlainGELU()
    for module in model.modules():
        if isinstance(module, LayerNorm2d):
            module.__class__ = PlainLayerNorm2d
    if shape.latents:
        model.spatial_perceiver = SpatialPerceiver(shape.mem_dim, *shape.latents)
    return model


def set_size(model, size):
    """Makes the model take size x size frames (the reference fixes one size at construction)."""
    grid, prompt = size // 16, model.sam_prompt_encoder
    model.image_size, model.sam_image_embedding_size = size, grid
    prompt.image_embedding_size = (grid, grid)
    prompt.input_image_size = (size, size)
    prompt.mask_input_size = (4 * grid, 4 * grid)


MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def normalised(images):
    """RGB uint8 [B, S, S, 3] -> float32 [B, 3, S, S], channels last."""
    mean, std = (torch.tensor(v, device=images.device).view(1, 3, 1, 1) for v in (MEAN, STD))
    return ((images.permute(0, 3, 1, 2).float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)
