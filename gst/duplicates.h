// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <map>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "sam2.h"

namespace gstsam2 {

// Finds objects that have become the same thing: two masks that overlap by more
// than `iou` for at least `time`. Only objects born of detections go, the younger
// one of two; what a person asked for stays.
class Duplicates {
 public:
  struct Pair {
    int goes, stays;  // ids
  };

  // iou: at 1 nothing is ever a duplicate.
  Duplicates(float iou, GstClockTime time) : iou_(iou), time_(time) {}

  // The object came of a detection.
  void Born(int id) { born_.insert(id); }

  // The objects of a frame, oldest first. Returns the pairs whose time is over.
  std::vector<Pair> Update(std::span<const sam2::Object> objects, GstClockTime now);

  void Reset();

 private:
  // Which of an older and a younger object would have to go; 0: neither.
  int GoesOf(int older, int younger) const;

  float iou_;
  GstClockTime time_;
  std::set<int> born_;                                // ids
  std::map<std::pair<int, int>, GstClockTime> since_;  // by the ids that go and stay
};

}  // namespace gstsam2
