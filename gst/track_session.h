// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/video/video.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "meta.h"
#include "prompts.h"
#include "roi_prompts.h"
#include "sam2.h"
#include "session.h"

namespace gstsam2 {

// The properties of sam2track, as they were when the stream started.
struct TrackSettings : FilterSettings {
  PromptPolicy prompt_policy = PromptPolicy::kNew;
  float match_iou = 0.3F;
  GstClockTime lost_timeout = 2 * GST_SECOND;
  int max_objects = 200;
  int fill_hole_area = 8;
};

// One stream through sam2track: turns what waits in the prompt queue and lies on
// the buffers into core prompts, and the core's results into metas and messages.
// Objects and memories survive a change of the video's format.
class TrackSession final : public Session {
 public:
  // As Session, and queues the prompts of `box` and `prompts-location`.
  TrackSession(GstElement* element, const TrackSettings& settings, PromptQueue& queue);

 private:
  bool ProcessFrame(GstBuffer* buffer, GstClockTime pts, PromptQueue::Due due) override;
  std::vector<PromptRequest> Usable(GstBuffer* buffer, std::vector<PromptRequest> requests);
  void Step(GstBuffer* buffer, GstClockTime pts, const std::vector<PromptRequest>& requests);
  void Learn(const PromptRequest& request, const sam2::PromptOutcome& outcome);
  void GiveIdsBack(const std::vector<PromptRequest>& requests,
                   const std::vector<sam2::PromptOutcome>& outcomes);
  void Refuse(const PromptRequest& request, const std::string& reason);
  void Reset(GstClockTime pts);
  void ReportStates(const std::vector<sam2::Object>& objects, GstClockTime pts);
  void PostState(int id, const std::string& from, const std::string& to, GstClockTime pts);

  std::unique_ptr<sam2::VideoTracker> tracker_;
  RoiPrompter roi_prompter_;

  std::map<int, sam2::ObjectState> states_;  // by id, after the last frame
  std::string last_roi_refusal_;
};

}  // namespace gstsam2
