// SPDX-License-Identifier: Apache-2.0
#include "model/rope.h"

#include <ATen/ATen.h>

#include "model/row_kernels.h"

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
  const Tensor row = at::div(t, width, "floor");
  const Tensor angle = at::cat({at::outer(column, freqs), at::outer(row, freqs)}, 1);
  cos = at::cat({angle.cos(), angle.cos()}, 1).to(dtype);
  sin = at::cat({-angle.sin(), angle.sin()}, 1).to(dtype);
}

Tensor AxialRope::Rotate(Tensor x, int64_t first) const {
  const Tensor some_cos = cos.narrow(0, first, x.size(-2)), some_sin = sin.narrow(0, first, x.size(-2));
  if (rows::Take(x)) {
    rows::Rotate(x.dim() == 4 ? x : x.unsqueeze(1), some_cos, some_sin);
    return x;
  }
  const std::vector<Tensor> halves = x.chunk(2, -1);
  const Tensor swapped = at::cat({halves[1], halves[0]}, -1);
  return x.mul_(some_cos).addcmul_(swapped, some_sin);
}

Tensor AxialRope::SplitPairs(const Tensor& rows) {
  return rows.unflatten(0, {-1, 2}).transpose(0, 1).flatten(0, 1);
}

}  // namespace sam2
