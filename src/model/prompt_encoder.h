// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/layers.h"
#include "model/position_encoding.h"

namespace sam2 {

// What a point stands for; the reference's labels.
inline constexpr int64_t kPaddingPoint = -1, kNegativePoint = 0, kPositivePoint = 1,
                         kBoxCornerTopLeft = 2, kBoxCornerBottomRight = 3;

// Clicks, boxes (as two points) and masks become tokens and a map.
// Reference: prompt_encoder.py.
class PromptEncoder {
 public:
  // image_size: side of the network's input, pixels.
  PromptEncoder(const Scope& w, int64_t embed_dim, int64_t image_size);

  // coords: [B, P, 2] float32, x and y in pixels of the network's input;
  // labels: [B, P] int64. Returns [B, P + 1, C]: a padding point is added, as
  // the reference does when no separate box is given.
  Tensor EmbedPoints(const Tensor& coords, const Tensor& labels) const;

  // The tokens of an image on which nothing was clicked: two padding points,
  // [1, 2, C].
  const Tensor& no_points_embed() const { return no_points_embed_; }

  // masks: [B, 1, S/4, S/4] logits. Returns [B, C, S/16, S/16].
  Tensor EmbedMasks(const Tensor& masks) const;
  // The map that says "no mask": [1, C, 1, 1].
  const Tensor& no_mask_embed() const { return no_mask_embed_; }

  // Position encoding of the image embedding: [1, C, S/16, S/16].
  const Tensor& dense_pe() const { return dense_pe_; }

 private:
  int64_t image_size_;
  PositionEmbeddingRandom pe_layer_;
  Tensor point_embeddings_;   // [4, C] float32, by label
  Tensor not_a_point_embed_;  // [1, C] float32
  Tensor no_points_embed_, no_mask_embed_;
  Conv2d mask_conv0_, mask_conv3_, mask_conv6_;
  LayerNorm2d mask_norm1_, mask_norm4_;
  Tensor dense_pe_;
  at::ScalarType dtype_;
};

}  // namespace sam2
