// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <variant>
#include <vector>

#include "model/hiera.h"
#include "model/layers.h"
#include "model/repvit.h"

namespace sam2 {

// The image encoder: trunk, then the feature pyramid neck. Reference:
// image_encoder.py, ImageEncoder(scalp=1) and FpnNeck(fpn_top_down_levels=[2, 3],
// fpn_interp_model="nearest"), then SAM2Base.forward_image.
//
// Pyramid levels 0 and 1 only ever feed the decoder's conv_s0 and conv_s1, with
// nothing between: each pair of 1x1 convolutions is one here.
class ImageEncoder {
 public:
  // decoder: sam_mask_decoder of the checkpoint; image_size: side of the
  // network's input.
  ImageEncoder(const Scope& w, const Scope& decoder, const ModelConfig& config,
               int64_t image_size);

  // image: [B, 3, S, S] in the model's precision.
  // Returns the three finer pyramid levels, the first two after conv_s0 and
  // conv_s1: [B, C/8, S/4, S/4], [B, C/4, S/8, S/8], [B, C, S/16, S/16].
  std::vector<Tensor> operator()(const Tensor& image) const;

  // The trunk's maps alone, one per stage, fine to coarse.
  std::vector<Tensor> Trunk(const Tensor& image) const;
  std::vector<Tensor> Neck(const std::vector<Tensor>& maps) const;

  int64_t d_model() const { return convs_[0].out(); }

 private:
  std::variant<Hiera, RepVit> trunk_;
  std::vector<Conv2d> convs_;  // 1x1, one per level, coarse to fine, the last two folded
};

}  // namespace sam2
