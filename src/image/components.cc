// SPDX-License-Identifier: Apache-2.0
#include "image/components.h"

#include <algorithm>
#include <cstdint>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

namespace sam2 {
namespace {

constexpr float kFilled = 0.1f;  // the reference's "small positive mask score"

// The smallest rectangle that holds every logit above 0.
cv::Rect PositiveRect(const cv::Mat1f& logits) {
  int left = logits.cols, right = -1, top = logits.rows, bottom = -1;
  for (int y = 0; y < logits.rows; ++y) {
    const float* row = logits[y];
    const float* const end = row + logits.cols;
    const auto positive = [](float logit) { return logit > 0; };
    const float* first = std::find_if(row, end, positive);
    if (first == end) continue;
    const float* last = end - 1;
    while (!positive(*last)) --last;
    left = std::min(left, static_cast<int>(first - row));
    right = std::max(right, static_cast<int>(last - row));
    top = std::min(top, y);
    bottom = y;
  }
  return right < 0 ? cv::Rect() : cv::Rect(left, top, right - left + 1, bottom - top + 1);
}

// The part of the logits that holds all holes of at most max_area. A hole
// touches the mask, hence lies within max_area of its rectangle; any other
// component that this part cuts has more than max_area logits inside it.
cv::Mat1f SearchedPart(const cv::Mat1f& logits, int max_area) {
  const cv::Rect positive = PositiveRect(logits);
  if (positive.empty()) return logits;
  const int margin = max_area + 1;
  return logits(cv::Rect(positive.x - margin, positive.y - margin, positive.width + 2 * margin,
                         positive.height + 2 * margin) &
                cv::Rect(0, 0, logits.cols, logits.rows));
}

// Sets the small components of `where` to a value.
void ReplaceSmall(cv::Mat1f& logits, const cv::Mat1b& where, int max_area, float value) {
  cv::Mat1i labels, statistics;
  cv::Mat centroids;
  const int count =
      cv::connectedComponentsWithStats(where, labels, statistics, centroids, 8, CV_32S);
  for (int label = 1; label < count; ++label) {
    if (statistics(label, cv::CC_STAT_AREA) > max_area) continue;
    const cv::Rect box(statistics(label, cv::CC_STAT_LEFT), statistics(label, cv::CC_STAT_TOP),
                       statistics(label, cv::CC_STAT_WIDTH), statistics(label, cv::CC_STAT_HEIGHT));
    logits(box).setTo(value, labels(box) == label);
  }
}

void FillMaskHoles(const cv::Mat1f& logits, int max_area) {
  cv::Mat1f part = SearchedPart(logits, max_area);
  ReplaceSmall(part, part <= 0, max_area, kFilled);
}

}  // namespace

void FillHoles(at::Tensor logits, int max_area) {
  if (max_area <= 0) return;
  const int height = static_cast<int>(logits.size(2)), width = static_cast<int>(logits.size(3));
  float* data = logits.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < logits.size(0); ++i) {
    FillMaskHoles(cv::Mat1f(height, width, data + i * height * width), max_area);
  }
}

void RemoveHolesAndSpecks(at::Tensor logits, int max_hole_area, int max_speck_area) {
  constexpr float kSure = 10;
  const int height = static_cast<int>(logits.size(2)), width = static_cast<int>(logits.size(3));
  float* data = logits.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < logits.size(0) * logits.size(1); ++i) {
    cv::Mat1f mask(height, width, data + i * height * width);
    const cv::Mat1b holes = mask <= 0, solid = mask > 0;  // both of the logits as they were
    if (max_hole_area > 0) ReplaceSmall(mask, holes, max_hole_area, kSure);
    if (max_speck_area > 0) ReplaceSmall(mask, solid, max_speck_area, -kSure);
  }
}

}  // namespace sam2
