// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/video/video.h>

#include <string>

namespace gstsam2 {

// What lies between a frame and the one before it.
enum class Break {
  kNone,
  kJump,         // a flush, or more than a second of difference in time either way
  kOtherStream,  // another stream id, or frames of another shape
};

struct Moment {
  GstClockTime pts = 0;   // the buffer's, or where it belongs when it has none
  GstClockTime time = 0;  // never goes back: a jump counts as one frame
  Break before = Break::kNone;
};

// Where in time the frames of one pad are, from what its events and buffers
// say. To be called from the streaming thread.
class Timeline {
 public:
  void See(GstEvent* event);
  void SetInfo(const GstVideoInfo& info);
  Moment Next(GstBuffer* buffer);

 private:
  GstClockTime DurationOf(GstBuffer* buffer) const;

  std::string stream_id_;
  int width_ = 0, height_ = 0;
  GstClockTime frame_time_ = GST_SECOND / 25;  // by the caps, else that of the frames before
  bool knows_rate_ = false;
  bool started_ = false, first_ = false;  // first: only one frame was there yet
  bool new_segment_ = false;
  Break before_ = Break::kNone;
  GstClockTime last_pts_ = 0, next_pts_ = 0;  // next: expected
  GstClockTime time_ = 0;
};

}  // namespace gstsam2
