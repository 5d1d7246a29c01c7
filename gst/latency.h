// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <array>
#include <atomic>
#include <cstddef>

namespace gstsam2 {

// The processing time that an element reports as its latency: the second
// longest of the last frames, so that one hiccup does not count, changed only
// when it is off by much. Add from one thread, reported() from any.
class LatencyMeter {
 public:
  // Returns whether reported() changed: then the pipeline must be told.
  bool Add(GstClockTime step_time);
  GstClockTime reported() const { return reported_; }
  // Adds reported(), and how long a frame waits before, to the answer of a latency query of a
  // live pipeline.
  void AddTo(GstQuery* query, GstClockTime hold_time) const;
  void Clear();

 private:
  static constexpr std::size_t kFrames = 32;
  // The first frames warm caches up.
  static constexpr std::size_t kIgnored = 2;

  std::array<GstClockTime, kFrames> times_{};
  std::size_t count_ = 0;
  std::atomic<GstClockTime> reported_ = 0;
};

}  // namespace gstsam2
