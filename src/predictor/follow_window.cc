// SPDX-License-Identifier: Apache-2.0
#include "predictor/follow_window.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace sam2 {
namespace {

// Measured: models/train/measured.md, "Following in a window".
constexpr double kLargest = 0.25;   // of the frame's area
constexpr double kLargestFromWhole = 0.2;  // less, so that it does not go to and fro
constexpr float kGrowth = 1.15F;    // for each look that did not find the object
constexpr float kNewSize = 0.2F;    // weight of a size that was just seen
constexpr float kOffCentre = 0.06F, kOffSize = 1.2F;  // of a window that need not be moved

// From a window so many times larger on an object is believed that is at most so many times larger
// or smaller than it was.
constexpr float kOtherScale = 1.5F, kOtherSize = 2;

double AreaOf(const Window& window) {
  return static_cast<double>(window.width) * window.height;
}

// The window, or the whole frame where it has more than that share of it.
Window WholeAbove(double share, const Window& window, int frame_width, int frame_height) {
  const Window whole{0, 0, frame_width, frame_height};
  return AreaOf(window) > share * AreaOf(whole) ? whole : window;
}

bool IsNear(const Window& window, const Window& wanted) {
  const auto near = [](int at, int side, int wanted_at, int wanted_side) {
    const auto now = static_cast<float>(side), then = static_cast<float>(wanted_side);
    const float off = std::abs(static_cast<float>(2 * at + side - 2 * wanted_at - wanted_side)) / 2;
    return now <= kOffSize * then && then <= kOffSize * now && off <= kOffCentre * then;
  };
  return near(window.x, window.width, wanted.x, wanted.width) &&
         near(window.y, window.height, wanted.y, wanted.height);
}

float LongerSide(const Box& box) { return std::max(box.x1 - box.x0, box.y1 - box.y0); }

// A square with the same middle.
Box Square(const Box& box, float side) {
  const float x = (box.x0 + box.x1) / 2, y = (box.y0 + box.y1) / 2;
  return {x - side / 2, y - side / 2, x + side / 2, y + side / 2};
}

}  // namespace

Window FollowWindow::Around(const Box& box, float factor, int frame_width, int frame_height) {
  if (factor == 0) return {0, 0, frame_width, frame_height};
  return WholeAbove(kLargest, WindowAround(box, factor, frame_width, frame_height), frame_width,
                    frame_height);
}

Window FollowWindow::Next(float factor, int frame_width, int frame_height) const {
  const Window whole{0, 0, frame_width, frame_height};
  if (factor == 0 || !box_) return whole;
  const float sx = static_cast<float>(frame_width) / static_cast<float>(frame_width_);
  const float sy = static_cast<float>(frame_height) / static_cast<float>(frame_height_);
  const Box square = Square(*box_, side_);
  // Of very many looks the power would be no number any more.
  const float grown = factor * std::pow(kGrowth, static_cast<float>(std::min(unseen_, 100)));
  const Window wanted = WindowAround({square.x0 * sx, square.y0 * sy, square.x1 * sx, square.y1 * sy},
                                     grown, frame_width, frame_height);
  const bool same_size = frame_width == frame_width_ && frame_height == frame_height_;
  if (same_size && unseen_ == 0 && IsNear(window_, wanted)) return window_;
  return WholeAbove(window_ == whole ? kLargestFromWhole : kLargest, wanted, frame_width,
                    frame_height);
}

bool FollowWindow::MayBe(const Box& found, const Window& window, float factor) const {
  if (factor == 0 || !box_) return true;
  const auto side = static_cast<float>(std::max(window.width, window.height));
  if (side <= kOtherScale * factor * side_) return true;
  const float ratio = LongerSide(found) / side_;
  return ratio <= kOtherSize && ratio >= 1 / kOtherSize;
}

void FollowWindow::Update(const Window& window, const std::optional<Box>& box, bool anew,
                          int frame_width, int frame_height) {
  window_ = window;
  if (!box) {
    ++unseen_;
    return;
  }
  const bool known = box_ && !anew && frame_width == frame_width_ && frame_height == frame_height_;
  const float side = LongerSide(*box);
  side_ = known ? side_ + kNewSize * (side - side_) : side;
  box_ = box;
  unseen_ = 0;
  frame_width_ = frame_width;
  frame_height_ = frame_height;
}

}  // namespace sam2
