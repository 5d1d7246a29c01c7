// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/video/video.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "analytics.h"
#include "meta.h"
#include "model_properties.h"
#include "prompts.h"
#include "refusal_limit.h"
#include "sam2.h"
#include "timeline.h"

namespace gstsam2 {

// The properties of every element that takes prompts.
struct FilterSettings : ModelSettings {
  std::string box;
  std::string prompts_location;
  bool navigation = true;  // may change while the stream runs
};

// What every stream through an element that takes prompts has in common, from
// start to stop: the model, the prompts that wait, the frame's number and time,
// the objects' names. To be called from one thread at a time.
class Session {
 public:
  virtual ~Session() = default;

  // Whether the model runs on a CUDA device, which reads CUDA memory.
  bool on_cuda() const { return engine_->info().device.starts_with("cuda"); }

  // The video's format, also in mid-stream.
  void SetInfo(const GstVideoInfo& info);

  // A serialized event came from upstream.
  void SeeEvent(GstEvent* event);

  // Applies the prompts that are due and attaches the objects to the buffer,
  // which is writable. Returns whether the network may have run.
  // A buffer before the first accepted prompt stays as it is.
  // next: of the frame after it, or null where that is not known. Its pixels are
  // read from then on until it is processed itself, or forgotten.
  // Throws ElementError and sam2::Error.
  bool Process(GstBuffer* buffer, GstBuffer* next);

  // The next frame is not to come.
  virtual void ForgetNext() {}

 protected:
  // Reads the box property and the prompts file, then opens the model. `element`
  // posts the messages and logs under `category`; it and `queue` outlive the session.
  // Throws ElementError and sam2::Error.
  // tracks: whether objects outlive a frame.
  Session(GstElement* element, GstDebugCategory* category, const FilterSettings& settings,
          PromptQueue& queue, bool tracks);

  // Process() of one element.
  virtual bool ProcessFrame(GstBuffer* buffer, GstBuffer* next, const Moment& moment) = 0;

  // What is due on the current frame, at most once for each.
  PromptQueue::Due TakeDue(const Moment& moment) { return queue_.Take(frame_, moment.pts); }

  // What became of a prompt. Each refusal is told, but of what nobody asked for
  // again (a detector's, a picture's box property) only some.
  void Accepted(const PromptRequest& request, const sam2::PromptOutcome& outcome);
  void Refused(const PromptRequest& request, const std::string& reason);

  // Frees the ids of refused new objects that nobody has heard of.
  void GiveIdsBack(const std::vector<PromptRequest>& requests,
                   const std::vector<sam2::PromptOutcome>& outcomes);

  // Warns about prompts whose frame never came.
  virtual void EndOfStream();

  ObjectsRecord ToRecord(std::vector<sam2::Object> objects) const;

  // Attaches all metas of the objects.
  void Attach(GstBuffer* buffer, ObjectsRecord record);

  GstElement* element_;
  GstDebugCategory* category_;
  PromptQueue& queue_;
  std::vector<PromptRequest> boxes_;         // of the box property
  std::vector<PromptRequest> file_prompts_;  // of the prompts file
  std::shared_ptr<sam2::Engine> engine_;

  GstVideoInfo info_;
  bool prompted_ = false;              // some prompt was accepted
  std::map<int, std::string> labels_;  // by id

 private:
  AnalyticsWriter analytics_;
  Timeline timeline_;
  std::uint64_t frame_ = 0;
  GstClockTime time_ = 0;  // of the frame, on the timeline
  RefusalLimit refusal_limit_;
};

}  // namespace gstsam2
