// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <mutex>
#include <optional>
#include <string>

#include "prompts.h"

namespace gstsam2 {

// Turns what a video sink's GstNavigation events say into prompts for one
// object at a time, the current one. The left button dragged: a box, which
// starts an object; clicked: a click that adds to the current object or takes
// away from it, or starts one when there is none. The right button: a negative
// click. Keys: Return accepts, Escape discards, u takes back the last step.
// Any thread may call.
class MousePrompts {
 public:
  // Queues what the event asks for. Returns whether the event was for us.
  bool Handle(GstEvent* event, PromptQueue& queue);

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

  bool Press(GstEvent* event);
  bool Release(GstEvent* event, PromptQueue& queue);
  bool Key(GstEvent* event, PromptQueue& queue);
  void Drag(Place from, Place to, PromptQueue& queue);
  void Click(Place at, bool negative, PromptQueue& queue);

  mutable std::mutex mutex_;
  std::optional<Place> pressed_;  // where the left button went down
  int current_ = 0;
};

}  // namespace gstsam2
