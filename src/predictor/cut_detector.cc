// SPDX-License-Identifier: Apache-2.0
#include "predictor/cut_detector.h"

#include <ATen/ops/_adaptive_avg_pool2d.h>

#include <algorithm>

namespace sam2 {
namespace {

constexpr int kSide = 32;
constexpr int kPixels = kSide * kSide;
constexpr int kChannels = 3;
// A camera's pan may move the picture by an eighth from frame to frame.
constexpr int kMaxShift = 4;
// Variance, in units of the normalised input, below which differences are
// noise: 3 of 255 levels.
constexpr float kNoise = 3.0f / 255 / 0.225f;
// Within a scene the likeness is mostly above 0.9 and may fall to some 0.6 in
// fast motion; pictures of two scenes have nothing in common but chance.
constexpr float kUnlike = 0.5f;
// Where frames are always unlike each other (handheld, close, fast) a cut is
// what stands out.
constexpr float kDrop = 0.3f;
constexpr float kSmoothing = 0.2f;

// Structural likeness (Wang et al. 2004: contrast and structure terms as one)
// of two channels where the second is shifted by (dx, dy).
struct Sums {
  float covariance = 0, variance_a = 0, variance_b = 0;
};

void AddChannel(const float* a, const float* b, int dx, int dy, Sums& sums) {
  const int x0 = std::max(0, -dx), x1 = std::min(kSide, kSide - dx);
  const int y0 = std::max(0, -dy), y1 = std::min(kSide, kSide - dy);
  float sum_a = 0, sum_b = 0, aa = 0, bb = 0, ab = 0;
  for (int y = y0; y < y1; ++y) {
    const float* row_a = a + y * kSide;
    const float* row_b = b + (y + dy) * kSide + dx;
    for (int x = x0; x < x1; ++x) {
      sum_a += row_a[x];
      sum_b += row_b[x];
      aa += row_a[x] * row_a[x];
      bb += row_b[x] * row_b[x];
      ab += row_a[x] * row_b[x];
    }
  }
  const float n = static_cast<float>((x1 - x0) * (y1 - y0));
  sums.covariance += ab / n - sum_a / n * (sum_b / n);
  sums.variance_a += aa / n - sum_a / n * (sum_a / n);
  sums.variance_b += bb / n - sum_b / n * (sum_b / n);
}

}  // namespace

at::Tensor CutDetector::Thumbnail(const at::Tensor& image) {
  return at::_adaptive_avg_pool2d(image, {kSide, kSide})[0].contiguous();
}

bool CutDetector::See(const at::Tensor& thumbnail) {
  const float likeness = before_.defined() ? Likeness(thumbnail) : 1;
  const bool cut = likeness < kUnlike && likeness < usual_ - kDrop;
  usual_ = cut ? 1 : usual_ + kSmoothing * (likeness - usual_);
  before_ = thumbnail;
  return cut;
}

float CutDetector::Likeness(const at::Tensor& thumbnail) const {
  const float* a = before_.const_data_ptr<float>();
  const float* b = thumbnail.const_data_ptr<float>();
  constexpr float kFloor = kChannels * kNoise * kNoise;
  float best = 0;
  for (int dy = -kMaxShift; dy <= kMaxShift; ++dy) {
    for (int dx = -kMaxShift; dx <= kMaxShift; ++dx) {
      Sums sums;
      for (int c = 0; c < kChannels; ++c) {
        AddChannel(a + c * kPixels, b + c * kPixels, dx, dy, sums);
      }
      best = std::max(best, (2 * sums.covariance + kFloor) /
                                (sums.variance_a + sums.variance_b + kFloor));
    }
  }
  return best;
}

}  // namespace sam2
