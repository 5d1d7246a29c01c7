// SPDX-License-Identifier: Apache-2.0
#include "session.h"

#include <algorithm>
#include <utility>

#include "core_library.h"
#include "errors.h"
#include "filter.h"

#define GST_CAT_DEFAULT gst_sam2_filter_debug

namespace gstsam2 {
namespace {

// Unused prompts that are named at the end of the stream; the others are counted.
constexpr std::size_t kMaxNamed = 5;

std::string WhenOf(const PromptRequest& request) {
  if (request.frame) return "frame " + std::to_string(*request.frame);
  if (request.pts) return "pts " + std::to_string(*request.pts);
  return "the next frame";
}

}  // namespace

Session::Session(GstElement* element, const FilterSettings& settings, PromptQueue& queue,
                 bool tracks)
    : element_(element), queue_(queue), analytics_(tracks) {
  gst_video_info_init(&info_);
  // What the user wrote is checked before the model is read, which takes longer.
  if (!settings.box.empty()) boxes_ = ParseBoxes(settings.box);
  if (!settings.prompts_location.empty()) {
    file_prompts_ = ReadPromptsFile(settings.prompts_location);
  }
  const sam2::EngineOptions options = ToEngineOptions(settings);
  engine_ = OpenCore().OpenEngine(options);
  const sam2::ModelInfo& model = engine_->info();
  GST_INFO_OBJECT(element_, "model %s from %s at %d pixels on %s in %s", model.member.c_str(),
                  options.model.c_str(), model.image_size, model.device.c_str(),
                  model.precision.c_str());
}

void Session::SetInfo(const GstVideoInfo& info) {
  info_ = info;
  timeline_.SetInfo(info);
}

void Session::SeeEvent(GstEvent* event) {
  timeline_.See(event);
  if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) EndOfStream();
}

bool Session::Process(GstBuffer* buffer) {
  const bool worked = ProcessFrame(buffer, timeline_.Next(buffer));
  ++frame_;
  return worked;
}

void Session::Accepted(const PromptRequest& request, const sam2::PromptOutcome& outcome) {
  prompted_ = true;
  if (outcome.clipped) {
    GST_INFO_OBJECT(element_, "%s: cut at the frame's edge", request.source.c_str());
  }
  if (!request.label.empty()) labels_[outcome.id] = request.label;
}

void Session::Refused(const PromptRequest& request, const std::string& reason) {
  PostRefusal(element_, "Prompt refused on frame " + std::to_string(frame_) + " (" +
                            request.source + "): " + reason + ".");
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
  analytics_.Write(buffer, record);
  WriteObjects(buffer, std::move(record));
}

void Session::EndOfStream() {
  const std::vector<PromptRequest> rest = queue_.TakeRest();
  for (std::size_t i = 0; i < std::min(rest.size(), kMaxNamed); ++i) {
    PostRefusal(element_, "Prompt never used (" + rest[i].source + "): it waits for " +
                              WhenOf(rest[i]) + ", but the stream ended after " +
                              std::to_string(frame_) + " frames.");
  }
  if (rest.size() > kMaxNamed) {
    PostRefusal(element_,
                std::to_string(rest.size() - kMaxNamed) + " more prompts were never used.");
  }
}

}  // namespace gstsam2
