// SPDX-License-Identifier: Apache-2.0
//
// Detections (regions of interest of any detector) as prompts.
#pragma once

#include <gst/gst.h>

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "prompts.h"
#include "sam2.h"

namespace gstsam2 {

// What becomes of detections.
enum class PromptPolicy {
  kNew,     // one that matches no live object starts one
  kFirst,   // the same, but only on the first frame that has any
  kAlways,  // as kNew; one that disagrees with the object it matches refines it
};

// PromptRequest::source of detections.
inline constexpr char kRegionSource[] = "region of interest";

struct Detection {
  sam2::Box box;  // pixels of the frame
  std::string label;
};

// The foreign regions of interest on a buffer, equal boxes once.
std::vector<Detection> ReadDetections(GstBuffer* buffer);

// Intersection over union, 0..1.
float Iou(const sam2::Box& a, const sam2::Box& b);

// Where the tracked and occluded objects of one stream were last seen, and the
// detections of its policy that are prompts. Boxes are kept relative to the
// frame, so that another frame size does not disturb them.
class RoiPrompter {
 public:
  // match_iou: a detection and an object at least this alike are the same thing.
  RoiPrompter(PromptPolicy policy, float match_iou) : policy_(policy), match_iou_(match_iou) {}

  // Prompts for the detections on a frame, given the objects of the frame before.
  // Requests for new objects have no id yet.
  std::vector<PromptRequest> Prompts(std::span<const Detection> detections, int frame_width,
                                     int frame_height);

  // The objects after a frame. Lost ones are not matched any more.
  void Update(std::span<const sam2::Object> objects, int frame_width, int frame_height);

 private:
  struct Seen {
    sam2::Box box;  // 0..1
    bool tracked = true;
  };

  PromptPolicy policy_;
  float match_iou_;
  bool had_detections_ = false;
  std::map<int, Seen> seen_;  // by id
};

}  // namespace gstsam2
