# SPDX-License-Identifier: Apache-2.0
"""Memory as EdgeTAM keeps it (Zhou et al., "EdgeTAM", 2025): each frame's map of H/16 x W/16 tokens is compressed
into a few latents that look at the whole map and a coarse grid of latents that look at their own window.

Names and order of operations are those of src/model/spatial_perceiver.cc and src/model/memory_attention.cc."""
import torch
from sam2.modeling.position_encoding import PositionEmbeddingSine, apply_rotary_enc
from sam2.modeling.sam import transformer
from sam2.modeling.sam.transformer import RoPEAttention
from torch import nn

LAYERS = 2


class LatentAttention(nn.Module):
    """Latents [B, Q, C] attend to an input [B, K, C], or to themselves."""

    def __init__(self, dim, own):
        super().__init__()
        if own:
            self.norm = nn.LayerNorm(dim)
        else:
            self.norm_latents, self.norm_x = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.to_q, self.to_kv = nn.Linear(dim, dim, bias=False), nn.Linear(dim, 2 * dim, bias=False)
        self.to_out = nn.Linear(dim, dim, bias=False)

    def forward(self, latents, source=None, position=0):
        if source is None:
            latents = source = self.norm(latents)
        else:
            latents, source = self.norm_latents(latents), self.norm_x(source)
        key, value = (part + position for part in self.to_kv(source).chunk(2, -1))
        return self.to_out(transformer.F.scaled_dot_product_attention(self.to_q(latents), key, value))


def feed_forward(dim):
    return nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 4 * dim, bias=False), nn.GELU(),
                         nn.Linear(4 * dim, dim, bias=False))


class Layer(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.attn, self.ff = LatentAttention(dim, own=False), feed_forward(dim)
        self.self_attn, self.self_ff = LatentAttention(dim, own=True), feed_forward(dim)

    def forward(self, latents, source, position=0):
        latents = self.attn(latents, source, position) + latents
        latents = self.ff(latents) + latents
        latents = self.self_attn(latents) + latents
        return self.self_ff(latents) + latents


class SpatialPerceiver(nn.Module):
    """[N, C, H, W] -> (latents, position codes), both [N, C, global_latents + grid * grid, 1]."""

    def __init__(self, dim, global_latents, grid):
        super().__init__()
        self.grid = grid
        self.latents = nn.Parameter(torch.randn(global_latents, dim))
        self.latents_2d = nn.Parameter(torch.randn(grid * grid, dim))
        self.layers = nn.ModuleList(Layer(dim) for _ in range(LAYERS))
        self.norm = nn.LayerNorm(dim)
        self.position = PositionEmbeddingSine(num_pos_feats=dim, normalize=True, scale=None, temperature=10000)

    def forward(self, maps):
        count, dim, height, _ = maps.shape
        side = height // self.grid
        tokens = maps.flatten(2).transpose(1, 2)
        where = self.position(maps[:1]).flatten(2).transpose(1, 2)
        wide = self.latents.expand(count, -1, -1)
        windows = maps.unflatten(3, (self.grid, side)).unflatten(2, (self.grid, side))       # [N, C, g, s, g, s]
        windows = windows.permute(0, 2, 4, 3, 5, 1).reshape(-1, side * side, dim)
        local = self.latents_2d[:, None].repeat(count, 1, 1)
        for layer in self.layers:
            wide = layer(wide, tokens, where)
        for layer in self.layers:
            local = layer(local, windows)
        latents = self.norm(torch.cat([wide, local.view(count, -1, dim)], 1))
        grid = self.position(maps.new_zeros(1, 1, self.grid, self.grid)).flatten(2)          # [1, C, g * g]
        codes = torch.cat([grid.new_zeros(1, dim, wide.shape[1]), grid], 2).expand(count, -1, -1)
        return latents.transpose(1, 2)[..., None], codes[..., None]


class LatentMemory:
    """Before SAM2Base in a class's bases: memories are latents."""

    def _encode_new_memory(self, *arguments, **names):
        features, _ = super()._encode_new_memory(*arguments, **names)
        latents, codes = self.spatial_perceiver(features)
        return latents, [codes]


class LatentRoPEAttention(RoPEAttention):
    """Cross-attention to the latents of several frames, then object pointers: of the keys only grid latents turn."""

    def __init__(self, *arguments, global_latents, grid, **settings):
        super().__init__(*arguments, **settings)
        self.global_latents, self.grid = global_latents, grid

    def forward(self, q, k, v, num_k_exclude_rope=0):
        q, k, v = (self._separate_heads(layer(x), self.num_heads)
                   for layer, x in ((self.q_proj, q), (self.k_proj, k), (self.v_proj, v)))
        frames, pointers = k.split([k.shape[2] - num_k_exclude_rope, num_k_exclude_rope], 2)
        frames = frames.unflatten(2, (-1, self.global_latents + self.grid ** 2))
        wide, local = frames.split([self.global_latents, self.grid ** 2], 3)
        local = self.turned(local.flatten(1, 2), self.grid).unflatten(1, wide.shape[1:3])
        k = torch.cat([torch.cat([wide, local], 3).flatten(2, 3), pointers], 2)
        q = self.turned(q, round(q.shape[2] ** 0.5))
        return self.out_proj(self._recombine_heads(transformer.F.scaled_dot_product_attention(q, k, v)))

    def turned(self, x, side):
        """[B, n, side * side, C] by its place in the grid."""
        return apply_rotary_enc(x, x[:, :, :0], self.compute_cis(end_x=side, end_y=side).to(x.device))[0]
