// SPDX-License-Identifier: Apache-2.0
//
// The layers that the boxes of the figure are made of. Each is built from its
// own part of a checkpoint, member names being the checkpoint's keys, and is
// called like a function.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "checkpoint/weights.h"

namespace sam2 {

using at::Tensor;

enum class Activation { kRelu, kGelu };

Tensor Activate(Activation activation, const Tensor& x);

// torch.nn.Linear
struct Linear {
  Tensor weight;  // [out, in]
  Tensor bias;    // [out], or undefined

  Linear() = default;
  // -1: as many features as the checkpoint has.
  Linear(const Scope& w, int64_t in, int64_t out, bool with_bias = true);

  Tensor operator()(const Tensor& x) const;  // [..., in] -> [..., out]
  int64_t in() const { return weight.size(1); }
  int64_t out() const { return weight.size(0); }
};

// torch.nn.Conv2d with square kernels
struct Conv2d {
  Tensor weight;  // [out, in / groups, k, k]
  Tensor bias;    // [out]
  int64_t stride = 1, padding = 0, groups = 1;

  Conv2d() = default;
  Conv2d(const Scope& w, int64_t in, int64_t out, int64_t kernel, int64_t stride = 1,
         int64_t padding = 0, int64_t groups = 1);

  Tensor operator()(const Tensor& x) const;  // [B, in, H, W] -> [B, out, H', W']
};

// torch.nn.ConvTranspose2d with kernel 2 and stride 2
struct ConvTranspose2x2 {
  Tensor weight;  // [in, out, 2, 2]
  Tensor bias;    // [out]

  ConvTranspose2x2() = default;
  ConvTranspose2x2(const Scope& w, int64_t in, int64_t out);

  Tensor operator()(const Tensor& x) const;  // [B, in, H, W] -> [B, out, 2H, 2W]
};

// torch.nn.LayerNorm over the last axis
struct LayerNorm {
  Tensor weight, bias;  // [dim]
  double eps = 1e-5;

  LayerNorm() = default;
  LayerNorm(const Scope& w, int64_t dim, double eps);

  Tensor operator()(const Tensor& x) const;  // [..., dim] -> same
};

// LayerNorm over the channels of each pixel (sam2_utils.LayerNorm2d)
struct LayerNorm2d {
  LayerNorm norm;

  LayerNorm2d() = default;
  LayerNorm2d(const Scope& w, int64_t channels) : norm(w, channels, 1e-6) {}

  Tensor operator()(const Tensor& x) const;  // [B, C, H, W] -> same
};

// sam2_utils.MLP: linear layers with an activation between
struct Mlp {
  std::vector<Linear> layers;
  Activation activation = Activation::kRelu;

  Mlp() = default;
  // As many layers as the checkpoint has under `layers`; -1: any width.
  Mlp(const Scope& w, int64_t in, int64_t out, Activation activation = Activation::kRelu);

  Tensor operator()(const Tensor& x) const;  // [..., in] -> [..., out]
};

// Tokens of a feature map: [B, C, H, W] -> [B, H*W, C], and back.
Tensor ToTokens(const Tensor& map);
Tensor ToMap(const Tensor& tokens, int64_t height, int64_t width);

}  // namespace sam2
