// SPDX-License-Identifier: Apache-2.0
//
// Where a box will be: a Kalman filter (Kalman, 1960) in seconds, so that
// frames may come at any distance in time.
#pragma once

#include <array>
#include <cstdint>

#include "sam2.h"

namespace sam2 {

// Position and speed of one quantity under random acceleration.
class MotionFilter {
 public:
  MotionFilter(double value, double value_variance, double speed_variance)
      : value_(value), p_vv_(value_variance), p_ss_(speed_variance) {}

  // Moves on by `seconds`. acceleration: spectral density of the random
  // acceleration, units^2 / s^3.
  void Advance(double seconds, double acceleration);
  void Correct(double measured, double variance);

  double value() const { return value_; }
  double variance() const { return p_vv_; }

 private:
  double value_, speed_ = 0;
  double p_vv_, p_vs_ = 0, p_ss_;  // covariance of value and speed
};

// The motion of one object's box: centre at nearly constant speed, logarithms
// of width and height likewise. Boxes are relative to the frame, 0..1, so that
// a change of the frame's size does not matter.
class BoxMotion {
 public:
  // The box was seen at this time. Time that runs backwards, a long gap, or a
  // jump that no motion explains starts anew.
  void Update(const Box& box, std::int64_t pts_ns);
  void Reset() { updates_ = 0; }

  struct Prediction {
    Box box;
    // Standard deviation of the centre in units of the box's size, x and y
    // together. Grows with the time since the last update.
    double spread = 0;
  };
  // Defined after one update at least. Before the last update: the box there.
  Prediction At(std::int64_t pts_ns) const;

  // A box that was seen at `from_ns`, by as much as motion takes it until
  // `to_ns`: without the jump from what was seen to the smoothed path.
  Box Moved(const Box& box, std::int64_t from_ns, std::int64_t to_ns) const;

  int updates() const { return updates_; }  // since the start or the last new one

 private:
  using Filters = std::array<MotionFilter, 4>;  // centre x, y, log width, log height
  void Start(const std::array<double, 4>& measured, std::int64_t pts_ns);

  Filters filters_{MotionFilter(0, 0, 0), {0, 0, 0}, {0, 0, 0}, {0, 0, 0}};
  std::int64_t pts_ns_ = 0;
  int updates_ = 0;
};

// The mask moved and scaled with its box from `from` to `to` (pixels of the
// frame), nearest pixel, cut at the frame's edge. Empty when nothing is left.
Mask MoveMask(const Mask& mask, const Box& from, const Box& to, int frame_width,
              int frame_height);

}  // namespace sam2
