// SPDX-License-Identifier: Apache-2.0
#include "predictor/follow_window.h"

#include <algorithm>
#include <cmath>

namespace sam2 {
namespace {

constexpr float kWide = 0.8F;         // of each side of the frame
constexpr float kGrowth = 1.15F;      // for each look that did not find it
constexpr float kNewSize = 0.2F;      // weight of a size that was just seen
constexpr float kMargin = 0.5F;       // around what is well inside, in units of its longer side
constexpr float kTolerance = 1.3F;    // how far a window that stays may be off the size it should have

float LongerSide(const Box& box) { return std::max(box.x1 - box.x0, box.y1 - box.y0); }

Box Scaled(const Box& box, float sx, float sy) {
  return {box.x0 * sx, box.y0 * sy, box.x1 * sx, box.y1 * sy};
}

// A square with the same middle.
Box Square(const Box& box, float side) {
  const float x = (box.x0 + box.x1) / 2, y = (box.y0 + box.y1) / 2;
  return {x - side / 2, y - side / 2, x + side / 2, y + side / 2};
}

}  // namespace

Window WholeIfWide(const Window& window, int frame_width, int frame_height) {
  const bool wide = static_cast<float>(window.width) >= kWide * static_cast<float>(frame_width) &&
                    static_cast<float>(window.height) >= kWide * static_cast<float>(frame_height);
  return wide ? Window{0, 0, frame_width, frame_height} : window;
}

Window FollowWindow::Next(float factor, int frame_width, int frame_height) const {
  if (factor == 0 || !box_) return {0, 0, frame_width, frame_height};
  const bool same_size = frame_width == frame_width_ && frame_height == frame_height_;
  if (same_size && unseen_ == 0 && IsWellInside(window_, factor)) return window_;
  const float sx = static_cast<float>(frame_width) / static_cast<float>(frame_width_);
  const float sy = static_cast<float>(frame_height) / static_cast<float>(frame_height_);
  const Box around = Scaled(Square(*box_, side_), sx, sy);
  // No more than twice what any frame needs, so that it stays a number.
  const float grown = factor * std::pow(kGrowth, static_cast<float>(std::min(unseen_, 60)));
  return WholeIfWide(WindowAround(around, grown, frame_width, frame_height), frame_width,
                     frame_height);
}

bool FollowWindow::IsWellInside(const Window& window, float factor) const {
  const Window whole{0, 0, frame_width_, frame_height_};
  const Window wanted = WindowAround(Square(*box_, side_), factor, frame_width_, frame_height_);
  const auto fits = [](int side, int wanted_side) {
    const float ratio = static_cast<float>(side) / static_cast<float>(wanted_side);
    return ratio <= kTolerance && ratio >= 1 / kTolerance;
  };
  if (!fits(window.width, wanted.width) || !fits(window.height, wanted.height)) return false;
  const float margin = kMargin * LongerSide(*box_);
  const auto x0 = static_cast<float>(window.x), y0 = static_cast<float>(window.y);
  return (window.x == 0 || box_->x0 - x0 >= margin) &&
         (window.y == 0 || box_->y0 - y0 >= margin) &&
         (window.x + window.width == whole.width ||
          x0 + static_cast<float>(window.width) - box_->x1 >= margin) &&
         (window.y + window.height == whole.height ||
          y0 + static_cast<float>(window.height) - box_->y1 >= margin);
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
