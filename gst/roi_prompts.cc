// SPDX-License-Identifier: Apache-2.0
#include "roi_prompts.h"

#include <gst/video/gstvideometa.h>

#include <algorithm>
#include <utility>

#include "meta.h"

namespace gstsam2 {
namespace {

// A detection and the object it matches agree from here on: no need to refine.
constexpr float kAgreeIou = 0.7F;

float Area(const sam2::Box& box) {
  return std::max(0.F, box.x1 - box.x0) * std::max(0.F, box.y1 - box.y0);
}

bool SameBox(const sam2::Box& a, const sam2::Box& b) {
  return a.x0 == b.x0 && a.y0 == b.y0 && a.x1 == b.x1 && a.y1 == b.y1;
}

sam2::Box Relative(const sam2::Box& box, int width, int height) {
  const auto w = static_cast<float>(width), h = static_cast<float>(height);
  return {box.x0 / w, box.y0 / h, box.x1 / w, box.y1 / h};
}

struct Pair {
  float iou;
  std::size_t detection;
  int id;
};

PromptRequest ToRequest(const Detection& detection) {
  PromptRequest request;
  request.prompt.box = detection.box;
  request.label = detection.label;
  request.source = kRegionSource;
  return request;
}

}  // namespace

std::vector<Detection> ReadDetections(GstBuffer* buffer) {
  std::vector<Detection> detections;
  const std::vector<GstVideoRegionOfInterestMeta*> rois = SortRois(buffer).foreign;
  for (const GstVideoRegionOfInterestMeta* roi : rois) {
    const auto x = static_cast<float>(roi->x), y = static_cast<float>(roi->y);
    const sam2::Box box = {x, y, x + static_cast<float>(roi->w), y + static_cast<float>(roi->h)};
    const bool known = std::ranges::any_of(
        detections, [&](const Detection& other) { return SameBox(other.box, box); });
    const char* label = g_quark_to_string(roi->roi_type);
    if (!known) detections.push_back({box, label != nullptr ? label : ""});
  }
  return detections;
}

float Iou(const sam2::Box& a, const sam2::Box& b) {
  const sam2::Box both = {std::max(a.x0, b.x0), std::max(a.y0, b.y0), std::min(a.x1, b.x1),
                          std::min(a.y1, b.y1)};
  const float shared = Area(both);
  return shared > 0 ? shared / (Area(a) + Area(b) - shared) : 0;
}

std::vector<PromptRequest> RoiPrompter::Prompts(std::span<const Detection> detections,
                                                int frame_width, int frame_height) {
  if (detections.empty()) return {};
  const bool first = !std::exchange(had_detections_, true);
  if (policy_ == PromptPolicy::kFirst && !first) return {};

  // One to one, best first.
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < detections.size(); ++i) {
    const sam2::Box box = Relative(detections[i].box, frame_width, frame_height);
    for (const auto& [id, seen] : seen_) {
      const float iou = Iou(box, seen.box);
      if (iou >= match_iou_ && iou > 0) pairs.push_back({iou, i, id});
    }
  }
  std::ranges::stable_sort(pairs, std::greater(), &Pair::iou);
  std::map<std::size_t, Pair> match;  // by detection
  std::map<int, bool> taken;          // by id
  for (const Pair& pair : pairs) {
    if (match.contains(pair.detection) || taken[pair.id]) continue;
    match[pair.detection] = pair;
    taken[pair.id] = true;
  }

  std::vector<PromptRequest> requests;
  for (std::size_t i = 0; i < detections.size(); ++i) {
    const auto found = match.find(i);
    if (found == match.end()) {
      requests.push_back(ToRequest(detections[i]));
      continue;
    }
    const auto& [iou, unused, id] = found->second;
    const bool agrees = iou >= kAgreeIou && seen_.at(id).tracked;
    if (policy_ != PromptPolicy::kAlways || agrees) continue;
    requests.push_back(ToRequest(detections[i]));
    requests.back().prompt.id = id;
    requests.back().prompt.action = sam2::PromptAction::kRefine;
  }
  return requests;
}

void RoiPrompter::Update(std::span<const sam2::Object> objects, int frame_width,
                         int frame_height) {
  std::map<int, Seen> now;
  for (const sam2::Object& object : objects) {
    const auto before = seen_.find(object.id);
    if (object.box) {
      now[object.id] = {Relative(*object.box, frame_width, frame_height), true};
    } else if (object.state == sam2::ObjectState::kOccluded && before != seen_.end()) {
      now[object.id] = {before->second.box, false};
    }
  }
  seen_ = std::move(now);
}

}  // namespace gstsam2
