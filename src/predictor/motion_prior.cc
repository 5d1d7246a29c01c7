// SPDX-License-Identifier: Apache-2.0
#include "predictor/motion_prior.h"

#include <ATen/ATen.h>

namespace sam2 {
namespace {

// A mask in the wrong place has to look this much better to be taken.
constexpr double kMotionShare = 0.2;
// What counts as away: outside the chosen mask's box grown by this on each
// side, in units of its size.
constexpr double kMargin = 0.25;

// How much of each of `pixels` equal parts of 0..1 lies between begin and end
// [N]: [N, pixels].
Tensor Coverage(const Tensor& begin, const Tensor& end, int64_t pixels) {
  const Tensor left = at::arange(pixels, begin.options());
  const Tensor from = at::maximum(left, (begin * pixels).unsqueeze(1));
  const Tensor to = at::minimum(left + 1, (end * pixels).unsqueeze(1));
  return (to - from).clamp_min(0);
}

// First and last place + 1 of what is set along the last dimension, relative to
// its length. set: [N, n] bool. Nothing set: 1 and 0.
std::pair<Tensor, Tensor> Span(const Tensor& set) {
  const int64_t n = set.size(1);
  const Tensor place = at::arange(n, at::TensorOptions(set.device()).dtype(at::kFloat));
  return {at::where(set, place, static_cast<double>(n)).amin(1) / static_cast<double>(n),
          at::where(set, place + 1, 0.0).amax(1) / static_cast<double>(n)};
}

// Pixels of masks [N, K, h, w] (0 or 1) inside the boxes: [N, K].
Tensor PixelsInside(const Tensor& masks, const Tensor& columns, const Tensor& rows) {
  return ((masks * columns.view({-1, 1, 1, masks.size(3)})).sum(3) * rows.unsqueeze(1)).sum(2);
}

}  // namespace

Tensor Agreement(const Tensor& masks, const MotionPrior& prior) {
  const Tensor set = masks.gt(0).to(at::kFloat);
  const auto edge = [&](int64_t i) { return prior.boxes.select(1, i); };
  const Tensor inside = PixelsInside(set, Coverage(edge(0), edge(2), masks.size(3)),
                                     Coverage(edge(1), edge(3), masks.size(2)));
  const Tensor expected =
      (prior.areas * static_cast<double>(masks.size(2) * masks.size(3))).unsqueeze(1);
  const Tensor both = at::minimum(inside, expected);
  return both / (set.sum({2, 3}) + expected - both).clamp_min(1e-6);
}

Tensor BestMaskWithMotion(const DecoderOutput& decoded, const MotionPrior& prior) {
  const Tensor agreement = Agreement(decoded.masks.slice(1, 1), prior);
  const Tensor motion = agreement * (kMotionShare * prior.weight).unsqueeze(1);
  return (decoded.ious.slice(1, 1) + motion).argmax(1) + 1;
}

Tensor RivalShare(const DecoderOutput& decoded, const Tensor& choice) {
  const Tensor chosen = SelectPerObject(decoded.masks, choice).gt(0);  // [N, h, w]
  const auto [left, right] = Span(chosen.any(1));
  const auto [top, bottom] = Span(chosen.any(2));
  const Tensor dx = (right - left) * kMargin, dy = (bottom - top) * kMargin;
  const Tensor set = decoded.masks.slice(1, 1).gt(0).to(at::kFloat);
  const Tensor inside = PixelsInside(set, Coverage(left - dx, right + dx, set.size(3)),
                                     Coverage(top - dy, bottom + dy, set.size(2)));
  const Tensor away = (set.sum({2, 3}) - inside).amax(1);
  return away / chosen.sum({1, 2}).clamp_min(1);
}

}  // namespace sam2
