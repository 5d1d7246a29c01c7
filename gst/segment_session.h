// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/video/video.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model_properties.h"
#include "prompts.h"
#include "sam2.h"
#include "segment_mouse.h"

namespace gstsam2 {

// What is segmented.
enum class SegmentMode {
  kPrompts,     // what boxes and clicks mean
  kEverything,  // all that a grid of clicks finds
};

// The properties of sam2segment, as they were when the stream started.
struct SegmentSettings : ModelSettings {
  std::string box;
  std::string prompts_location;
  SegmentMode mode = SegmentMode::kPrompts;
  sam2::StillsOptions stills;  // mask_choice may change while the stream runs
  sam2::EverythingOptions everything;
};

// One stream through sam2segment, from start to stop. To be called from one
// thread at a time.
class SegmentSession {
 public:
  // Opens the model and queues the prompts of `prompts-location`. `element`
  // posts the messages; it, `queue` and `mouse` outlive the session.
  // Throws ElementError and sam2::Error.
  SegmentSession(GstElement* element, const SegmentSettings& settings, PromptQueue& queue,
                 MousePrompts& mouse);

  void SetInfo(const GstVideoInfo& info) { info_ = info; }
  void SetMaskChoice(sam2::MaskChoice choice);

  // Applies the prompts that are due and attaches the picture's objects to the
  // buffer, which is writable. Returns whether the network may have run.
  // Throws ElementError and sam2::Error.
  bool Process(GstBuffer* buffer);

  // Warns about prompts whose frame never came.
  void EndOfStream();

 private:
  GstClockTime PtsOf(GstBuffer* buffer);
  bool Everything(GstBuffer* buffer, const PromptQueue::Due& due);
  bool Prompts(GstBuffer* buffer, PromptQueue::Due due);
  // Prompts that every new picture brings: the box property's and detections.
  void AddOwnPrompts(GstBuffer* buffer, bool is_new, std::vector<PromptRequest>& requests);
  std::vector<sam2::Object> Step(const std::vector<PromptRequest>& requests);
  void Learn(const PromptRequest& request, const sam2::PromptOutcome& outcome);
  void Refused(const PromptRequest& request, const std::string& reason);
  // Labels and mouse forget the objects that are gone.
  void Forget(const std::vector<sam2::Object>& alive);
  void Attach(GstBuffer* buffer, std::vector<sam2::Object> objects);

  GstElement* element_;
  SegmentSettings settings_;
  PromptQueue& queue_;
  MousePrompts& mouse_;
  std::vector<PromptRequest> boxes_;  // of the box property
  std::shared_ptr<sam2::Engine> engine_;
  std::unique_ptr<sam2::ImagePredictor> predictor_;

  GstVideoInfo info_;
  std::uint64_t frame_ = 0;
  GstClockTime next_pts_ = 0;    // expected, for buffers without one
  bool prompted_ = false;        // some prompt was accepted
  bool took_detections_ = false;  // of this picture
  std::vector<int> alive_;        // ids after the last frame
  std::map<int, std::string> labels_;  // by id
};

}  // namespace gstsam2
