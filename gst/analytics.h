// SPDX-License-Identifier: Apache-2.0
//
// The objects as GStreamer's own analytics metadata, for elements that know only
// that. GStreamer has all of it from 1.26 on; built against an older one, none
// is written.
#pragma once

#include <gst/gst.h>

#include <map>

#include "meta.h"

namespace gstsam2 {

// When an object was seen, in the times of the buffers.
struct Sightings {
  GstClockTime first = GST_CLOCK_TIME_NONE, last = GST_CLOCK_TIME_NONE;
};

// Adds to a buffer's GstAnalyticsRelationMeta, which may hold a detector's
// results, for each object
// - where it has a box: an object detection mtd;
// - where it has a mask: an instance segmentation mtd of one region, it and the
//   object detection mtd related to each other;
// - if objects outlive a frame: a tracking mtd, to which the object detection
//   mtd is related. Its tracking id is the object's id; it is "lost" while the
//   object's state is lost.
// What an earlier element of this plugin wrote for its objects goes, where the
// meta holds nothing else: GStreamer cannot remove single mtds, so that beside a
// detector's results they stay.
// To be called for each buffer of a stream, before WriteObjects takes the masks.
class AnalyticsWriter {
 public:
  explicit AnalyticsWriter(bool tracks) : tracks_(tracks) {}

  void Write(GstBuffer* buffer, const ObjectsRecord& record);

 private:
  bool tracks_;
  std::map<int, Sightings> sightings_;  // by id; those of the last buffer's objects
};

}  // namespace gstsam2
