// SPDX-License-Identifier: Apache-2.0
#include "mouse_prompts.h"

#include <gst/video/navigation.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace gstsam2 {

double MinDrag(int frame_width, int frame_height) {
  return std::max(4.0, 0.005 * std::max(frame_width, frame_height));
}

bool MousePrompts::Handle(GstEvent* event, PromptQueue& queue) {
  if (GST_EVENT_TYPE(event) != GST_EVENT_NAVIGATION) return false;
  const std::lock_guard lock(mutex_);
  switch (gst_navigation_event_get_type(event)) {
    case GST_NAVIGATION_EVENT_MOUSE_BUTTON_PRESS: return Press(event);
    case GST_NAVIGATION_EVENT_MOUSE_BUTTON_RELEASE: return Release(event, queue);
    case GST_NAVIGATION_EVENT_KEY_PRESS: return Key(event, queue);
    default: return false;
  }
}

void MousePrompts::SetObjects(const std::vector<sam2::Object>& objects) {
  std::vector<Target> targets;
  for (const sam2::Object& object : objects) {
    if (!object.mask.empty()) targets.push_back({object.id, object.accepted, object.mask});
  }
  const std::lock_guard lock(mutex_);
  targets_ = std::move(targets);
}

void MousePrompts::SetFrameSize(int width, int height) {
  const std::lock_guard lock(mutex_);
  frame_width_ = width;
  frame_height_ = height;
}

int MousePrompts::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

int MousePrompts::Queue(PromptRequest request, PromptQueue& queue) {
  const std::lock_guard lock(mutex_);
  current_ = queue.Add(std::move(request));
  return current_;
}

void MousePrompts::Leave(int id) {
  const std::lock_guard lock(mutex_);
  if (current_ == id) current_ = 0;
}

void MousePrompts::Clear() {
  const std::lock_guard lock(mutex_);
  pressed_.reset();
  current_ = 0;
  targets_.clear();
}

bool MousePrompts::Press(GstEvent* event) {
  int button = 0;
  Place at{};
  if (!gst_navigation_event_parse_mouse_button_event(event, &button, &at.x, &at.y)) return false;
  if (button == kLeftButton) pressed_ = at;
  return button == kLeftButton || button == kRightButton;
}

bool MousePrompts::Release(GstEvent* event, PromptQueue& queue) {
  int button = 0;
  Place at{};
  if (!gst_navigation_event_parse_mouse_button_event(event, &button, &at.x, &at.y)) return false;
  GstNavigationModifierType modifiers = GST_NAVIGATION_MODIFIER_NONE;
  gst_navigation_event_parse_modifier_state(event, &modifiers);
  const auto click = [&](Place where, bool negative) {
    if (mode_ == MouseMode::kStills) {
      Click(where, negative, queue);
    } else {
      TrackClick(where, negative, (modifiers & GST_NAVIGATION_MODIFIER_SHIFT_MASK) != 0, queue);
    }
    return true;
  };
  if (button == kRightButton) return click(at, true);
  if (button != kLeftButton) return false;
  const Place from = std::exchange(pressed_, std::nullopt).value_or(at);
  const double width = std::abs(at.x - from.x), height = std::abs(at.y - from.y);
  const bool moved = std::max(width, height) >= MinDrag(frame_width_, frame_height_);
  if (!moved || std::min(width, height) < 1) return click(from, false);  // a line is no box
  Drag(from, at, queue);
  return true;
}

bool MousePrompts::Key(GstEvent* event, PromptQueue& queue) {
  const char* name = nullptr;
  if (!gst_navigation_event_parse_key_event(event, &name)) return false;
  const std::string key = name;
  if (mode_ == MouseMode::kTracks) return TrackKey(key, queue);
  sam2::PromptAction action{};
  if (key == "Return" || key == "KP_Enter") {
    action = sam2::PromptAction::kAccept;
  } else if (key == "Escape") {
    action = sam2::PromptAction::kRemove;
  } else if (key == "u") {
    action = sam2::PromptAction::kUndo;
  } else {
    return false;
  }
  if (current_ == 0) return true;  // nothing to accept, discard or take back
  queue.Add(RequestFor(current_, action, "key"));
  if (action != sam2::PromptAction::kUndo) current_ = 0;
  return true;
}

bool MousePrompts::TrackKey(const std::string& key, PromptQueue& queue) {
  if (key != "Escape" && key != "Return" && key != "KP_Enter") return false;
  const int left = std::exchange(current_, 0);
  if (key == "Escape" && left != 0) {
    queue.Add(RequestFor(left, sam2::PromptAction::kRemove, "key"));
  }
  return true;
}

void MousePrompts::Drag(Place from, Place to, PromptQueue& queue) {
  const double x = std::min(from.x, to.x), y = std::min(from.y, to.y);
  Prompt(BoxRequest(0, x, y, std::max(from.x, to.x) - x, std::max(from.y, to.y) - y, nullptr,
                    "mouse"),
         queue);
}

void MousePrompts::Click(Place at, bool negative, PromptQueue& queue) {
  if (current_ == 0) {
    const Target* target = TargetAt(at);
    if (target == nullptr && negative) return;  // nothing to take away from
    if (target != nullptr) {
      current_ = target->id;
      if (target->accepted) {
        queue.Add(RequestFor(current_, sam2::PromptAction::kUndo, "mouse"));
      }
      if (!negative) return;  // chosen; the next click corrects it
    }
  }
  Prompt(PointRequest(current_,
                      {.x = static_cast<float>(at.x), .y = static_cast<float>(at.y),
                       .positive = !negative, .automatic = !negative && current_ != 0},
                      "mouse"),
         queue);
}

void MousePrompts::TrackClick(Place at, bool negative, bool shift, PromptQueue& queue) {
  const Target* target = TargetAt(at);
  int id = target != nullptr ? target->id : 0;
  if (shift || (id == 0 && negative)) id = current_;
  if (id == 0 && negative) return;  // nothing to take away from
  Prompt(PointRequest(id,
                      {.x = static_cast<float>(at.x), .y = static_cast<float>(at.y),
                       .positive = !negative},
                      "mouse"),
         queue);
}

void MousePrompts::Prompt(PromptRequest request, PromptQueue& queue) {
  request.frame_width = frame_width_;
  request.frame_height = frame_height_;
  current_ = queue.Add(std::move(request));
}

const MousePrompts::Target* MousePrompts::TargetAt(Place at) const {
  const Target* best = nullptr;
  if (!(at.x >= 0 && at.x < G_MAXINT && at.y >= 0 && at.y < G_MAXINT)) return best;
  for (const Target& target : targets_) {
    const sam2::Mask& mask = target.mask;
    const int x = static_cast<int>(std::floor(at.x)) - mask.x;
    const int y = static_cast<int>(std::floor(at.y)) - mask.y;
    if (x < 0 || y < 0 || x >= mask.width || y >= mask.height ||
        mask.pixels[static_cast<std::size_t>(y) * mask.width + x] == 0) {
      continue;
    }
    if (best == nullptr || mask.pixels.size() < best->mask.pixels.size()) best = &target;
  }
  return best;
}

}  // namespace gstsam2
