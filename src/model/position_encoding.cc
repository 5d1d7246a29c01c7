// SPDX-License-Identifier: Apache-2.0
#include "model/position_encoding.h"

#include <ATen/ATen.h>

#include <numbers>

namespace sam2 {
namespace {

constexpr double kTemperature = 10000;
constexpr double kTwoPi = 2 * std::numbers::pi;

// temperature^(2 * floor(i / 2) / count), i = 0 .. count-1: [count]
Tensor Wavelengths(int64_t count, at::Device device) {
  const Tensor i = at::arange(count, at::TensorOptions(at::kFloat).device(device));
  return at::pow(kTemperature, 2 * at::div(i, 2, "floor") / static_cast<double>(count));
}

// 1/n, 2/n .. n/n of a whole turn, as sine and cosine in turn: [n, count]
Tensor SineAxis(int64_t n, int64_t count, at::Device device) {
  const Tensor position = at::arange(1, n + 1, at::TensorOptions(at::kFloat).device(device));
  const Tensor phase = (position / (n + 1e-6) * kTwoPi).unsqueeze(1) / Wavelengths(count, device);
  using at::indexing::None;
  using at::indexing::Slice;
  return at::stack({phase.index({Slice(), Slice(0, None, 2)}).sin(),
                    phase.index({Slice(), Slice(1, None, 2)}).cos()},
                   2)
      .flatten(1);
}

}  // namespace

Tensor PositionEmbeddingSine(int64_t num_pos_feats, int64_t height, int64_t width,
                             at::Device device) {
  const int64_t half = num_pos_feats / 2;
  const Tensor y = SineAxis(height, half, device).unsqueeze(1).expand({height, width, half});
  const Tensor x = SineAxis(width, half, device).unsqueeze(0).expand({height, width, half});
  return at::cat({y, x}, 2).flatten(0, 1);
}

Tensor SinePositions(const Tensor& pos, int64_t dim) {
  const Tensor phase = pos.unsqueeze(-1) / Wavelengths(dim / 2, pos.device());
  return at::cat({phase.sin(), phase.cos()}, -1);
}

PositionEmbeddingRandom::PositionEmbeddingRandom(const Scope& w, int64_t dim)
    : positional_encoding_gaussian_matrix(
          w.ParamFloat("positional_encoding_gaussian_matrix", {2, dim / 2})) {}

Tensor PositionEmbeddingRandom::Encode(const Tensor& coords) const {
  const Tensor phase =
      at::matmul(2 * coords.to(at::kFloat) - 1, positional_encoding_gaussian_matrix) * kTwoPi;
  return at::cat({phase.sin(), phase.cos()}, -1);
}

Tensor PositionEmbeddingRandom::Dense(int64_t height, int64_t width) const {
  const auto options = positional_encoding_gaussian_matrix.options();
  const Tensor y = (at::arange(height, options) + 0.5) / static_cast<double>(height);
  const Tensor x = (at::arange(width, options) + 0.5) / static_cast<double>(width);
  const Tensor grid = at::stack({x.unsqueeze(0).expand({height, width}),
                                 y.unsqueeze(1).expand({height, width})},
                                2);
  return Encode(grid).permute({2, 0, 1}).unsqueeze(0);
}

}  // namespace sam2
