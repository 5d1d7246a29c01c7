// SPDX-License-Identifier: Apache-2.0
#include "model/rope.h"

#include <ATen/ATen.h>

namespace sam2 {

AxialRope::AxialRope(int64_t dim, int64_t height, int64_t width, at::Device device) {
  constexpr double kTheta = 10000;
  const auto options = at::TensorOptions(at::kFloat).device(device);
  const Tensor exponent = at::arange(0, dim, 4, options).slice(0, 0, dim / 4) /
                          static_cast<double>(dim);
  const Tensor freqs = 1.0 / at::pow(kTheta, exponent);  // [dim/4]
  const Tensor t = at::arange(height * width, options);
  const Tensor column = at::remainder(t, width);
  const Tensor row = at::floor_divide(t, width);
  const Tensor angle = at::cat({at::outer(column, freqs), at::outer(row, freqs)}, 1);
  freqs_cis = at::polar(at::ones_like(angle), angle);
}

Tensor AxialRope::Rotate(const Tensor& x) const {
  const Tensor pairs = at::view_as_complex(
      x.to(at::kFloat).reshape({x.size(0), -1, tokens(), x.size(2) / 2, 2}));
  return at::view_as_real(pairs * freqs_cis).reshape(x.sizes()).to(x.scalar_type());
}

}  // namespace sam2
