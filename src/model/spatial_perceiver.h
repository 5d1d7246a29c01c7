// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "model/config.h"
#include "model/layers.h"

namespace sam2 {

// EdgeTAM's 2D spatial perceiver (Zhou et al., 2025): compresses one memory map
// into a few global latents and a small grid of local ones. Reference:
// perceiver.py, PerceiverResampler.
class SpatialPerceiver {
 public:
  // feature_size: side of the maps.
  SpatialPerceiver(const Scope& w, int64_t dim, const ModelConfig& config, int64_t feature_size);

  // map: [N, dim, h, w]. Returns [N, num_latents + num_latents_2d, dim].
  Tensor operator()(const Tensor& map) const;

  // Position codes of the latents: [num_latents + num_latents_2d, dim] float32;
  // zero for the global ones.
  const Tensor& pos() const { return pos_; }
  int64_t grid_size() const { return grid_size_; }  // side of the local latents' grid

 private:
  struct LatentAttention {  // PerceiverAttention or Attention; keys from `input`
    LayerNorm norm_latents, norm_x;
    Linear to_q, to_kv, to_out;
    int64_t num_heads;
    // latents: [B, Q, dim], input: [B, K, dim], pos: undefined or [K, dim].
    Tensor operator()(const Tensor& latents, const Tensor& input, const Tensor& pos) const;
  };
  struct FeedForward {
    LayerNorm norm;
    Linear in, out;
    Tensor operator()(const Tensor& x) const;
  };
  struct Layer {
    LatentAttention attn;
    FeedForward ff;
    LatentAttention self_attn;
    FeedForward self_ff;
    Tensor operator()(const Tensor& latents, const Tensor& input, const Tensor& pos) const;
  };

  static LatentAttention LoadAttention(const Scope& w, int64_t dim, int64_t heads, bool self);
  static FeedForward LoadFeedForward(const Scope& w, int64_t dim);

  Tensor latents_;     // [1, num_latents, dim]
  Tensor latents_2d_;  // [num_latents_2d, 1, dim]
  std::vector<Layer> layers_;
  LayerNorm norm_;
  Tensor input_pos_;  // [h*w, dim]
  Tensor pos_;
  int64_t grid_size_;
};

}  // namespace sam2
