// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>
#include <vector>

#include "model/attention.h"
#include "model/layers.h"

namespace sam2 {

// Prompt tokens attend to the image and the image to the tokens, twice.
// Reference: transformer.py, TwoWayTransformer.
class TwoWayTransformer {
 public:
  TwoWayTransformer(const Scope& w, int64_t embedding_dim, int64_t num_heads);

  // image: [B, HW, C]; image_pe: [1, HW, C]; tokens: [B, T, C].
  // Returns the tokens [B, T, C] and the image [B, HW, C] after it.
  std::pair<Tensor, Tensor> operator()(const Tensor& image, const Tensor& image_pe,
                                       const Tensor& tokens) const;

 private:
  struct Block {
    Attention self_attn, cross_attn_token_to_image, cross_attn_image_to_token;
    LayerNorm norm1, norm2, norm3, norm4;
    Mlp mlp;
    bool skip_first_layer_pe;
    void operator()(Tensor& queries, Tensor& keys, const Tensor& query_pe,
                    const Tensor& key_pe) const;
  };
  std::vector<Block> layers_;
  Attention final_attn_token_to_image_;
  LayerNorm norm_final_attn_;
};

}  // namespace sam2
