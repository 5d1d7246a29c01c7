// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/layers.h"

namespace sam2 {

// Axial rotary position encoding over a feature map (position_encoding.py:
// compute_axial_cis, apply_rotary_enc): the first half of the channel pairs is
// rotated by the column, the second half by the row.
struct AxialRope {
  Tensor freqs_cis;  // [H*W, dim/2] complex64

  AxialRope() = default;
  AxialRope(int64_t dim, int64_t height, int64_t width, at::Device device);

  int64_t tokens() const { return freqs_cis.size(0); }

  // x: [B, r * H*W, dim]: r maps one after the other, each rotated alike.
  // Returns the same shape and type.
  Tensor Rotate(const Tensor& x) const;
};

}  // namespace sam2
