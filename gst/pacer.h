// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

namespace gstsam2 {

// Says which frames of a live stream there is no time to look at: those that
// would leave too late. So that a stream that is always late gets results all
// the same, none is passed over once the network has rested for as long as its
// last step took. Times are running times of the pipeline; a seek may turn them
// back, and then the network has rested.
class Pacer {
 public:
  // now: a frame is there; due: when it must have left.
  bool Skip(GstClockTime now, GstClockTime due) const {
    return now + step_ > due && now < rested_ && rested_ - now <= step_;
  }
  // A step of this length has ended.
  void Worked(GstClockTime end, GstClockTime step) {
    step_ = step;
    rested_ = end + step;
  }
  void Clear() { *this = Pacer(); }

 private:
  GstClockTime step_ = 0;
  GstClockTime rested_ = 0;
};

}  // namespace gstsam2
