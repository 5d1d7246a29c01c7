// SPDX-License-Identifier: Apache-2.0
#include "segment_session.h"

#include <algorithm>
#include <utility>

#include "core_library.h"
#include "errors.h"
#include "frame_view.h"
#include "meta.h"
#include "roi_prompts.h"

GST_DEBUG_CATEGORY_EXTERN(gst_sam2_segment_debug);
#define GST_CAT_DEFAULT gst_sam2_segment_debug

namespace gstsam2 {
namespace {

GstClockTime DurationOf(GstBuffer* buffer, const GstVideoInfo& info) {
  if (GST_BUFFER_DURATION_IS_VALID(buffer)) return GST_BUFFER_DURATION(buffer);
  if (info.fps_n > 0) return gst_util_uint64_scale_int(GST_SECOND, info.fps_d, info.fps_n);
  return GST_SECOND / 25;
}

}  // namespace

SegmentSession::SegmentSession(GstElement* element, const SegmentSettings& settings,
                               PromptQueue& queue, MousePrompts& mouse)
    : element_(element), settings_(settings), queue_(queue), mouse_(mouse) {
  gst_video_info_init(&info_);
  // What the user wrote is checked before the model is read, which takes longer.
  if (!settings.box.empty()) boxes_ = ParseBoxes(settings.box);
  std::vector<PromptRequest> requests;
  if (!settings.prompts_location.empty()) requests = ReadPromptsFile(settings.prompts_location);
  const sam2::EngineOptions options = ToEngineOptions(settings);
  engine_ = OpenCore().OpenEngine(options);
  predictor_ = engine_->CreateImagePredictor(settings.stills);
  queue_.Add(std::move(requests));
  const sam2::ModelInfo& model = engine_->info();
  GST_INFO_OBJECT(element_, "model %s from %s at %d pixels on %s in %s", model.member.c_str(),
                  options.model.c_str(), model.image_size, model.device.c_str(),
                  model.precision.c_str());
}

void SegmentSession::SetMaskChoice(sam2::MaskChoice choice) {
  if (choice == settings_.stills.mask_choice) return;
  settings_.stills.mask_choice = choice;
  predictor_->SetMaskChoice(choice);
}

bool SegmentSession::Process(GstBuffer* buffer) {
  PromptQueue::Due due = queue_.Take(frame_, PtsOf(buffer));
  const bool worked = settings_.mode == SegmentMode::kEverything
                          ? Everything(buffer, due)
                          : Prompts(buffer, std::move(due));
  ++frame_;
  return worked;
}

GstClockTime SegmentSession::PtsOf(GstBuffer* buffer) {
  const GstClockTime pts =
      GST_BUFFER_PTS_IS_VALID(buffer) ? GST_BUFFER_PTS(buffer) : next_pts_;
  next_pts_ = pts + DurationOf(buffer, info_);
  return pts;
}

bool SegmentSession::Everything(GstBuffer* buffer, const PromptQueue::Due& due) {
  for (const PromptRequest& request : due.requests) {
    Refused(request, "mode=everything takes no prompts");
  }
  std::vector<sam2::Object> objects;
  {
    const MappedFrame frame(buffer, info_);
    predictor_->SetImage(frame.view());
    objects = predictor_->Everything(settings_.everything);
  }
  Attach(buffer, std::move(objects));
  return true;
}

bool SegmentSession::Prompts(GstBuffer* buffer, PromptQueue::Due due) {
  if (due.reset) {
    predictor_->Reset();
    Forget({});
  }
  const bool idle = due.requests.empty() && alive_.empty() && boxes_.empty() &&
                    ReadDetections(buffer).empty();
  std::vector<sam2::Object> objects;
  if (!idle) {
    const MappedFrame frame(buffer, info_);
    const bool is_new = predictor_->SetImage(frame.view());
    if (is_new) Forget({});
    std::vector<PromptRequest> requests;
    AddOwnPrompts(buffer, is_new, requests);
    std::ranges::move(due.requests, std::back_inserter(requests));
    objects = Step(requests);
    Forget(objects);
  }
  if (prompted_) Attach(buffer, std::move(objects));
  return !idle;
}

void SegmentSession::AddOwnPrompts(GstBuffer* buffer, bool is_new,
                                   std::vector<PromptRequest>& requests) {
  if (is_new) {
    took_detections_ = false;
    requests = boxes_;
  }
  if (!took_detections_) {
    for (const Detection& detection : ReadDetections(buffer)) {
      PromptRequest& request = requests.emplace_back();
      request.prompt.box = detection.box;
      request.label = detection.label;
      request.source = "region of interest";
      took_detections_ = true;
    }
  }
  for (PromptRequest& request : requests) request.prompt.id = queue_.NewId();
}

std::vector<sam2::Object> SegmentSession::Step(const std::vector<PromptRequest>& requests) {
  std::vector<sam2::Prompt> prompts;
  for (const PromptRequest& request : requests) prompts.push_back(request.prompt);
  sam2::StepResult result = predictor_->Step(prompts);
  const std::size_t answered = std::min(requests.size(), result.outcomes.size());
  for (std::size_t i = 0; i < answered; ++i) Learn(requests[i], result.outcomes[i]);
  return std::move(result.objects);
}

void SegmentSession::Learn(const PromptRequest& request, const sam2::PromptOutcome& outcome) {
  if (!outcome.error.empty()) {
    // A click that could not start its object leaves nothing to click on.
    if (request.prompt.action == sam2::PromptAction::kAdd) mouse_.Leave(request.prompt.id);
    Refused(request, outcome.error);
    return;
  }
  prompted_ = true;
  if (outcome.clipped) {
    GST_INFO_OBJECT(element_, "%s: cut at the frame's edge", request.source.c_str());
  }
  if (!request.label.empty()) labels_[outcome.id] = request.label;
}

void SegmentSession::Refused(const PromptRequest& request, const std::string& reason) {
  PostRefusal(element_, "Prompt refused on frame " + std::to_string(frame_) + " (" +
                            request.source + "): " + reason + ".");
}

void SegmentSession::Forget(const std::vector<sam2::Object>& alive) {
  std::vector<int> ids;
  for (const sam2::Object& object : alive) ids.push_back(object.id);
  for (const int id : alive_) {
    if (std::ranges::count(ids, id) > 0) continue;
    labels_.erase(id);
    mouse_.Leave(id);
  }
  alive_ = std::move(ids);
}

void SegmentSession::Attach(GstBuffer* buffer, std::vector<sam2::Object> objects) {
  ObjectsRecord record{.frame_width = info_.width, .frame_height = info_.height, .objects = {}};
  for (sam2::Object& object : objects) {
    const bool accepted = object.accepted;
    const auto label = labels_.find(object.id);
    ObjectRecord& added = record.objects.emplace_back(
        MakeRecord(std::move(object), label != labels_.end() ? label->second : ""));
    if (settings_.mode == SegmentMode::kPrompts) added.accepted = accepted;
  }
  WriteObjects(buffer, std::move(record));
}

void SegmentSession::EndOfStream() {
  for (const PromptRequest& request : queue_.TakeRest()) {
    std::string when = "the next frame";
    if (request.frame) when = "frame " + std::to_string(*request.frame);
    if (request.pts) when = "pts " + std::to_string(*request.pts);
    PostRefusal(element_, "Prompt never used (" + request.source + "): it waits for " + when +
                              ", but the stream ended after " + std::to_string(frame_) +
                              " frames.");
  }
}

}  // namespace gstsam2
