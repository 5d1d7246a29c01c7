// SPDX-License-Identifier: Apache-2.0
#include "model/rope.h"

#include <ATen/ATen.h>

namespace sam2 {

AxialRope::AxialRope(int64_t dim, int64_t height, int64_t width, at::ScalarType dtype,
                     at::Device device) {
  constexpr double kTheta = 10000;
  const auto options = at::TensorOptions(at::kFloat).device(device);
  const Tensor exponent = at::arange(0, dim, 4, options).slice(0, 0, dim / 4) /
                          static_cast<double>(dim);
  const Tensor freqs = 1.0 / at::pow(kTheta, exponent);  // [dim/4]
  const Tensor t = at::arange(height * width, options);
  const Tensor column = at::remainder(t, width);
  const Tensor row = at::floor_divide(t, width);
  const Tensor angle = at::cat({at::outer(column, freqs), at::outer(row, freqs)}, 1);
  cos = at::cat({angle.cos(), angle.cos()}, 1).to(dtype);
  sin = at::cat({-angle.sin(), angle.sin()}, 1).to(dtype);
}

Tensor AxialRope::Rotate(const Tensor& x) const {
  const Tensor maps = x.unflatten(1, {-1, tokens()});  // [B, r, H*W, dim]
  const std::vector<Tensor> halves = maps.chunk(2, -1);
  return at::addcmul(maps * cos, at::cat({halves[1], halves[0]}, -1), sin).flatten(1, 2);
}

Tensor AxialRope::SplitPairs(const Tensor& rows) {
  return rows.unflatten(0, {-1, 2}).transpose(0, 1).flatten(0, 1);
}

}  // namespace sam2
