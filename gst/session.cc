// SPDX-License-Identifier: Apache-2.0
#include "session.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core_library.h"
#include "errors.h"
#include "roi_prompts.h"

namespace gstsam2 {
namespace {

// Unused prompts that are named at the end of the stream; the others are counted.
constexpr std::size_t kMaxNamed = 5;

std::string WhenOf(const PromptRequest& request) {
  if (request.frame) return "frame " + std::to_string(*request.frame);
  if (request.pts) return "pts " + std::to_string(*request.pts);
  return "the next frame";
}

// Whether it comes by itself, with every frame or every picture.
bool ComesAgain(const PromptRequest& request) {
  return request.source == kRegionSource || request.source == kBoxSource;
}

}  // namespace

Session::Session(GstElement* element, GstDebugCategory* category, const FilterSettings& settings,
                 PromptQueue& queue, bool tracks)
    : element_(element), category_(category), queue_(queue), analytics_(tracks) {
  gst_video_info_init(&info_);
  // What the user wrote is checked before the model is read, which takes longer.
  if (!settings.box.empty()) boxes_ = ParseBoxes(settings.box);
  if (!settings.prompts_location.empty()) {
    file_prompts_ = ReadPromptsFile(settings.prompts_location);
  }
  const sam2::EngineOptions options = ToEngineOptions(settings);
  engine_ = OpenCore().OpenEngine(options);
  const sam2::ModelInfo& model = engine_->info();
  GST_CAT_INFO_OBJECT(category_, element_, "model %s from %s at %d pixels on %s in %s",
                      model.member.c_str(), options.model.c_str(), model.image_size,
                      model.device.c_str(), model.precision.c_str());
}

void Session::SetInfo(const GstVideoInfo& info) {
  info_ = info;
  timeline_.SetInfo(info);
}

void Session::SeeEvent(GstEvent* event) {
  timeline_.See(event);
  if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) EndOfStream();
}

bool Session::Process(GstBuffer* buffer, GstBuffer* next) {
  const Moment moment = timeline_.Next(buffer);
  time_ = moment.time;
  const bool worked = ProcessFrame(buffer, next, moment);
  ++frame_;
  return worked;
}

void Session::Accepted(const PromptRequest& request, const sam2::PromptOutcome& outcome) {
  prompted_ = true;
  GST_CAT_DEBUG_OBJECT(category_, element_, "prompt of object %d (%s)%s", outcome.id,
                       request.source.c_str(), outcome.clipped ? ", cut at the frame's edge" : "");
  if (request.label.empty()) return;
  // GStreamer's structures hold UTF-8 alone.
  g_autofree char* label = g_utf8_make_valid(request.label.c_str(), -1);
  // A detector that looks again must not rename what has a name.
  const bool again = request.source == kRegionSource &&
                     request.prompt.action == sam2::PromptAction::kRefine;
  if (again) {
    labels_.try_emplace(outcome.id, label);
  } else {
    labels_[outcome.id] = label;
  }
}

void Session::Refused(const PromptRequest& request, const std::string& reason) {
  const std::string start =
      "Prompt refused on frame " + std::to_string(frame_) + " (" + request.source + "): ";
  GST_CAT_DEBUG_OBJECT(category_, element_, "%s%s", start.c_str(), reason.c_str());
  std::optional<std::string> told = reason;
  if (ComesAgain(request)) {
    // A detector's differ from frame to frame; a box stays the same.
    const bool detected = request.source == kRegionSource;
    told = refusal_limit_.Tell(detected ? RefusalLimit::KindOf(reason) : reason, reason, time_);
  }
  if (told) PostRefusal(element_, start + *told + ".");
}

void Session::GiveIdsBack(const std::vector<PromptRequest>& requests,
                          const std::vector<sam2::PromptOutcome>& outcomes) {
  for (std::size_t i = std::min(requests.size(), outcomes.size()); i-- > 0;) {
    const bool add = requests[i].prompt.action == sam2::PromptAction::kAdd;
    if (add && ComesAgain(requests[i]) && !outcomes[i].error.empty()) {
      queue_.GiveBack(requests[i].prompt.id);
    }
  }
}

ObjectsRecord Session::ToRecord(std::vector<sam2::Object> objects) const {
  ObjectsRecord record{.frame_width = info_.width, .frame_height = info_.height, .objects = {}};
  for (sam2::Object& object : objects) {
    const auto label = labels_.find(object.id);
    record.objects.push_back(
        MakeRecord(std::move(object), label != labels_.end() ? label->second : ""));
  }
  return record;
}

void Session::Attach(GstBuffer* buffer, ObjectsRecord record) {
  GST_CAT_LOG_OBJECT(category_, element_, "frame %" G_GUINT64_FORMAT ": %" G_GSIZE_FORMAT
                     " objects", frame_, record.objects.size());
  analytics_.Write(buffer, record);
  WriteObjects(buffer, std::move(record));
}

void Session::EndOfStream() {
  // They go on waiting, as a seek may follow.
  const std::vector<PromptRequest> rest = queue_.Rest();
  for (std::size_t i = 0; i < std::min(rest.size(), kMaxNamed); ++i) {
    PostRefusal(element_, "Prompt not used (" + rest[i].source + "): it waits for " +
                              WhenOf(rest[i]) + ", but the stream ended after " +
                              std::to_string(frame_) + " frames.");
  }
  if (rest.size() > kMaxNamed) {
    PostRefusal(element_,
                std::to_string(rest.size() - kMaxNamed) + " more prompts were not used.");
  }
}

}  // namespace gstsam2
