// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/video/video.h>

#include <memory>
#include <stop_token>
#include <vector>

#include "prompts.h"
#include "sam2.h"
#include "mouse_prompts.h"
#include "session.h"

namespace gstsam2 {

// What is segmented.
enum class SegmentMode {
  kPrompts,     // what boxes and clicks mean
  kEverything,  // all that a grid of clicks finds
};

// The properties of sam2segment, as they were when the stream started.
struct SegmentSettings : FilterSettings {
  SegmentMode mode = SegmentMode::kPrompts;
  sam2::StillsOptions stills;  // mask_choice may change while the stream runs
  sam2::EverythingOptions everything;
};

// One stream through sam2segment.
class SegmentSession final : public Session {
 public:
  // As Session, and queues the prompts of `prompts-location`. `mouse` outlives the session. A
  // frame that takes long is given up when `interrupt` is asked for.
  SegmentSession(GstElement* element, GstDebugCategory* category, const SegmentSettings& settings,
                 PromptQueue& queue, MousePrompts& mouse, std::stop_token interrupt);

  void SetMaskChoice(sam2::MaskChoice choice);

 private:
  bool ProcessFrame(GstBuffer* buffer, GstBuffer* next, const Moment& moment) override;
  bool Everything(GstBuffer* buffer, const PromptQueue::Due& due);
  bool Prompts(GstBuffer* buffer, PromptQueue::Due due);
  // Prompts that every new picture brings: the box property's and detections.
  std::vector<PromptRequest> OwnPrompts(GstBuffer* buffer, bool is_new);
  std::vector<sam2::Object> Step(const std::vector<PromptRequest>& requests);
  void EndOfStream() override;
  void Learn(const PromptRequest& request, const sam2::PromptOutcome& outcome);
  // Labels and mouse forget the objects that are gone.
  void Forget(const std::vector<sam2::Object>& alive);
  void Publish(GstBuffer* buffer, std::vector<sam2::Object> objects);

  SegmentSettings settings_;
  MousePrompts& mouse_;
  std::stop_token interrupt_;
  std::unique_ptr<sam2::ImagePredictor> predictor_;

  bool asked_ = false;            // some prompt came
  bool took_detections_ = false;  // of this picture
  std::vector<int> alive_;        // ids after the last frame
};

}  // namespace gstsam2
