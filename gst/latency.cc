// SPDX-License-Identifier: Apache-2.0
#include "latency.h"

#include <algorithm>
#include <functional>

namespace gstsam2 {

bool LatencyMeter::Add(GstClockTime step_time) {
  if (count_++ < kIgnored) return false;
  times_[count_ % kFrames] = step_time;
  std::array<GstClockTime, kFrames> sorted = times_;
  std::ranges::nth_element(sorted, sorted.begin() + 1, std::greater());
  const GstClockTime measured = sorted[1];
  const GstClockTime reported = reported_;
  if (measured <= reported && measured * 2 >= reported) return false;
  reported_ = measured + measured / 4;
  return true;
}

void LatencyMeter::Clear() {
  times_ = {};
  count_ = 0;
  reported_ = 0;
}

}  // namespace gstsam2
