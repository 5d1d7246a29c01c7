// SPDX-License-Identifier: Apache-2.0
#include "roi_prompts.h"

#include <gst/video/gstvideometa.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "mask_overlap.h"
#include "meta.h"

namespace gstsam2 {
namespace {

// A detection and the object it matches agree from here on: no need to refine.
constexpr float kAgree = 0.7F;
// A detector's boxes may disagree with masks for good: it is heard this often.
constexpr GstClockTime kRefineInterval = GST_SECOND;
// A detection on probation that was not seen for longer was another one.
constexpr GstClockTime kCandidateMemory = GST_SECOND;

bool SameBox(const sam2::Box& a, const sam2::Box& b) {
  return a.x0 == b.x0 && a.y0 == b.y0 && a.x1 == b.x1 && a.y1 == b.y1;
}

sam2::Box Scaled(const sam2::Box& box, float sx, float sy) {
  return {box.x0 * sx, box.y0 * sy, box.x1 * sx, box.y1 * sy};
}

sam2::Box Relative(const sam2::Box& box, int width, int height) {
  return Scaled(box, 1 / static_cast<float>(width), 1 / static_cast<float>(height));
}

// A box in units of another one, and back.
sam2::Box InUnitsOf(const sam2::Box& box, const sam2::Box& unit) {
  const float w = unit.x1 - unit.x0, h = unit.y1 - unit.y0;
  return {(box.x0 - unit.x0) / w, (box.y0 - unit.y0) / h, (box.x1 - unit.x0) / w,
          (box.y1 - unit.y0) / h};
}

sam2::Box OutOf(const sam2::Box& box, const sam2::Box& unit) {
  const float w = unit.x1 - unit.x0, h = unit.y1 - unit.y0;
  return {unit.x0 + box.x0 * w, unit.y0 + box.y0 * h, unit.x0 + box.x1 * w,
          unit.y0 + box.y1 * h};
}

// Pairs rows and columns one to one, the highest score first, none below
// `least` or 0. Returns each row's column, or nothing.
std::vector<std::optional<std::size_t>> Match(
    std::size_t rows, std::size_t columns, float least,
    const std::function<float(std::size_t, std::size_t)>& score) {
  struct Pair {
    float score;
    std::size_t row, column;
  };
  std::vector<Pair> pairs;
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t column = 0; column < columns; ++column) {
      const float value = score(row, column);
      if (value >= least && value > 0) pairs.push_back({value, row, column});
    }
  }
  std::ranges::stable_sort(pairs, std::greater(), &Pair::score);
  std::vector<std::optional<std::size_t>> match(rows);
  std::vector<bool> taken(columns);
  for (const Pair& pair : pairs) {
    if (match[pair.row] || taken[pair.column]) continue;
    match[pair.row] = pair.column;
    taken[pair.column] = true;
  }
  return match;
}

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

// Overlap of the boxes, as far as it is overlap with the mask too: an object
// behind another one shares much of its box and little of its mask. Or overlap
// with where the detector should see the object.
float RoiPrompter::Likeness(const sam2::Box& box, const Seen& seen) {
  const float expected =
      seen.seen_by_detector ? Iou(box, OutOf(*seen.seen_by_detector, seen.box)) : 0;
  const float iou = Iou(box, seen.box);
  if (iou == 0 || seen.mask.empty()) return std::max(expected, iou);
  const std::int64_t inside = AreaIn(seen.mask, Scaled(box, seen.width, seen.height));
  const float share = static_cast<float>(inside) / static_cast<float>(Area(seen.mask));
  return std::max(expected, iou * share);
}

bool RoiPrompter::Agree(const sam2::Box& box, const Seen& seen) {
  const sam2::Box expected =
      seen.seen_by_detector ? OutOf(*seen.seen_by_detector, seen.box) : seen.box;
  return Iou(box, expected) >= kAgree;
}

std::vector<PromptRequest> RoiPrompter::Prompts(std::span<const Detection> detections,
                                                int frame_width, int frame_height,
                                                GstClockTime time) {
  if (detections.empty()) return {};
  if (settings_.policy == PromptPolicy::kFirst) {
    if (had_detections_) return {};
    had_detections_ = std::ranges::any_of(detections, [&](const Detection& detection) {
      return ReasonToRefuse(ToRequest(detection).prompt, frame_width, frame_height).empty();
    });
  }

  std::vector<sam2::Box> boxes;
  for (const Detection& detection : detections) {
    boxes.push_back(Relative(detection.box, frame_width, frame_height));
  }
  std::vector<int> ids;
  for (const auto& [id, seen] : seen_) ids.push_back(id);
  const auto match = Match(boxes.size(), ids.size(), settings_.match_iou,
                           [&](std::size_t box, std::size_t object) {
                             return Likeness(boxes[box], seen_.at(ids[object]));
                           });

  std::vector<PromptRequest> requests;
  std::vector<std::size_t> unmatched;
  std::vector<sam2::Box> unmatched_boxes;
  for (std::size_t i = 0; i < detections.size(); ++i) {
    if (!match[i]) {
      unmatched.push_back(i);
      unmatched_boxes.push_back(boxes[i]);
      continue;
    }
    Seen& seen = seen_.at(ids[*match[i]]);
    if (!Refines(boxes[i], seen, time)) continue;
    seen.refined = time;
    requests.push_back(ToRequest(detections[i]));
    requests.back().prompt.id = ids[*match[i]];
    requests.back().prompt.action = sam2::PromptAction::kRefine;
  }
  const std::vector<bool> passed = PassProbation(unmatched_boxes, time);
  for (std::size_t i = 0; i < unmatched.size(); ++i) {
    if (passed[i]) requests.push_back(ToRequest(detections[unmatched[i]]));
  }
  return requests;
}

bool RoiPrompter::Refines(const sam2::Box& box, const Seen& seen, GstClockTime time) const {
  if (settings_.policy != PromptPolicy::kAlways) return false;
  if (seen.refined && time - *seen.refined < kRefineInterval) return false;
  return !seen.tracked || !Agree(box, seen);
}

std::vector<bool> RoiPrompter::PassProbation(std::span<const sam2::Box> boxes,
                                             GstClockTime time) {
  std::erase_if(candidates_, [&](const Candidate& candidate) {
    return time - candidate.last > kCandidateMemory;
  });
  const int needed = settings_.policy == PromptPolicy::kFirst ? 1 : settings_.probation;
  const auto match = Match(boxes.size(), candidates_.size(), settings_.match_iou,
                           [&](std::size_t box, std::size_t candidate) {
                             return Iou(boxes[box], candidates_[candidate].box);
                           });
  std::vector<bool> passed;
  std::vector<bool> done(candidates_.size());
  std::vector<Candidate> added;
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    Candidate candidate{.box = boxes[i], .frames = 1, .last = time};
    if (match[i]) candidate.frames += candidates_[*match[i]].frames;
    passed.push_back(candidate.frames >= needed);
    if (match[i]) done[*match[i]] = true;
    if (!passed.back()) added.push_back(candidate);
  }
  for (std::size_t i = 0; i < done.size(); ++i) {
    if (!done[i]) added.push_back(candidates_[i]);
  }
  candidates_ = std::move(added);
  return passed;
}

void RoiPrompter::Update(std::span<const sam2::Object> objects, int frame_width,
                         int frame_height) {
  std::map<int, Seen> now;
  for (const sam2::Object& object : objects) {
    const auto before = seen_.find(object.id);
    const auto accepted = accepted_.find(object.id);
    const bool known = before != seen_.end() || accepted != accepted_.end();
    if (!object.box && (object.state == sam2::ObjectState::kLost || !known)) continue;
    Seen& seen = now[object.id];
    if (before != seen_.end()) seen = std::move(before->second);
    if (accepted != accepted_.end()) {
      seen.box = Relative(accepted->second, frame_width, frame_height);
      seen.seen_by_detector.reset();
    }
    seen.tracked = object.box.has_value();
    if (!object.box) continue;
    if (accepted != accepted_.end()) {
      seen.seen_by_detector = InUnitsOf(accepted->second, *object.box);
    }
    seen.box = Relative(*object.box, frame_width, frame_height);
    seen.mask = object.mask;
    seen.width = static_cast<float>(frame_width);
    seen.height = static_cast<float>(frame_height);
  }
  seen_ = std::move(now);
  accepted_.clear();
}

void RoiPrompter::Reset() {
  had_detections_ = false;
  seen_.clear();
  accepted_.clear();
  candidates_.clear();
}

}  // namespace gstsam2
