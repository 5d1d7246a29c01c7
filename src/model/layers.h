// SPDX-License-Identifier: Apache-2.0
//
// The layers that the boxes of the figure are made of. Each is built from its
// own part of a checkpoint, member names being the checkpoint's keys, and is
// called like a function.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "checkpoint/weights.h"
#include "model/activation.h"

namespace sam2 {

using at::Tensor;

Tensor Activate(Activation activation, const Tensor& x);

// torch.nn.Linear
class Linear {
 public:
  Linear() = default;
  // -1: as many features as the checkpoint has.
  Linear(const Scope& w, int64_t in, int64_t out, bool with_bias = true);
  // From weights that were computed: [out, in] and [out], placed.
  Linear(const Tensor& weight, const Tensor& bias);

  // [..., in] -> [..., out]
  Tensor operator()(const Tensor& x, Activation activation = Activation::kNone) const;
  // The same plus `residual`, [..., out].
  Tensor Add(const Tensor& x, const Tensor& residual) const;
  // The product alone, for callers that add bias() later.
  Tensor WithoutBias(const Tensor& x) const;

  const Tensor& bias() const { return bias_; }
  int64_t in() const { return weight_.size(1); }
  int64_t out() const { return weight_.size(0); }
  bool defined() const { return weight_.defined(); }

 private:
  Tensor weight_;  // [out, in], packed where that is faster
  Tensor bias_;    // [out], or undefined
  bool packed_ = false;
};

// torch.nn.Conv2d with square kernels
class Conv2d {
 public:
  struct Shape {
    int64_t stride = 1, padding = 0, groups = 1;
    int64_t side = 0;  // of the maps it will see, if known: weights are packed for them
  };

  Conv2d() = default;
  // -1: as many channels as the checkpoint has.
  Conv2d(const Scope& w, int64_t in, int64_t out, int64_t kernel, Shape shape = {1, 0, 1, 0});
  // From weights that were computed: [out, in / groups, k, k] and [out], placed.
  Conv2d(const Tensor& weight, const Tensor& bias, Shape shape);

  // [B, in, H, W] -> [B, out, H', W']
  Tensor operator()(const Tensor& x, Activation activation = Activation::kNone) const;
  // The same added to `sum` [B, out, H', W'] in place. Returns it.
  Tensor AddTo(Tensor sum, const Tensor& x) const;

  int64_t out() const { return weight_.size(0); }
  bool defined() const { return weight_.defined(); }

 private:
  Tensor weight_;  // [out, in / groups, k, k], packed where that is faster
  Tensor bias_;    // [out]
  Shape shape_;
  bool packed_ = false;
};

// torch.nn.ConvTranspose2d with kernel 2 and stride 2 as a linear layer. Its
// output pixels do not overlap: each input pixel makes a 2x2 block of its own,
// [..., in] -> [..., 4 * out], the block's pixels row by row.
Linear LoadConvTranspose2x2(const Scope& w, int64_t in, int64_t out);

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
  // The same with GELU after it; may be in the place of x.
  Tensor Gelu(Tensor x) const;
};

// sam2_utils.MLP: linear layers with an activation between
struct Mlp {
  std::vector<Linear> layers;
  Activation activation = Activation::kRelu;

  Mlp() = default;
  // count: of layers; the widths between are those of the checkpoint.
  Mlp(const Scope& w, int64_t in, int64_t out, int64_t count,
      Activation activation = Activation::kRelu);

  Tensor operator()(const Tensor& x) const;  // [..., in] -> [..., out]
  // The same plus `residual`, [..., out].
  Tensor Add(const Tensor& x, const Tensor& residual) const;

 private:
  Tensor Hidden(const Tensor& x) const;  // all but the last layer
};

// Tokens of a feature map: [B, C, H, W] -> [B, H*W, C], and back.
Tensor ToTokens(const Tensor& map);
Tensor ToMap(const Tensor& tokens, int64_t height, int64_t width);

}  // namespace sam2
