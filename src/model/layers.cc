// SPDX-License-Identifier: Apache-2.0
#include "model/layers.h"

#include <ATen/ATen.h>

namespace sam2 {

Tensor Activate(Activation activation, const Tensor& x) {
  return activation == Activation::kRelu ? at::relu(x) : at::gelu(x);
}

Linear::Linear(const Scope& w, int64_t in, int64_t out, bool with_bias)
    : weight(w.Param("weight", {out, in})) {
  if (with_bias) bias = w.Param("bias", {weight.size(0)});
}

Tensor Linear::operator()(const Tensor& x) const { return at::linear(x, weight, bias); }

Conv2d::Conv2d(const Scope& w, int64_t in, int64_t out, int64_t kernel, int64_t stride,
               int64_t padding, int64_t groups)
    : weight(w.Param("weight", {out, in == -1 ? -1 : in / groups, kernel, kernel})
                 .contiguous(at::MemoryFormat::ChannelsLast)),
      bias(w.Param("bias", {weight.size(0)})),
      stride(stride),
      padding(padding),
      groups(groups) {}

Tensor Conv2d::operator()(const Tensor& x) const {
  return at::conv2d(x, weight, bias, stride, padding, /*dilation=*/1, groups);
}

ConvTranspose2x2::ConvTranspose2x2(const Scope& w, int64_t in, int64_t out)
    : weight(w.Param("weight", {in, out, 2, 2})), bias(w.Param("bias", {out})) {}

Tensor ConvTranspose2x2::operator()(const Tensor& x) const {
  // Kernel and stride are equal, so no output pixels overlap: one matrix
  // product per input pixel, then its 2x2 block is put in place.
  const int64_t B = x.size(0), H = x.size(2), W = x.size(3), out = weight.size(1);
  Tensor blocks = at::matmul(ToTokens(x), weight.permute({0, 2, 3, 1}).reshape({x.size(1), -1}));
  return (blocks.view({B, H, W, 2, 2, out}).permute({0, 1, 3, 2, 4, 5}) + bias)
      .reshape({B, 2 * H, 2 * W, out})
      .permute({0, 3, 1, 2});
}

LayerNorm::LayerNorm(const Scope& w, int64_t dim, double eps)
    : weight(w.Param("weight", {dim})), bias(w.Param("bias", {dim})), eps(eps) {}

Tensor LayerNorm::operator()(const Tensor& x) const {
  return at::layer_norm(x, weight.sizes(), weight, bias, eps);
}

Tensor LayerNorm2d::operator()(const Tensor& x) const {
  return norm(x.permute({0, 2, 3, 1})).permute({0, 3, 1, 2});
}

Mlp::Mlp(const Scope& w, int64_t in, int64_t out, Activation activation)
    : activation(activation) {
  const Scope list = w["layers"];
  int count = 0;
  while (list[count].Has("weight")) ++count;
  for (int i = 0; i < count || i == 0; ++i) {
    layers.emplace_back(list[i], i == 0 ? in : layers.back().out(), i == count - 1 ? out : -1);
  }
}

Tensor Mlp::operator()(const Tensor& x) const {
  Tensor y = x;
  for (size_t i = 0; i < layers.size(); ++i) {
    y = layers[i](y);
    if (i + 1 < layers.size()) y = Activate(activation, y);
  }
  return y;
}

Tensor ToTokens(const Tensor& map) { return map.flatten(2).transpose(1, 2); }

Tensor ToMap(const Tensor& tokens, int64_t height, int64_t width) {
  return tokens.transpose(1, 2).unflatten(2, {height, width});
}

}  // namespace sam2
