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

// Less than that between press and release is an unsteady hand: so many pixels, more of a frame
// that a sink is likely to show smaller than it is.
double MinDrag(int frame_width, int frame_height);

// What there is to click on.
enum class MouseMode {
  // A picture. Clicks go to one object, the current one, until it is left: one
  // inside its mask takes away, one outside adds. When none is current, a click
  // on an object makes it the current one again, also an accepted one, and a
  // click elsewhere starts an object. Return accepts, Escape discards, u takes
  // back the last step.
  kStills,
  // A video, whose objects move: a click goes to the object under it, elsewhere
  // it starts one, with Shift it adds to the current object. Escape removes that,
  // Return leaves it.
  kTracks,
};

// Turns what a video sink's GstNavigation events say into prompts. The left
// button dragged: a box, which starts an object; clicked: a click. The right
// button: a negative click. The current object is the one prompted last.
// Any thread may call.
class MousePrompts {
 public:
  explicit MousePrompts(MouseMode mode) : mode_(mode) {}

  // Size of the frames that clicks are in.
  void SetFrameSize(int width, int height);

  // Queues what the event asks for. Returns whether the event was for us.
  bool Handle(GstEvent* event, PromptQueue& queue);

  // What there is to click on, after every frame.
  void SetObjects(const std::vector<sam2::Object>& objects);

  // The object that clicks without an id mean; 0: none.
  int current() const;
  // Queues the prompt of an object, which is the current one from now on: at once,
  // so that it is also left when the prompt is refused. Returns its id.
  int Queue(PromptRequest request, PromptQueue& queue);
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
  bool TrackKey(const std::string& key, PromptQueue& queue);
  void Drag(Place from, Place to, PromptQueue& queue);
  void Click(Place at, bool negative, PromptQueue& queue);
  void TrackClick(Place at, bool negative, bool shift, PromptQueue& queue);
  void Prompt(PromptRequest request, PromptQueue& queue);
  // The smallest object there.
  const Target* TargetAt(Place at) const;

  const MouseMode mode_;
  mutable std::mutex mutex_;
  int frame_width_ = 0, frame_height_ = 0;
  std::optional<Place> pressed_;  // where the left button went down
  int current_ = 0;
  std::vector<Target> targets_;
};

}  // namespace gstsam2
