// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "model/config.h"
#include "model/layers.h"
#include "model/two_way_transformer.h"

namespace sam2 {

// The image as the decoder wants it.
struct DecoderFeatures {
  Tensor image_embedding;  // [B or 1, C, h, w], stride 16
  Tensor feat_s0;          // [B or 1, C/8, 4h, 4w]: conv_s0 of pyramid level 0
  Tensor feat_s1;          // [B or 1, C/4, 2h, 2w]: conv_s1 of pyramid level 1
};

// All that the decoder finds, before any choice.
struct DecoderOutput {
  Tensor masks;                // [B, 4, 4h, 4w] logits: the single mask, then three
  Tensor ious;                 // [B, 4] predicted, 0..1
  Tensor mask_tokens;          // [B, 4, C]
  Tensor object_score_logits;  // [B, 1]
};

// Prompts and image to masks. Reference: mask_decoder.py with high-resolution
// features, sigmoid IoU and object scores.
class MaskDecoder {
 public:
  MaskDecoder(const Scope& w, int64_t transformer_dim, const ModelConfig& config);

  // image_pe: [1, C, h, w]; sparse: [B, T, C]; dense: [B or 1, C, h or 1, w or 1].
  DecoderOutput operator()(const DecoderFeatures& features, const Tensor& image_pe,
                           const Tensor& sparse, const Tensor& dense) const;

 private:
  // tokens: [B, h*w, C] -> [B, h*w*16, C/8]: the 16 pixels of each token lie
  // together, as 2x2 blocks of 2x2 blocks.
  Tensor Upscale(const Tensor& tokens, const DecoderFeatures& features) const;

  TwoWayTransformer transformer_;
  Tensor output_tokens_;  // [1, 6, C]: object score, IoU, four masks
  Linear upscaling0_, upscaling3_;  // each pixel to a 2x2 block
  LayerNorm upscaling1_;
  // The MLPs of the four mask tokens, one product for all: [4, in, out] and
  // [4, 1, out] for each layer.
  struct Hypernetworks {
    std::vector<Tensor> weights, biases;
    Tensor operator()(const Tensor& tokens) const;  // [B, 4, C] -> [B, 4, C/8]
  };
  static Hypernetworks LoadHypernetworks(const Scope& w, int64_t in, int64_t out);

  Hypernetworks output_hypernetworks_mlps_;
  Mlp iou_prediction_head_;
  Mlp pred_obj_score_head_;
};

// The choice that MaskDecoder.forward makes with multimask_output=False and
// dynamic_multimask_via_stability: the single mask, or where that is not
// stable the best of the three.
// Returns the chosen index 0..3 of each object: [B] int64.
Tensor DynamicMultimaskViaStability(const DecoderOutput& output);

// The index 1..3 of the mask with the best predicted IoU: [B] int64.
Tensor BestMultimask(const DecoderOutput& output);

// Rows x[b, index[b]] of x [B, 4, ...]: [B, ...].
Tensor SelectPerObject(const Tensor& x, const Tensor& index);

}  // namespace sam2
