// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <mutex>
#include <optional>

#include "meta.h"

namespace gstsam2 {

// The box that a mouse is drawing, by the GstNavigation events that a video
// sink sends: from where the left button went down to where the mouse is now.
// Any thread may call.
class RubberBand {
 public:
  // Takes note of the event, which goes on to whom it is meant for.
  void See(GstEvent* event);

  // No box is drawn any more.
  void Clear();

  // In pixels of the frame, which is of this size; nothing while no box is drawn.
  std::optional<Rect> rect(int frame_width, int frame_height) const;

 private:
  struct Place {
    double x, y;
  };

  mutable std::mutex mutex_;
  std::optional<Place> start_;
  Place end_{};
};

}  // namespace gstsam2
