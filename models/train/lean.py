# SPDX-License-Identifier: Apache-2.0
"""The same sums as the reference's and timm's modules in fewer or faster operations on a CPU: what makes training steps
cheaper and changes no result but by rounding."""
import torch
import torch.nn.functional as F
from sam2.modeling.sam import transformer
from sam2.modeling.sam2_utils import LayerNorm2d
from timm.models.repvit import ConvNorm
from torch import nn

FEW_CHANNELS, FEW_KEYS = 16, 32


class SlicedConv2d(nn.Conv2d):
    """A depthwise convolution of stride 2 as every other place of one of stride 1, whose backward is twice as fast."""

    def _conv_forward(self, x, weight, bias):
        return F.conv2d(x, weight, bias, 1, self.padding, 1, self.groups)[:, :, ::2, ::2]


class PlainLayerNorm2d(LayerNorm2d):
    """The reference's, by torch's kernel, which takes a third of the time but for maps of few channels."""

    def forward(self, x):
        if len(self.weight) < FEW_CHANNELS:
            return super().forward(x)
        return F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias,
                            self.eps).permute(0, 3, 1, 2)


class FoldedConvNorm(ConvNorm):
    """timm's convolution and BatchNorm, as one convolution where the norm goes by its averaged statistics."""

    def forward(self, x):
        if self.bn.training:
            return super().forward(x)
        scale = self.bn.weight * (self.bn.running_var + self.bn.eps).rsqrt()
        bias = self.bn.bias - self.bn.running_mean * scale
        return self.c._conv_forward(x, self.c.weight * scale.view(-1, 1, 1, 1), bias)


class PlainGELU(nn.GELU):
    """On maps laid out as the gradients that reach it: over unlike layouts its backward takes eight times as long."""

    def forward(self, x):
        return super().forward(x.contiguous())


class PlainAttention:
    """Stands in for `torch.nn.functional` in the reference's transformer: on CPU softmax(q k') v in plain
    bf16 steps is nearly twice as fast, forward and backward, as the fused kernel; of few keys, along which softmax is
    slow, the transpose is four times as fast again."""

    def __getattr__(self, name):
        return getattr(F, name)

    @staticmethod
    def scaled_dot_product_attention(q, k, v, dropout_p=0.0, **_):
        q = q * q.shape[-1] ** -0.5
        if k.shape[-2] < FEW_KEYS < q.shape[-2]:
            return (k @ q.transpose(-1, -2)).softmax(-2).transpose(-1, -2) @ v
        return (q @ k.transpose(-1, -2)).softmax(-1) @ v


def use_plain_attention():
    transformer.F = PlainAttention()


def _both(first, second, x):
    """second(first(x)) of two 1x1 convolutions as one."""
    weight = second.weight.flatten(1) @ first.weight.flatten(1)
    bias = second.weight.flatten(1) @ first.bias + second.bias
    return F.conv2d(x, weight[:, :, None, None], bias)


def encode(model, pixels):
    """Normalised pixels [B, 3, S, S] -> high-resolution features of the mask decoder (strides 4 and 8) and the
    embedding [B, C, S/16, S/16], as SAM2Base.forward_image. The neck's position codes are of no use here, and nothing
    but the mask decoder sees its two finest maps."""
    maps, decoder = model.image_encoder.trunk(pixels), model.sam_mask_decoder
    coarsest, coarse, *finer = (level.conv for level in model.image_encoder.neck.convs)
    fine = [_both(lateral, last, x) for lateral, last, x
            in zip(reversed(finer), (decoder.conv_s0, decoder.conv_s1), maps)]
    return fine, coarse(maps[2]) + F.interpolate(coarsest(maps[3]), scale_factor=2, mode='nearest')
