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

void LatencyMeter::AddTo(GstQuery* query, GstClockTime hold_time) const {
  gboolean live = FALSE;
  GstClockTime min = 0, max = GST_CLOCK_TIME_NONE;
  gst_query_parse_latency(query, &live, &min, &max);
  const GstClockTime own = reported() + hold_time;
  if (!live || own == 0) return;
  if (GST_CLOCK_TIME_IS_VALID(max)) max += own;
  gst_query_set_latency(query, live, min + own, max);
}

}  // namespace gstsam2
