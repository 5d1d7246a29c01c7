// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/layers.h"

namespace sam2 {

// softmax(q k^T * scale + bias) v, exactly, by the fastest way of the device.
// q: [..., Q, D], k: [..., K, D], v: [..., K, E] with E free to differ from D;
// bias: undefined, or added to every row of scores, [..., 1, K].
// scale: 1 / sqrt(D). Returns [..., Q, E].
Tensor ScaledDotProductAttention(const Tensor& q, const Tensor& k, const Tensor& v,
                                 const Tensor& bias = {});

// [B, N, C] -> [B, heads, N, C / heads]
Tensor SplitHeads(const Tensor& x, int64_t heads);

// transformer.Attention of SAM: projections to q, k, v, several heads, an
// inner width that may be smaller than the outer one.
struct Attention {
  Linear q_proj, k_proj, v_proj, out_proj;
  int64_t num_heads = 1;

  Attention() = default;
  Attention(const Scope& w, int64_t embedding_dim, int64_t num_heads);

  // q: [B, Q, C], k and v: [B, K, C]. Returns [B, Q, C].
  Tensor operator()(const Tensor& q, const Tensor& k, const Tensor& v) const;
};

}  // namespace sam2
