// SPDX-License-Identifier: Apache-2.0
#include "predictor/prompt_check.h"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace sam2 {
namespace {

std::string BoxText(const Box& box) {  // as users write it: x,y,w,h
  std::ostringstream out;
  out << box.x0 << ',' << box.y0 << ',' << box.x1 - box.x0 << ',' << box.y1 - box.y0;
  return out.str();
}

std::string FrameText(int width, int height) {
  return std::to_string(width) + "x" + std::to_string(height) + " frame";
}

std::string CheckBox(Box& box, int width, int height, bool& clipped) {
  if (!std::isfinite(box.x0) || !std::isfinite(box.y0) || !std::isfinite(box.x1) ||
      !std::isfinite(box.y1)) {
    return "box has a coordinate that is not a number";
  }
  if (box.x1 <= box.x0 || box.y1 <= box.y0) {
    return "box " + BoxText(box) + " is empty: width and height must be greater than 0";
  }
  const float w = static_cast<float>(width), h = static_cast<float>(height);
  const Box cut{std::max(box.x0, 0.f), std::max(box.y0, 0.f), std::min(box.x1, w),
                std::min(box.y1, h)};
  if (cut.x1 <= cut.x0 || cut.y1 <= cut.y0) {
    return "box " + BoxText(box) + " lies outside the " + FrameText(width, height);
  }
  clipped |= cut.x0 != box.x0 || cut.y0 != box.y0 || cut.x1 != box.x1 || cut.y1 != box.y1;
  box = cut;
  return {};
}

std::string CheckPoint(Point& point, int width, int height, bool& clipped) {
  if (!std::isfinite(point.x) || !std::isfinite(point.y)) {
    return "point has a coordinate that is not a number";
  }
  const float x = std::clamp(point.x, 0.f, static_cast<float>(width));
  const float y = std::clamp(point.y, 0.f, static_cast<float>(height));
  clipped |= x != point.x || y != point.y;
  point.x = x;
  point.y = y;
  return {};
}

std::string CheckMask(const Mask& mask, int width, int height) {
  if (mask.width <= 0 || mask.height <= 0 ||
      mask.pixels.size() != static_cast<size_t>(mask.width) * mask.height) {
    return "mask of " + std::to_string(mask.width) + "x" + std::to_string(mask.height) +
           " pixels holds " + std::to_string(mask.pixels.size()) + " bytes";
  }
  if (mask.x < 0 || mask.y < 0 || mask.x > width - mask.width || mask.y > height - mask.height) {
    return "mask reaches over the edge of the " + FrameText(width, height);
  }
  if (std::ranges::none_of(mask.pixels, [](std::uint8_t p) { return p != 0; })) {
    return "mask is empty";
  }
  return {};
}

std::string CheckParts(Prompt& prompt, int width, int height, bool& clipped) {
  if (prompt.mask) {
    if (prompt.box || !prompt.points.empty()) {
      return "a mask comes alone, without box and points";
    }
    return CheckMask(*prompt.mask, width, height);
  }
  if (!prompt.box && prompt.points.empty()) return "neither box nor points nor mask are given";
  if (prompt.box) {
    if (std::string error = CheckBox(*prompt.box, width, height, clipped); !error.empty()) {
      return error;
    }
  }
  for (Point& point : prompt.points) {
    if (std::string error = CheckPoint(point, width, height, clipped); !error.empty()) {
      return error;
    }
  }
  return {};
}

}  // namespace

void CheckPrompt(Prompt& prompt, int frame_width, int frame_height, PromptOutcome& outcome) {
  if (prompt.action == PromptAction::kRemove) return;  // needs no region
  if (prompt.action == PromptAction::kUndo || prompt.action == PromptAction::kAccept) {
    outcome.error = "undo and accept are for stills: a tracker cannot take back what it has seen";
    return;
  }
  outcome.error = CheckParts(prompt, frame_width, frame_height, outcome.clipped);
}

std::string CheckId(const Prompt& prompt) {
  const std::string id = "id " + std::to_string(prompt.id) + " is not allowed: ids ";
  if (prompt.id < 0) return id + "start at 1";
  // Those that were chosen may be above it.
  if (prompt.action == PromptAction::kAdd && prompt.id > kMaxObjectId) {
    return id + "end at " + std::to_string(kMaxObjectId);
  }
  return {};
}

void CheckWindow(const char* name, float factor, float least) {
  if (factor == 0 || (factor >= least && factor <= kMaxWindow)) return;
  std::ostringstream text;
  text << name << " " << factor << ": allowed are 0 and " << least << " to " << kMaxWindow;
  throw Error(ErrorCode::kBadSettings, text.str());
}

}  // namespace sam2
