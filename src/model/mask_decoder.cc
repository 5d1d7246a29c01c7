// SPDX-License-Identifier: Apache-2.0
#include "model/mask_decoder.h"

#include <ATen/ATen.h>

namespace sam2 {
namespace {

constexpr int kNumMaskTokens = 4;
constexpr double kStabilityDelta = 0.05, kStabilityThresh = 0.98;

// Pixels of a map with a quarter, or half, of the tokens' stride in the order of
// MaskDecoder::Upscale: [B, C, 4h, 4w] -> [B, h*w*16, C].
Tensor ToBlocks4x4(const Tensor& map) {
  return map.permute({0, 2, 3, 1})
      .unflatten(2, {-1, 2, 2})
      .unflatten(1, {-1, 2, 2})
      .permute({0, 1, 4, 2, 5, 3, 6, 7})
      .reshape({map.size(0), -1, map.size(1)});
}

// [B, C, 2h, 2w] -> [B, h*w*4, C]
Tensor ToBlocks2x2(const Tensor& map) {
  return map.permute({0, 2, 3, 1})
      .unflatten(2, {-1, 2})
      .unflatten(1, {-1, 2})
      .transpose(2, 3)
      .reshape({map.size(0), -1, map.size(1)});
}

// Planes in that order, [B, K, h*w*16] -> [B, K, 4h, 4w].
Tensor FromBlocks(const Tensor& planes, int64_t h, int64_t w) {
  return planes.view({planes.size(0), planes.size(1), h, w, 2, 2, 2, 2})
      .permute({0, 1, 2, 4, 6, 3, 5, 7})
      .reshape({planes.size(0), planes.size(1), 4 * h, 4 * w});
}

}  // namespace

MaskDecoder::MaskDecoder(const Scope& w, int64_t transformer_dim, const ModelConfig& config)
    : transformer_(w["transformer"], transformer_dim, config.decoder_heads),
      output_tokens_(at::cat({w.Param("obj_score_token.weight", {1, transformer_dim}),
                              w.Param("iou_token.weight", {1, transformer_dim}),
                              w.Param("mask_tokens.weight", {kNumMaskTokens, transformer_dim})})
                         .unsqueeze(0)),
      upscaling0_(LoadConvTranspose2x2(w["output_upscaling"][0], transformer_dim,
                                       transformer_dim / 4)),
      upscaling3_(LoadConvTranspose2x2(w["output_upscaling"][3], transformer_dim / 4,
                                       transformer_dim / 8)),
      upscaling1_(w["output_upscaling"][1], transformer_dim / 4, 1e-6),
      output_hypernetworks_mlps_(
          LoadHypernetworks(w["output_hypernetworks_mlps"], transformer_dim, transformer_dim / 8)),
      iou_prediction_head_(w["iou_prediction_head"], transformer_dim, kNumMaskTokens,
                           /*count=*/3),
      pred_obj_score_head_(w["pred_obj_score_head"], transformer_dim, 1, /*count=*/3) {}

MaskDecoder::Hypernetworks MaskDecoder::LoadHypernetworks(const Scope& w, int64_t in,
                                                          int64_t out) {
  constexpr int kLayers = 3;
  Hypernetworks nets;
  for (int layer = 0; layer < kLayers; ++layer) {
    std::vector<Tensor> weights, biases;
    const int64_t width = layer == kLayers - 1 ? out : in;
    for (int i = 0; i < kNumMaskTokens; ++i) {
      const Scope linear = w[i]["layers"][layer];
      weights.push_back(linear.Param("weight", {width, in}).t());
      biases.push_back(linear.Param("bias", {width}).unsqueeze(0));
    }
    nets.weights.push_back(at::stack(weights));
    nets.biases.push_back(at::stack(biases));
  }
  return nets;
}

Tensor MaskDecoder::Hypernetworks::operator()(const Tensor& tokens) const {
  Tensor x = tokens.transpose(0, 1);
  for (size_t i = 0; i < weights.size(); ++i) {
    x = at::baddbmm(biases[i], x, weights[i]);
    if (i + 1 < weights.size()) x = at::relu(x);
  }
  return x.transpose(0, 1);
}

DecoderOutput MaskDecoder::operator()(const DecoderFeatures& features, const Tensor& image_pe,
                                      const Tensor& sparse, const Tensor& dense) const {
  const int64_t B = sparse.size(0);
  const Tensor tokens = at::cat({output_tokens_.expand({B, -1, -1}), sparse}, 1);
  const Tensor src = features.image_embedding + dense;
  const int64_t h = src.size(2), w = src.size(3);

  auto [hs, image] =
      transformer_(ToTokens(src).expand({B, -1, -1}), ToTokens(image_pe), tokens);
  const Tensor mask_tokens = hs.slice(1, 2, 2 + kNumMaskTokens);

  const Tensor masks = at::matmul(output_hypernetworks_mlps_(mask_tokens),
                                  Upscale(image, features).transpose(1, 2));
  return {.masks = FromBlocks(masks.to(at::kFloat), h, w),
          .ious = iou_prediction_head_(hs.select(1, 1)).to(at::kFloat).sigmoid(),
          .mask_tokens = mask_tokens,
          .object_score_logits = pred_obj_score_head_(hs.select(1, 0)).to(at::kFloat)};
}

Tensor MaskDecoder::Upscale(const Tensor& tokens, const DecoderFeatures& features) const {
  const auto blocks_of = [](const Tensor& x, int64_t channels) {
    return x.view({x.size(0), -1, channels});
  };
  const Tensor x = blocks_of(upscaling0_(tokens), upscaling0_.out() / 4) +
                   ToBlocks2x2(features.feat_s1);
  const Tensor y = blocks_of(upscaling3_(at::gelu(upscaling1_(x))), upscaling3_.out() / 4) +
                   ToBlocks4x4(features.feat_s0);
  return at::gelu(y);
}

Tensor BestMultimask(const DecoderOutput& output) {
  return output.ious.slice(1, 1).argmax(1) + 1;
}

Tensor DynamicMultimaskViaStability(const DecoderOutput& output) {
  const Tensor single = output.masks.select(1, 0).flatten(1);
  const Tensor inner = (single > kStabilityDelta).sum(1).to(at::kFloat);
  const Tensor outer = (single > -kStabilityDelta).sum(1).to(at::kFloat);
  const Tensor stable = at::logical_or(outer == 0, inner / outer >= kStabilityThresh);
  return at::where(stable, at::zeros_like(stable, at::kLong), BestMultimask(output));
}

Tensor SelectPerObject(const Tensor& x, const Tensor& index) {
  return x.index({at::arange(x.size(0), index.options()), index});
}

}  // namespace sam2
