// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/video/video.h>

#include <cstdint>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "duplicates.h"
#include "frame_view.h"
#include "mouse_prompts.h"
#include "prompts.h"
#include "roi_prompts.h"
#include "sam2.h"
#include "session.h"

namespace gstsam2 {

// When a break in the stream drops all objects.
enum class DiscontPolicy {
  kKeep,   // never
  kReset,  // always
  kAuto,   // when another stream begins
};

// The properties of sam2track, as they were when the stream started.
struct TrackSettings : FilterSettings {
  RoiSettings roi;
  GstClockTime lost_timeout = 2 * GST_SECOND;
  std::int64_t lost_interval = -1;  // nanoseconds; -1: by memory_policy
  int max_objects = 200;
  int fill_hole_area = 8;
  int max_sprinkle_area = 0;
  float search_window = 0;
  bool second_look = false;
  float follow_window = 0;
  sam2::MemoryPolicy memory_policy = sam2::MemoryPolicy::kOfficial;
  bool scene_cuts = false;
  float duplicate_iou = 0.76F;
  GstClockTime duplicate_time = GST_SECOND;
  DiscontPolicy on_discont = DiscontPolicy::kAuto;
  bool look_ahead = false;
};

// One stream through sam2track: turns what waits in the prompt queue and lies on
// the buffers into core prompts, and the core's results into metas and messages.
// Objects and memories survive a change of the video's size.
class TrackSession final : public Session {
 public:
  // As Session, and queues the prompts of `box` and `prompts-location`.
  // `mouse` outlives the session. A frame that takes long is given up when `interrupt` is asked
  // for.
  TrackSession(GstElement* element, GstDebugCategory* category, const TrackSettings& settings,
               PromptQueue& queue, MousePrompts& mouse, std::stop_token interrupt);

  // Whether there is no time to look at the next frame. It passes with the
  // objects of the frame before, moved as they were moving; prompts wait.
  void SetLate(bool late) { late_ = late; }

  void ForgetNext() override;

 private:
  bool ProcessFrame(GstBuffer* buffer, GstBuffer* next, const Moment& moment) override;
  bool CanPredict() const;
  std::vector<PromptRequest> TakeRequests(GstBuffer* buffer, const Moment& moment);
  void Step(GstBuffer* buffer, GstBuffer* next, const Moment& moment,
            const std::vector<PromptRequest>& requests);
  // What the tracker says of the frame; the next one is mapped until its own turn.
  sam2::StepResult Ask(GstBuffer* buffer, GstBuffer* next, std::int64_t time_ns,
                       const std::vector<sam2::Prompt>& prompts);
  void Predict(GstBuffer* buffer, const Moment& moment);
  void Learn(const PromptRequest& request, const sam2::PromptOutcome& outcome);
  void Refuse(const PromptRequest& request, const std::string& reason);
  void MergeDuplicates(const std::vector<sam2::Object>& objects, GstClockTime time);
  void Reset(GstClockTime pts);
  // Messages and metas of a frame's objects.
  void Publish(GstBuffer* buffer, GstClockTime pts, std::vector<sam2::Object> objects);
  void ReportStates(const std::vector<sam2::Object>& objects, GstClockTime pts);
  void PostState(int id, const std::string& from, const std::string& to, GstClockTime pts);

  MousePrompts& mouse_;
  std::stop_token interrupt_;
  DiscontPolicy on_discont_;
  std::unique_ptr<MappedFrame> next_;  // that the tracker expects
  std::unique_ptr<sam2::VideoTracker> tracker_;
  RoiPrompter roi_prompter_;
  Duplicates duplicates_;

  bool late_ = false;
  int step_width_ = 0, step_height_ = 0;     // of the last frame that was looked at
  std::vector<PromptRequest> own_requests_;  // for the next frame that is looked at
  std::map<int, sam2::ObjectState> states_;  // by id, after the last frame
};

}  // namespace gstsam2
