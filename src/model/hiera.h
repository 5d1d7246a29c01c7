// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "model/config.h"
#include "model/layers.h"

namespace sam2 {

// Hiera (Ryali et al., 2023), the trunk of the SAM 2 image encoder: a plain
// hierarchical vision transformer with windowed attention, a few global
// blocks, and query pooling between stages. Reference: hieradet.py.
class Hiera {
 public:
  Hiera(const Scope& w, const ModelConfig& config);

  // image: [B, 3, S, S] -> one map per stage, fine to coarse:
  // [B, C, S/4, S/4], [B, 2C, S/8, S/8], [B, 4C, S/16, S/16], [B, 8C, S/32, S/32].
  std::vector<Tensor> operator()(const Tensor& image) const;

 private:
  struct MultiScaleAttention {
    Linear qkv, proj;
    int64_t num_heads;
    // x: [B, H, W, C]; window_size: 0 for global attention; pool: queries are
    // max-pooled 2x2 -> [B, H/2, W/2, C'].
    Tensor operator()(const Tensor& x, int64_t window_size, bool pool) const;
    // In each of the windows by itself. x: [B, H, W, 3C'] -> [B, H', W', C'].
    Tensor Attend(const Tensor& x, bool pool) const;
  };
  struct MultiScaleBlock {
    LayerNorm norm1, norm2;
    MultiScaleAttention attn;
    Linear proj;  // undefined: the block keeps its width
    Mlp mlp;
    int64_t window_size;  // 0: global attention
    bool ends_stage;
    Tensor operator()(const Tensor& x) const;  // [B, H, W, C] -> [B, H', W', C']
  };

  Tensor PositionEmbedding(int64_t height, int64_t width) const;

  Conv2d patch_embed_;       // 7x7, stride 4
  Tensor pos_embed_;         // [1, C, h, w], background
  Tensor pos_embed_window_;  // [1, C, w0, w0]
  std::vector<MultiScaleBlock> blocks_;
};

}  // namespace sam2
