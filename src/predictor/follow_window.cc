// SPDX-License-Identifier: Apache-2.0
#include "predictor/follow_window.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace sam2 {
namespace {

// Figures: models/train/measured.md, "Following in a window".
constexpr double kLargest = 0.25;          // of the frame's area
constexpr double kLargestFromWhole = 0.2;  // less, so that it does not go to and fro
constexpr float kGrowth = 1.15F;           // for each look that did not find the object
constexpr float kNewSize = 0.2F;           // weight of a size that was just seen
constexpr float kOffCentre = 0.06F, kOffSize = 1.2F;  // of a window that need not be moved
// From a window so many times larger on an object is believed that is at most so many times larger
// or smaller than it was, and some more for each look since.
constexpr float kOtherScale = 1.5F, kOtherSize = 2, kChange = 1.02F;
constexpr int kManyLooks = 100;  // powers of more would be no numbers in the end

double AreaOf(const Window& window) {
  return static_cast<double>(window.width) * window.height;
}

float LongerSide(const Window& window) {
  return static_cast<float>(std::max(window.width, window.height));
}

float LongerSide(const Box& box) { return std::max(box.x1 - box.x0, box.y1 - box.y0); }

float Power(float base, int looks) {
  return std::pow(base, static_cast<float>(std::min(looks, kManyLooks)));
}

// The window, or the whole frame where it has more than that share of it.
Window WholeAbove(double share, const Window& window, int frame_width, int frame_height) {
  const Window whole = WholeFrame(frame_width, frame_height);
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

// A square with the same middle.
Box Square(const Box& box, float side) {
  const float x = (box.x0 + box.x1) / 2, y = (box.y0 + box.y1) / 2;
  return {x - side / 2, y - side / 2, x + side / 2, y + side / 2};
}

}  // namespace

Window FollowWindow::Around(const Box& box, float factor, int frame_width, int frame_height) {
  if (factor == 0) return WholeFrame(frame_width, frame_height);
  return WholeAbove(kLargest, WindowAround(box, factor, frame_width, frame_height), frame_width,
                    frame_height);
}

FollowWindow FollowWindow::ScaledTo(int frame_width, int frame_height) const {
  if (!box_ || (frame_width == frame_width_ && frame_height == frame_height_)) return *this;
  const float sx = static_cast<float>(frame_width) / static_cast<float>(frame_width_);
  const float sy = static_cast<float>(frame_height) / static_cast<float>(frame_height_);
  FollowWindow scaled = *this;
  scaled.box_ = {box_->x0 * sx, box_->y0 * sy, box_->x1 * sx, box_->y1 * sy};
  scaled.side_ *= std::max(sx, sy);
  scaled.scale_ *= std::max(sx, sy);
  const bool was_whole = window_ == WholeFrame(frame_width_, frame_height_);
  scaled.window_ = was_whole ? WholeFrame(frame_width, frame_height) : Window{};
  scaled.frame_width_ = frame_width;
  scaled.frame_height_ = frame_height;
  return scaled;
}

Window FollowWindow::Next(float factor, int frame_width, int frame_height) const {
  const Window whole = WholeFrame(frame_width, frame_height);
  if (factor == 0 || !box_) return whole;
  const FollowWindow here = ScaledTo(frame_width, frame_height);
  const Window wanted = WindowAround(Square(*here.box_, here.side_),
                                     factor * Power(kGrowth, unseen_), frame_width, frame_height);
  if (unseen_ == 0 && IsNear(here.window_, wanted)) return here.window_;
  return WholeAbove(here.window_ == whole ? kLargestFromWhole : kLargest, wanted, frame_width,
                    frame_height);
}

std::optional<Box> FollowWindow::Seen(int frame_width, int frame_height) const {
  if (unseen_ > 0) return {};
  return ScaledTo(frame_width, frame_height).box_;
}

bool FollowWindow::MayBe(const Box& found, const Window& window, int frame_width,
                         int frame_height) const {
  if (!box_) return true;
  const FollowWindow here = ScaledTo(frame_width, frame_height);
  if (LongerSide(window) <= kOtherScale * here.scale_) return true;
  const float ratio = LongerSide(found) / here.side_, most = kOtherSize * Power(kChange, unseen_);
  return ratio <= most && ratio >= 1 / most;
}

void FollowWindow::Update(const Window& window, const std::optional<Box>& box, bool anew,
                          int frame_width, int frame_height) {
  *this = anew ? FollowWindow() : ScaledTo(frame_width, frame_height);
  window_ = window;
  if (!box) {
    ++unseen_;
    return;
  }
  const float side = LongerSide(*box);
  side_ = box_ ? side_ + kNewSize * (side - side_) : side;
  box_ = box;
  scale_ = LongerSide(window);
  unseen_ = 0;
  frame_width_ = frame_width;
  frame_height_ = frame_height;
}

}  // namespace sam2
