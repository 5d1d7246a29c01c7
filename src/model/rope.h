// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/layers.h"

namespace sam2 {

// Axial rotary position encoding over a feature map (position_encoding.py:
// compute_axial_cis, apply_rotary_enc): the first half of the channel pairs is
// rotated by the column, the second half by the row.
//
// The reference rotates channels 2i and 2i + 1 as one complex number. Here the
// real parts come first and the imaginary parts after them, which vector code
// likes better; SplitPairs brings projection weights into that order. Scores
// do not change, as queries and keys are permuted alike.
struct AxialRope {
  Tensor cos, sin;  // [H*W, dim]; sin negative in the first half

  AxialRope() = default;
  // dtype: of the tensors to be rotated.
  AxialRope(int64_t dim, int64_t height, int64_t width, at::ScalarType dtype,
            at::Device device);

  int64_t tokens() const { return cos.size(0); }

  // Rotates x, [B, T, dim] or [B, M, T, dim], in place, each map alike: the T tokens from
  // `first` on, in the order of the map. Returns it.
  Tensor Rotate(Tensor x, int64_t first = 0) const;

  // Rows of a projection's weight or bias [dim, ...] in the order of this class.
  static Tensor SplitPairs(const Tensor& rows);
};

}  // namespace sam2
