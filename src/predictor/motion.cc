// SPDX-License-Identifier: Apache-2.0
#include "predictor/motion.h"

#include <algorithm>
#include <cmath>

namespace sam2 {
namespace {

// All in units of the object's size. A mask's box is uncertain by a few
// hundredths of it: borders flicker. An object newly seen may cross its own
// size in a second, and within a second its speed may change by that much.
constexpr double kMeasured = 0.04;
constexpr double kFirstSpeed = 1.0;
constexpr double kSpeedChange = 1.0;
// Sizes change less than places.
constexpr double kSizeFactor = 0.5;
// What is farther off than so many standard deviations is no motion of the
// object but another part of it, or another one.
constexpr double kMaxDeviations = 5;
// After so long without being seen nothing is known of the speed any more.
constexpr double kMaxGapSeconds = 2;
// A speed is believed for about so long.
constexpr double kMaxAheadSeconds = 1;

constexpr double Square(double x) { return x * x; }

double Seconds(std::int64_t ns) { return static_cast<double>(ns) * 1e-9; }

// Centre x, y, log width, log height.
std::array<double, 4> ToState(const Box& box) {
  constexpr double kSmallest = 1e-4;  // of the frame's side
  const double width = std::max<double>(box.x1 - box.x0, kSmallest);
  const double height = std::max<double>(box.y1 - box.y0, kSmallest);
  return {(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, std::log(width), std::log(height)};
}

// The unit that each of the four is uncertain in.
std::array<double, 4> Units(double log_width, double log_height) {
  return {std::exp(log_width), std::exp(log_height), kSizeFactor, kSizeFactor};
}

}  // namespace

void MotionFilter::Advance(double seconds, double acceleration) {
  const double t = seconds;
  value_ += t * speed_;
  p_vv_ += t * (2 * p_vs_ + t * p_ss_) + acceleration * t * t * t / 3;
  p_vs_ += t * p_ss_ + acceleration * t * t / 2;
  p_ss_ += acceleration * t;
}

void MotionFilter::Correct(double measured, double variance) {
  const double innovation = measured - value_;
  const double gain_v = p_vv_ / (p_vv_ + variance), gain_s = p_vs_ / (p_vv_ + variance);
  value_ += gain_v * innovation;
  speed_ += gain_s * innovation;
  p_ss_ -= gain_s * p_vs_;
  p_vs_ *= 1 - gain_v;
  p_vv_ *= 1 - gain_v;
}

void BoxMotion::Start(const std::array<double, 4>& measured, std::int64_t pts_ns) {
  const auto units = Units(measured[2], measured[3]);
  for (int i = 0; i < 4; ++i) {
    filters_[i] = MotionFilter(measured[i], Square(kMeasured * units[i]),
                               Square(kFirstSpeed * units[i]));
  }
  pts_ns_ = pts_ns;
  updates_ = 1;
}

void BoxMotion::Update(const Box& box, std::int64_t pts_ns) {
  const auto measured = ToState(box);
  const double gap = Seconds(pts_ns - pts_ns_);
  if (updates_ == 0 || gap < 0 || gap > kMaxGapSeconds) {
    Start(measured, pts_ns);
    return;
  }
  const auto units = Units(filters_[2].value(), filters_[3].value());
  for (int i = 0; i < 4; ++i) {
    const double variance = Square(kMeasured * units[i]);
    filters_[i].Advance(gap, Square(kSpeedChange * units[i]));
    if (Square(measured[i] - filters_[i].value()) >
        Square(kMaxDeviations) * (filters_[i].variance() + variance)) {
      Start(measured, pts_ns);
      return;
    }
    filters_[i].Correct(measured[i], variance);
  }
  pts_ns_ = pts_ns;
  ++updates_;
}

BoxMotion::Prediction BoxMotion::At(std::int64_t pts_ns) const {
  const double ahead = std::clamp(Seconds(pts_ns - pts_ns_), 0.0, kMaxAheadSeconds);
  const auto units = Units(filters_[2].value(), filters_[3].value());
  Filters filters = filters_;
  for (int i = 0; i < 4; ++i) filters[i].Advance(ahead, Square(kSpeedChange * units[i]));
  const double width = std::exp(filters[2].value()), height = std::exp(filters[3].value());
  const double x = filters[0].value(), y = filters[1].value();
  return {.box = {static_cast<float>(x - width / 2), static_cast<float>(y - height / 2),
                  static_cast<float>(x + width / 2), static_cast<float>(y + height / 2)},
          .spread = std::sqrt(filters[0].variance() / Square(units[0]) +
                              filters[1].variance() / Square(units[1]))};
}

Box BoxMotion::Moved(const Box& box, std::int64_t from_ns, std::int64_t to_ns) const {
  const auto from = ToState(At(from_ns).box), to = ToState(At(to_ns).box);
  const float dx = static_cast<float>(to[0] - from[0]), dy = static_cast<float>(to[1] - from[1]);
  const float grow_x = static_cast<float>(std::exp(to[2] - from[2]) - 1) * (box.x1 - box.x0) / 2;
  const float grow_y = static_cast<float>(std::exp(to[3] - from[3]) - 1) * (box.y1 - box.y0) / 2;
  return {box.x0 + dx - grow_x, box.y0 + dy - grow_y, box.x1 + dx + grow_x, box.y1 + dy + grow_y};
}

Mask MoveMask(const Mask& mask, const Box& from, const Box& to, int frame_width,
              int frame_height) {
  const float scale_x = (from.x1 - from.x0) / (to.x1 - to.x0);
  const float scale_y = (from.y1 - from.y0) / (to.y1 - to.y0);
  Mask moved;
  moved.x = static_cast<int>(std::clamp(std::round(to.x0), 0.f, static_cast<float>(frame_width)));
  moved.y = static_cast<int>(std::clamp(std::round(to.y0), 0.f, static_cast<float>(frame_height)));
  const int right =
      static_cast<int>(std::clamp(std::round(to.x1), 0.f, static_cast<float>(frame_width)));
  const int bottom =
      static_cast<int>(std::clamp(std::round(to.y1), 0.f, static_cast<float>(frame_height)));
  if (right <= moved.x || bottom <= moved.y) return {};
  moved.width = right - moved.x;
  moved.height = bottom - moved.y;
  // Where the middle of a pixel of one axis comes from, within the old mask.
  const auto source = [](int i, float to0, float from0, float scale, int begin, int size) {
    const float at = from0 + (static_cast<float>(i) + 0.5f - to0) * scale;
    return std::clamp(static_cast<int>(std::floor(at)) - begin, 0, size - 1);
  };
  std::vector<int> columns(moved.width);
  for (int i = 0; i < moved.width; ++i) {
    columns[i] = source(moved.x + i, to.x0, from.x0, scale_x, mask.x, mask.width);
  }
  moved.pixels.resize(static_cast<std::size_t>(moved.width) * moved.height);
  std::uint8_t* out = moved.pixels.data();
  for (int y = 0; y < moved.height; ++y) {
    const int row = source(moved.y + y, to.y0, from.y0, scale_y, mask.y, mask.height);
    const std::uint8_t* in = mask.pixels.data() + static_cast<std::size_t>(row) * mask.width;
    for (const int column : columns) *out++ = in[column];
  }
  return moved;
}

}  // namespace sam2
