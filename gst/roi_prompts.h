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
  kFirst,   // the same, but only on the first frame that has any of use
  kAlways,  // as kNew; one that disagrees with the object it matches refines it
};

struct RoiSettings {
  PromptPolicy policy = PromptPolicy::kNew;
  // A detection and an object at least this alike are the same thing.
  float match_iou = 0.3F;
  // On how many frames a detection must have matched nothing before it starts
  // an object; between two of them there may be at most a second. kFirst does
  // not wait.
  int probation = 1;
};

// PromptRequest::source of detections.
inline constexpr char kRegionSource[] = "region of interest";

struct Detection {
  sam2::Box box;  // pixels of the frame
  std::string label;
};

// The foreign regions of interest on a buffer, equal boxes once.
std::vector<Detection> ReadDetections(GstBuffer* buffer);

// Where the tracked and occluded objects of one stream were last seen, and the
// detections of its policy that are prompts. Detections and objects are matched
// one to one, the most alike first. Places are kept relative to the frame, so
// that another frame size does not disturb them.
class RoiPrompter {
 public:
  explicit RoiPrompter(const RoiSettings& settings) : settings_(settings) {}

  // Prompts for the detections on a frame at a time, given the objects of the
  // frame before. Requests for new objects have no id yet.
  std::vector<PromptRequest> Prompts(std::span<const Detection> detections, int frame_width,
                                     int frame_height, GstClockTime time);

  // A detection became the prompt of this object on this frame.
  void Accepted(int id, const sam2::Box& box) { accepted_[id] = box; }

  // The objects after a frame. Lost ones are not matched any more.
  void Update(std::span<const sam2::Object> objects, int frame_width, int frame_height);

  // Another stream begins.
  void Reset();

 private:
  struct Seen {
    sam2::Box box;       // 0..1
    sam2::Mask mask;     // in a frame of the size below
    float width = 0, height = 0;
    bool tracked = true;
    // Where the detector has what it saw, in units of the box: a face of a person.
    std::optional<sam2::Box> seen_by_detector;
    std::optional<GstClockTime> refined;  // when a detection did so last
  };
  // A detection on probation.
  struct Candidate {
    sam2::Box box;  // 0..1
    int frames = 0;
    GstClockTime last = 0;
  };

  static float Likeness(const sam2::Box& box, const Seen& seen);
  static bool Agree(const sam2::Box& box, const Seen& seen);
  // Whether the detection has been seen for long enough to start an object.
  std::vector<bool> PassProbation(std::span<const sam2::Box> boxes, GstClockTime time);
  bool Refines(const sam2::Box& box, const Seen& seen, GstClockTime time) const;

  RoiSettings settings_;
  bool had_detections_ = false;  // of use; for kFirst
  std::map<int, Seen> seen_;  // by id
  std::map<int, sam2::Box> accepted_;  // by id, of the current frame, in pixels
  std::vector<Candidate> candidates_;
};

}  // namespace gstsam2
