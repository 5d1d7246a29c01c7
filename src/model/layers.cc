// SPDX-License-Identifier: Apache-2.0
#include "model/layers.h"

#include <ATen/ATen.h>

#include "model/onednn.h"
#include "model/row_kernels.h"

namespace sam2 {
namespace {

// Whether a sum of both needs no broadcasting, but for their last axes.
bool SameSizes(const Tensor& x, const Tensor& y) {
  return x.sizes().slice(0, x.dim() - 1) == y.sizes().slice(0, y.dim() - 1);
}

}  // namespace

Tensor Activate(Activation activation, const Tensor& x) {
  switch (activation) {
    case Activation::kRelu: return at::relu(x);
    case Activation::kGelu: return at::gelu(x);
    case Activation::kNone: break;
  }
  return x;
}

Linear::Linear(const Scope& w, int64_t in, int64_t out, bool with_bias) {
  const Tensor weight = w.Param("weight", {out, in});
  *this = Linear(weight, with_bias ? w.Param("bias", {weight.size(0)}) : Tensor());
}

Linear::Linear(const Tensor& weight, const Tensor& bias)
    : weight_(weight), bias_(bias), packed_(onednn::CanPack(weight)) {
  if (packed_) weight_ = onednn::PackLinear(weight);
}

Tensor Linear::operator()(const Tensor& x, Activation activation) const {
  if (packed_) return onednn::Linear(x, weight_, bias_, activation, {});
  return Activate(activation, at::linear(x, weight_, bias_));
}

Tensor Linear::Add(const Tensor& x, const Tensor& residual) const {
  if (packed_ && SameSizes(x, residual)) {
    return onednn::Linear(x, weight_, bias_, Activation::kNone, residual);
  }
  return residual + (*this)(x);
}

Tensor Linear::WithoutBias(const Tensor& x) const {
  return packed_ ? onednn::Linear(x, weight_, {}, Activation::kNone, {}) : at::linear(x, weight_);
}

Conv2d::Conv2d(const Scope& w, int64_t in, int64_t out, int64_t kernel, Shape shape) {
  const Tensor weight =
      w.Param("weight", {out, in == -1 ? -1 : in / shape.groups, kernel, kernel});
  *this = Conv2d(weight, w.Param("bias", {weight.size(0)}), shape);
}

Conv2d::Conv2d(const Tensor& weight, const Tensor& bias, Shape shape)
    : bias_(bias), shape_(shape), packed_(shape.side > 0 && onednn::CanPack(weight)) {
  weight_ = packed_ ? onednn::PackConv(weight, shape.padding, shape.stride, shape.groups,
                                       shape.side)
                    : weight.contiguous(at::MemoryFormat::ChannelsLast);
}

Tensor Conv2d::operator()(const Tensor& x, Activation activation) const {
  if (packed_) {
    return onednn::Conv(x, weight_, bias_, shape_.padding, shape_.stride, shape_.groups,
                        activation);
  }
  return Activate(activation, at::conv2d(x, weight_, bias_, shape_.stride, shape_.padding,
                                         /*dilation=*/1, shape_.groups));
}

Tensor Conv2d::AddTo(Tensor sum, const Tensor& x) const {
  if (packed_) {
    return onednn::AddConv(sum, x, weight_, bias_, shape_.padding, shape_.stride, shape_.groups);
  }
  return sum.add_((*this)(x));
}

Linear LoadConvTranspose2x2(const Scope& w, int64_t in, int64_t out) {
  const Tensor weight = w.Param("weight", {in, out, 2, 2});
  return Linear(weight.permute({2, 3, 1, 0}).reshape({4 * out, in}),
                w.Param("bias", {out}).repeat({4}));
}

LayerNorm::LayerNorm(const Scope& w, int64_t dim, double eps)
    : weight(w.Param("weight", {dim})), bias(w.Param("bias", {dim})), eps(eps) {}

Tensor LayerNorm::operator()(const Tensor& x) const {
  return at::layer_norm(x, weight.sizes(), weight, bias, eps);
}

Tensor LayerNorm2d::operator()(const Tensor& x) const {
  // A few channels make rows too short for the layer norm over the last axis:
  // there each step runs over all pixels at once.
  if (x.size(1) > 16) return norm(x.permute({0, 2, 3, 1})).permute({0, 3, 1, 2});
  const Tensor values = x.to(at::kFloat, false, false, at::MemoryFormat::Contiguous);
  const Tensor centred = values - values.mean(1, /*keepdim=*/true);
  const Tensor scale = at::rsqrt(centred.square().mean(1, /*keepdim=*/true) + norm.eps);
  return at::addcmul(norm.bias.view({-1, 1, 1}), centred * scale, norm.weight.view({-1, 1, 1}))
      .to(x.scalar_type());
}

Tensor LayerNorm2d::Gelu(Tensor x) const {
  if (!rows::Know(x)) return at::gelu((*this)(x));
  const Tensor pixels = x.permute({0, 2, 3, 1}).contiguous();
  rows::NormGelu(pixels, norm.weight, norm.bias, norm.eps);
  return pixels.permute({0, 3, 1, 2});
}

Mlp::Mlp(const Scope& w, int64_t in, int64_t out, int64_t count, Activation activation)
    : activation(activation) {
  for (int64_t i = 0; i < count; ++i) {
    layers.emplace_back(w["layers"][i], i == 0 ? in : layers.back().out(),
                        i == count - 1 ? out : -1);
  }
}

Tensor Mlp::Hidden(const Tensor& x) const {
  Tensor y = x;
  for (size_t i = 0; i + 1 < layers.size(); ++i) y = layers[i](y, activation);
  return y;
}

Tensor Mlp::operator()(const Tensor& x) const { return layers.back()(Hidden(x)); }

Tensor Mlp::Add(const Tensor& x, const Tensor& residual) const {
  return layers.back().Add(Hidden(x), residual);
}

Tensor ToTokens(const Tensor& map) { return map.flatten(2).transpose(1, 2); }

Tensor ToMap(const Tensor& tokens, int64_t height, int64_t width) {
  return tokens.transpose(1, 2).unflatten(2, {height, width});
}

}  // namespace sam2
