// SPDX-License-Identifier: Apache-2.0
#include "timeline.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace gstsam2 {
namespace {

constexpr GstClockTime kJump = GST_SECOND;
// Rounded sizes of one shape differ by less: 640x360 and 854x480.
constexpr double kSameShape = 0.02;

bool IsFar(GstClockTime a, GstClockTime b) { return std::max(a, b) - std::min(a, b) > kJump; }

}  // namespace

void Timeline::See(GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_STREAM_START) {
    const char* id = nullptr;
    gst_event_parse_stream_start(event, &id);
    const std::string before = std::exchange(stream_id_, id);
    if (!before.empty() && before != stream_id_) before_ = Break::kOtherStream;
  } else if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) {
    before_ = std::max(before_, Break::kJump);
  } else if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT) {
    new_segment_ = true;
  } else if (GST_EVENT_TYPE(event) == GST_EVENT_GAP) {
    GstClockTime start = 0, duration = 0;
    gst_event_parse_gap(event, &start, &duration);
    next_pts_ = start + (GST_CLOCK_TIME_IS_VALID(duration) ? duration : 0);
  }
}

void Timeline::SetInfo(const GstVideoInfo& info) {
  const double before = static_cast<double>(width_) * info.height;
  const double now = static_cast<double>(height_) * info.width;
  if (std::abs(before - now) > kSameShape * std::max(before, now)) before_ = Break::kOtherStream;
  width_ = info.width;
  height_ = info.height;
  knows_rate_ = info.fps_n > 0;
  if (knows_rate_) {
    frame_time_ = gst_util_uint64_scale_int(GST_SECOND, info.fps_d, info.fps_n);
  }
}

GstClockTime Timeline::DurationOf(GstBuffer* buffer) const {
  return GST_BUFFER_DURATION_IS_VALID(buffer) ? GST_BUFFER_DURATION(buffer) : frame_time_;
}

Moment Timeline::Next(GstBuffer* buffer) {
  const GstClockTime duration = DurationOf(buffer);
  const bool guessed = !knows_rate_ && !GST_BUFFER_DURATION_IS_VALID(buffer);
  Moment moment{.pts = GST_BUFFER_PTS_IS_VALID(buffer) ? GST_BUFFER_PTS(buffer) : next_pts_};
  if (!started_) {
    time_ = moment.pts;
  } else {
    // Frames may be any time apart: the second one, and each that comes sooner than the
    // one before it did, is as good as expected.
    const bool slow = guessed && moment.pts > last_pts_ && (first_ || moment.pts < next_pts_);
    const bool jump = IsFar(moment.pts, next_pts_) && !slow;
    // Without a new segment a hole in the stream is time that went by.
    const bool went_by = moment.pts > last_pts_ && !(jump && new_segment_);
    time_ += went_by ? moment.pts - last_pts_ : duration;
    moment.before = std::max(before_, jump ? Break::kJump : Break::kNone);
    if (guessed && moment.pts > last_pts_) frame_time_ = moment.pts - last_pts_;
  }
  moment.time = time_;
  first_ = !started_;
  started_ = true;
  new_segment_ = false;
  before_ = Break::kNone;
  last_pts_ = moment.pts;
  next_pts_ = moment.pts + DurationOf(buffer);
  return moment;
}

}  // namespace gstsam2
