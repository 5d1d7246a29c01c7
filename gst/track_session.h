// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/video/video.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "latency.h"
#include "meta.h"
#include "model_properties.h"
#include "prompts.h"
#include "roi_prompts.h"
#include "sam2.h"

namespace gstsam2 {

// The properties of sam2track, as they were when the stream started.
struct TrackSettings : ModelSettings {
  std::string box;
  std::string prompts_location;
  PromptPolicy prompt_policy = PromptPolicy::kNew;
  float match_iou = 0.3F;
  GstClockTime lost_timeout = 2 * GST_SECOND;
  int max_objects = 200;
  int fill_hole_area = 8;
};

// One stream through sam2track, from start to stop: turns what waits in the
// prompt queue and lies on the buffers into core prompts, and the core's
// results into metas and messages. To be called from one thread at a time.
class TrackSession {
 public:
  // Opens the model and queues the prompts of `box` and `prompts-location`.
  // `element` posts the messages; it and `queue` outlive the session.
  // Throws ElementError and sam2::Error.
  TrackSession(GstElement* element, const TrackSettings& settings, PromptQueue& queue);

  // The video's format, also in mid-stream; objects and memories stay.
  void SetInfo(const GstVideoInfo& info) { info_ = info; }

  // Applies the prompts that are due and attaches the objects to the buffer,
  // which is writable. Returns whether the network ran.
  // A buffer before the first accepted prompt stays as it is.
  // Throws ElementError and sam2::Error.
  bool Process(GstBuffer* buffer);

  // Warns about prompts whose frame never came.
  void EndOfStream();

 private:
  GstClockTime PtsOf(GstBuffer* buffer);
  std::vector<PromptRequest> TakeRequests(GstBuffer* buffer, GstClockTime pts);
  void Step(GstBuffer* buffer, GstClockTime pts, const std::vector<PromptRequest>& requests);
  void Learn(const PromptRequest& request, const sam2::PromptOutcome& outcome);
  void GiveIdsBack(const std::vector<PromptRequest>& requests,
                   const std::vector<sam2::PromptOutcome>& outcomes);
  void Refused(const PromptRequest& request, const std::string& reason);
  void Reset(GstClockTime pts);
  void ReportStates(const std::vector<sam2::Object>& objects, GstClockTime pts);
  void PostState(int id, const std::string& from, const std::string& to, GstClockTime pts);
  void Attach(GstBuffer* buffer, std::vector<sam2::Object> objects);

  GstElement* element_;
  TrackSettings settings_;
  PromptQueue& queue_;
  std::shared_ptr<sam2::Engine> engine_;
  std::unique_ptr<sam2::VideoTracker> tracker_;
  RoiPrompter roi_prompter_;

  GstVideoInfo info_;
  std::uint64_t frame_ = 0;
  GstClockTime next_pts_ = 0;  // expected, for buffers without one
  bool prompted_ = false;      // some prompt was accepted
  std::map<int, sam2::ObjectState> states_;  // by id, after the last frame
  std::map<int, std::string> labels_;        // by id
  std::string last_roi_refusal_;
};

}  // namespace gstsam2
