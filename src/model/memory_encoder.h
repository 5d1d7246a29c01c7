// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "model/config.h"
#include "model/layers.h"

namespace sam2 {

// Fuses a frame's features with an object's mask into a memory of the object.
// Reference: memory_encoder.py (MaskDownSampler, Fuser of CXBlocks).
class MemoryEncoder {
 public:
  // image_size: side of the network's input and of the masks.
  MemoryEncoder(const Scope& w, int64_t in_dim, const ModelConfig& config, int64_t image_size);

  // pix_feat: [1, C, h, w]; masks: [N, 1, 16h, 16w], scaled probabilities.
  // Returns [N, mem_dim, h, w].
  Tensor operator()(const Tensor& pix_feat, const Tensor& masks) const;

  int64_t mem_dim() const { return mem_dim_; }

 private:
  struct CxBlock {  // ConvNeXt
    Conv2d dwconv;
    LayerNorm norm;
    Linear pwconv1, pwconv2;  // the latter with the layer scale gamma in it
    Tensor operator()(const Tensor& x) const;  // [B, C, h, w]
  };
  struct DownSample {  // halves the mask's side
    Conv2d conv;
    LayerNorm2d norm;
  };

  Tensor DownSampleMask(const Tensor& masks) const;

  std::vector<DownSample> mask_downsampler_;
  Conv2d mask_proj_;  // the last layer of mask_downsampler.encoder
  Conv2d pix_feat_proj_;
  std::vector<CxBlock> fuser_;
  Conv2d out_proj_;  // undefined: identity
  int64_t mem_dim_;
};

}  // namespace sam2
