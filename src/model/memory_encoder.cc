// SPDX-License-Identifier: Apache-2.0
#include "model/memory_encoder.h"

#include <ATen/ATen.h>

namespace sam2 {
namespace {

// A linear layer whose outputs are multiplied by `scale` [out].
Linear LoadScaled(const Scope& w, const Tensor& scale, int64_t in) {
  const int64_t out = scale.size(0);
  return Linear(w.weights().Place(w.Raw("weight", {out, in}) * scale.unsqueeze(1)),
                w.weights().Place(w.Raw("bias", {out}) * scale));
}

}  // namespace

MemoryEncoder::MemoryEncoder(const Scope& w, int64_t in_dim, const ModelConfig& config,
                             int64_t image_size)
    : mem_dim_(in_dim) {
  const Scope encoder = w["mask_downsampler"]["encoder"];
  // Conv, norm and GELU in turn, four times; then a 1x1 convolution.
  int64_t channels = 1, side = image_size;
  for (int i = 0; i < 12; i += 3) {
    mask_downsampler_.push_back({Conv2d(encoder[i], channels, 4 * channels, 3,
                                        {.stride = 2, .padding = 1, .side = side}),
                                 LayerNorm2d(encoder[i + 1], 4 * channels)});
    channels *= 4;
    side /= 2;
  }
  mask_proj_ = Conv2d(encoder[12], channels, in_dim, 1, {.side = side});
  pix_feat_proj_ = Conv2d(w["pix_feat_proj"], in_dim, in_dim, 1, {.side = side});
  for (const Scope& layer : w["fuser"]["layers"].List("gamma", config.fuser_layers)) {
    const Linear pwconv1(layer["pwconv1"], in_dim, -1);
    fuser_.push_back({
        .dwconv = Conv2d(layer["dwconv"], in_dim, in_dim, 7, {.padding = 3, .groups = in_dim, .side = side}),
        .norm = LayerNorm(layer["norm"], in_dim, 1e-6),
        .pwconv1 = pwconv1,
        .pwconv2 = LoadScaled(layer["pwconv2"], layer.Raw("gamma", {in_dim}), pwconv1.out()),
    });
  }
  if (w.Has("out_proj.weight")) {
    out_proj_ = Conv2d(w["out_proj"], in_dim, -1, 1, {.side = side});
    mem_dim_ = out_proj_.out();
    // Pointers become tokens of this width; sines and cosines of x and y share it.
    if (in_dim % mem_dim_ != 0 || mem_dim_ % 4 != 0) {
      w.Fail("out_proj.weight", "has a width of " + std::to_string(mem_dim_) +
                                    "; it must be a multiple of 4 that divides " +
                                    std::to_string(in_dim));
    }
  }
}

Tensor MemoryEncoder::operator()(const Tensor& pix_feat, const Tensor& masks) const {
  Tensor x = DownSampleMask(masks) + pix_feat_proj_(pix_feat);
  for (const CxBlock& block : fuser_) x = block(x);
  return out_proj_.defined() ? out_proj_(x) : x;
}

Tensor MemoryEncoder::DownSampleMask(const Tensor& masks) const {
  Tensor x = masks;
  for (const DownSample& step : mask_downsampler_) x = step.norm.Gelu(step.conv(x));
  return mask_proj_(x);
}

Tensor MemoryEncoder::CxBlock::operator()(const Tensor& x) const {
  const Tensor y = norm(dwconv(x).permute({0, 2, 3, 1}));
  return pwconv2.Add(pwconv1(y, Activation::kGelu), x.permute({0, 2, 3, 1}))
      .permute({0, 3, 1, 2});
}

}  // namespace sam2
