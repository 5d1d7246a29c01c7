// SPDX-License-Identifier: Apache-2.0
//
// The position encodings of the paper: sine tables for feature maps, random
// Fourier features for prompts, and a sine code for time.
#pragma once

#include "model/layers.h"

namespace sam2 {

// The fixed table of PositionEmbeddingSine(num_pos_feats, normalize=True,
// temperature=10000): y in the first half of the channels, x in the second.
// Returns [H*W, num_pos_feats] float32 on the device.
Tensor PositionEmbeddingSine(int64_t num_pos_feats, int64_t height, int64_t width,
                             at::Device device);

// get_1d_sine_pe(pos, dim): positions [...] -> [..., dim] float32.
Tensor SinePositions(const Tensor& pos, int64_t dim);

// PositionEmbeddingRandom: random spatial frequencies, kept in float32.
struct PositionEmbeddingRandom {
  Tensor positional_encoding_gaussian_matrix;  // [2, C/2]

  PositionEmbeddingRandom() = default;
  PositionEmbeddingRandom(const Scope& w, int64_t dim);

  // coords: [..., 2] as x, y in 0..1. Returns [..., C] float32.
  Tensor Encode(const Tensor& coords) const;
  // Of the pixel centres of a grid: [1, C, H, W] float32.
  Tensor Dense(int64_t height, int64_t width) const;
};

}  // namespace sam2
