// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "prompts.h"

namespace gstsam2 {

inline constexpr int kLeftButton = 1, kRightButton = 3;
inline constexpr double kMinDrag = 4;  // pixels; less is an unsteady hand

// Turns what a video sink's GstNavigation events say into prompts for one
// object at a time, the current one. The left button dragged: a box, which
// starts an object; clicked: a click that adds to the current object or takes
// away from it. When none is current, a click on an object makes it the
// current one again, also an accepted one, and a click elsewhere starts an
// object. The right button: a negative click. Keys: Return accepts, Escape
// discards, u takes back the last step. Any thread may call.
class MousePrompts {
 public:
  // Queues what the event asks for. Returns whether the event was for us.
  bool Handle(GstEvent* event, PromptQueue& queue);

  // What there is to click on, after every frame.
  void SetObjects(const std::vector<sam2::Object>& objects);

  // The object that clicks without an id mean; 0: none.
  int current() const;
  void SetCurrent(int id);
  // Clicks do not go to this object any more.
  void Leave(int id);
  void Clear();

 private:
  struct Place {
    double x, y;
  };
  struct Target {
    int id;
    bool accepted;
    sam2::Mask mask;
  };

  bool Press(GstEvent* event);
  bool Release(GstEvent* event, PromptQueue& queue);
  bool Key(GstEvent* event, PromptQueue& queue);
  void Drag(Place from, Place to, PromptQueue& queue);
  void Click(Place at, bool negative, PromptQueue& queue);
  // The smallest object there.
  const Target* TargetAt(Place at) const;

  mutable std::mutex mutex_;
  std::optional<Place> pressed_;  // where the left button went down
  int current_ = 0;
  std::vector<Target> targets_;
};

}  // namespace gstsam2
