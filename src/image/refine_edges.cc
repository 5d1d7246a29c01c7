// SPDX-License-Identifier: Apache-2.0
#include "image/refine_edges.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <new>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "image/color.h"
#include "image/frame.h"
#include "image/layout.h"

namespace sam2 {
namespace {

cv::Size RefinedSize(const FrameView& frame) {
  const double scale = static_cast<double>(kRefinedSide) / std::max(frame.width, frame.height);
  const auto scaled = [&](int side) { return std::max(1, cvRound(side * scale)); };
  return {scaled(frame.width), scaled(frame.height)};
}

// R'G'B'.
cv::Mat3b Pixels(const FrameView& frame, cv::Size size) {
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

cv::Mat1b Unsure(const cv::Mat1b& labels) {
  return (labels == cv::GC_PR_FGD) | (labels == cv::GC_PR_BGD);
}

bool IsObject(std::uint8_t label) { return label == cv::GC_FGD || label == cv::GC_PR_FGD; }

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

// GrabCut makes five clusters of colours of each side.
constexpr std::ptrdiff_t kFewest = 5;

bool HasTwoSides(const cv::Mat1b& labels) {
  const std::ptrdiff_t object = std::ranges::count_if(labels, IsObject);
  return object >= kFewest && static_cast<std::ptrdiff_t>(labels.total()) - object >= kFewest;
}

// The colours of both sides: what GrabCut knows after its first step.
struct Colors {
  cv::Mat background, object;

  Colors(const cv::Mat3b& pixels, cv::Mat1b labels) {
    const FixedChance chance;
    cv::grabCut(pixels, labels, {}, background, object, /*iterCount=*/0, cv::GC_INIT_WITH_MASK);
  }
};

// Of every fourth pixel as it is (means would be less noisy than what is judged by
// them), if those are enough: much faster, and no worse.
Colors LearnColors(const cv::Mat3b& pixels, const cv::Mat1b& labels) {
  cv::Mat3b fewer;
  cv::Mat1b their_labels;
  cv::resize(pixels, fewer, (pixels.size() + cv::Size(1, 1)) / 2, 0, 0, cv::INTER_NEAREST);
  cv::resize(labels, their_labels, fewer.size(), 0, 0, cv::INTER_NEAREST);
  return HasTwoSides(their_labels) ? Colors(fewer, their_labels) : Colors(pixels, labels.clone());
}

// Points of the grid that the clicked pixel of the frame covers, which is seen by all
// of them when the mask is scaled back: one at least; none if it is outside.
cv::Rect PlaceOf(const Point& click, cv::Size grid, const FrameView& frame) {
  if (click.x < 0 || click.y < 0 || click.x >= frame.width || click.y >= frame.height) return {};
  const double x = static_cast<double>(grid.width) / frame.width;
  const double y = static_cast<double>(grid.height) / frame.height;
  const double column = std::floor(click.x), row = std::floor(click.y);
  return {cv::Point(cvFloor(column * x), cvFloor(row * y)),
          cv::Point(cvCeil((column + 1) * x), cvCeil((row + 1) * y))};
}

// The least rectangle with all unsure pixels and their neighbours.
cv::Rect AroundUnsure(const cv::Mat1b& labels) {
  const cv::Rect tight = cv::boundingRect(Unsure(labels));
  if (tight.empty()) return {};
  return (tight + cv::Size(4, 4) - cv::Point(2, 2)) & cv::Rect({}, labels.size());
}

// Where the object may be: in its box, unless a click says that it is outside too,
// else in the box of the network's mask and the clicks, a tenth larger on each side.
cv::Rect Room(const cv::Mat1b& labels, const FrameView& frame, const std::optional<Box>& box,
              std::span<const Point> clicks) {
  const cv::Rect whole({}, labels.size());
  const auto in_the_box = [&](const Point& click) {
    return !click.positive || (click.x >= box->x0 && click.x <= box->x1 && click.y >= box->y0 &&
                               click.y <= box->y1);
  };
  if (box && std::ranges::all_of(clicks, in_the_box)) {
    const float x = static_cast<float>(labels.cols) / frame.width;
    const float y = static_cast<float>(labels.rows) / frame.height;
    return cv::Rect(cv::Point(cvFloor(box->x0 * x), cvFloor(box->y0 * y)),
                    cv::Point(cvCeil(box->x1 * x), cvCeil(box->y1 * y))) & whole;
  }
  const cv::Mat1b object = (labels == cv::GC_FGD) | (labels == cv::GC_PR_FGD);
  cv::Rect tight = cv::boundingRect(object);
  for (const Point& click : clicks) {
    if (click.positive) tight |= PlaceOf(click, labels.size(), frame) & whole;
  }
  const cv::Size margin = (tight.size() + cv::Size(9, 9)) / 10;
  return (tight + margin * 2 - cv::Point(margin)) & whole;
}

// What the network takes for background stays so outside of the room.
void Confine(cv::Mat1b labels, const cv::Rect& room) {
  cv::Mat1b outside = labels == cv::GC_PR_BGD;
  if (!room.empty()) outside(room) = 0;
  labels.setTo(cv::GC_BGD, outside);
}

// A click is sure where the network is not.
void Mark(cv::Mat1b labels, const FrameView& frame, std::span<const Point> clicks) {
  for (const Point& click : clicks) {
    const cv::Rect at = PlaceOf(click, labels.size(), frame) & cv::Rect({}, labels.size());
    if (at.empty()) continue;
    cv::Mat1b clicked = labels(at);
    clicked.setTo(click.positive ? cv::GC_FGD : cv::GC_BGD, Unsure(clicked));
  }
}

// Whether GrabCut could decide.
bool Cut(const FrameView& frame, cv::Mat1b labels) try {
  const cv::Rect unsure = AroundUnsure(labels);
  if (unsure.empty() || !HasTwoSides(labels)) return false;
  const cv::Mat3b pixels = Pixels(frame, labels.size());
  Colors colors = LearnColors(pixels, labels);
  cv::grabCut(pixels(unsure), labels(unsure), {}, colors.background, colors.object,
              /*iterCount=*/1, cv::GC_EVAL_FREEZE_MODEL);
  return std::ranges::any_of(labels, IsObject);
} catch (const cv::Exception& error) {
  if (error.code == cv::Error::StsNoMem) throw std::bad_alloc();
  return false;  // colours that make no cluster, as some versions find of a picture of one
}

// The logit on the side that the label says.
float Moved(float logit, std::uint8_t label) {
  constexpr float kLeast = 0.01F;
  if (IsObject(label)) return logit > 0 ? logit : std::max(-logit, kLeast);
  return logit > 0 ? std::min(-logit, -kLeast) : logit;
}

}  // namespace

at::Tensor RefineEdges(const at::Tensor& logits, const FrameView& frame,
                       const std::optional<Box>& box, std::span<const Point> clicks) {
  CheckFrame(frame);
  // The caller's logits are only read.
  const cv::Mat1f given(static_cast<int>(logits.size(0)), static_cast<int>(logits.size(1)),
                        const_cast<float*>(logits.const_data_ptr<float>()));
  const auto values = std::make_shared<cv::Mat1f>();
  cv::resize(given, *values, RefinedSize(frame), 0, 0, cv::INTER_LINEAR);
  cv::Mat1b labels(values->size());
  std::ranges::transform(*values, labels.begin(), Label);
  Confine(labels, Room(labels, frame, box, clicks));
  Mark(labels, frame, clicks);
  if (!Cut(frame, labels)) return logits;
  std::ranges::transform(*values, labels, values->begin(), Moved);
  return at::from_blob(values->data, {values->rows, values->cols}, [values](void*) {}, at::kFloat);
}

}  // namespace sam2
