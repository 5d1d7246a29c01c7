// SPDX-License-Identifier: Apache-2.0
#include "image/refine_edges.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <memory>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "image/color.h"
#include "image/frame.h"
#include "image/layout.h"

namespace sam2 {
namespace {

cv::Size RefinedSize(const FrameView& frame) {
  const double scale = std::min(1.0, kRefinedSide / static_cast<double>(std::max(frame.width, frame.height)));
  const auto scaled = [&](int side) { return std::max(1, cvRound(side * scale)); };
  return {scaled(frame.width), scaled(frame.height)};
}

// R'G'B'. Whole pixels of the frame are not copied but to convert or resize them.
cv::Mat3b Pixels(const FrameView& frame, cv::Size size) {
  CheckFrame(frame);
  std::vector<std::uint8_t> rgbx;
  cv::Mat whole;
  if (IsYCbCr(frame.format)) {
    rgbx.resize(size_t{4} * frame.width * frame.height);
    YCbCrToRgbx(frame, rgbx.data());
    whole = cv::Mat(frame.height, frame.width, CV_8UC4, rgbx.data());
  } else {
    whole = cv::Mat(frame.height, frame.width, CV_8UC(PixelBytes(frame.format)),
                    const_cast<std::uint8_t*>(frame.plane[0]), frame.stride[0]);
  }
  cv::Mat scaled;
  cv::resize(whole, scaled, size, 0, 0, cv::INTER_AREA);
  cv::Mat3b pixels(size);
  const std::array<int, 3> rgb = RgbOrder(frame.format);
  const std::array<int, 6> from_to = {rgb[0], 0, rgb[1], 1, rgb[2], 2};
  cv::mixChannels(&scaled, 1, &pixels, 1, from_to.data(), 3);
  return pixels;
}

// What GrabCut is told of a pixel.
std::uint8_t Label(float logit) {
  if (logit > kSureLogit) return cv::GC_FGD;
  if (logit < -kSureLogit) return cv::GC_BGD;
  return logit > 0 ? cv::GC_PR_FGD : cv::GC_PR_BGD;
}

bool IsObject(std::uint8_t label) { return label == cv::GC_FGD || label == cv::GC_PR_FGD; }

bool IsSure(std::uint8_t label) { return label == cv::GC_FGD || label == cv::GC_BGD; }

// GrabCut's clusters begin at random.
class FixedChance {
 public:
  FixedChance() : before_(cv::theRNG().state) { cv::theRNG().state = 1; }
  ~FixedChance() { cv::theRNG().state = before_; }
  FixedChance(const FixedChance&) = delete;
  FixedChance& operator=(const FixedChance&) = delete;

 private:
  std::uint64_t before_;
};

}  // namespace

at::Tensor RefineEdges(const at::Tensor& logits, const FrameView& frame) {
  const cv::Mat3b pixels = Pixels(frame, RefinedSize(frame));
  // The caller's logits are only read.
  const cv::Mat1f given(static_cast<int>(logits.size(0)), static_cast<int>(logits.size(1)),
                        const_cast<float*>(logits.const_data_ptr<float>()));
  cv::Mat1f values;
  cv::resize(given, values, pixels.size(), 0, 0, cv::INTER_LINEAR);
  cv::Mat1b labels(values.size());
  std::ranges::transform(values, labels.begin(), Label);
  const bool two_sides = std::ranges::any_of(labels, IsObject) && !std::ranges::all_of(labels, IsObject);
  if (two_sides && !std::ranges::all_of(labels, IsSure)) {
    cv::Mat background, foreground;
    const FixedChance chance;
    cv::grabCut(pixels, labels, {}, background, foreground, /*iterCount=*/1,
                cv::GC_INIT_WITH_MASK);
  }
  const auto kept = std::make_shared<cv::Mat1f>(values);
  std::ranges::transform(labels, kept->begin(), [](std::uint8_t label) { return IsObject(label) ? 1.0F : -1.0F; });
  return at::from_blob(kept->data, {kept->rows, kept->cols}, [kept](void*) {}, at::kFloat);
}

}  // namespace sam2
