// SPDX-License-Identifier: Apache-2.0
#include "rubber_band.h"

#include <gst/video/navigation.h>

#include <algorithm>
#include <cmath>

#include "mouse_prompts.h"

namespace gstsam2 {

void RubberBand::See(GstEvent* event) {
  if (GST_EVENT_TYPE(event) != GST_EVENT_NAVIGATION) return;
  const std::lock_guard lock(mutex_);
  int button = 0;
  Place at{};
  switch (gst_navigation_event_get_type(event)) {
    case GST_NAVIGATION_EVENT_MOUSE_BUTTON_PRESS:
      if (gst_navigation_event_parse_mouse_button_event(event, &button, &at.x, &at.y) &&
          button == kLeftButton) {
        start_ = end_ = at;
      }
      break;
    case GST_NAVIGATION_EVENT_MOUSE_BUTTON_RELEASE:
      if (gst_navigation_event_parse_mouse_button_event(event, &button, nullptr, nullptr) &&
          button == kLeftButton) {
        start_.reset();
      }
      break;
    case GST_NAVIGATION_EVENT_MOUSE_MOVE:
      if (gst_navigation_event_parse_mouse_move_event(event, &at.x, &at.y)) end_ = at;
      break;
    default:
      break;
  }
}

void RubberBand::Clear() {
  const std::lock_guard lock(mutex_);
  start_.reset();
}

std::optional<Rect> RubberBand::rect(int frame_width, int frame_height) const {
  const std::lock_guard lock(mutex_);
  if (!start_) return std::nullopt;
  const double width = std::abs(end_.x - start_->x), height = std::abs(end_.y - start_->y);
  if (std::max(width, height) < MinDrag(frame_width, frame_height)) return std::nullopt;
  return Rect{std::min(start_->x, end_.x), std::min(start_->y, end_.y), width, height};
}

}  // namespace gstsam2
