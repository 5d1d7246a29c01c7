// SPDX-License-Identifier: Apache-2.0
#include "track_session.h"

#include <algorithm>
#include <utility>

#include "core_library.h"
#include "errors.h"
#include "frame_view.h"

GST_DEBUG_CATEGORY_EXTERN(gst_sam2_track_debug);
#define GST_CAT_DEFAULT gst_sam2_track_debug

namespace gstsam2 {
namespace {

constexpr char kNoState[] = "none";

// Unused prompts that are named at the end of the stream; the others are counted.
constexpr std::size_t kMaxNamed = 5;

sam2::TrackerOptions ToTrackerOptions(const TrackSettings& settings) {
  return {.lost_timeout_ns = static_cast<std::int64_t>(settings.lost_timeout),
          .max_objects = settings.max_objects, .fill_hole_area = settings.fill_hole_area};
}

std::vector<PromptRequest> StartRequests(const TrackSettings& settings) {
  std::vector<PromptRequest> requests;
  if (!settings.box.empty()) requests = ParseBoxes(settings.box);
  if (!settings.prompts_location.empty()) {
    std::ranges::move(ReadPromptsFile(settings.prompts_location), std::back_inserter(requests));
  }
  return requests;
}

std::string WhenOf(const PromptRequest& request) {
  if (request.frame) return "frame " + std::to_string(*request.frame);
  if (request.pts) return "pts " + std::to_string(*request.pts);
  return "the next frame";
}

GstClockTime DurationOf(GstBuffer* buffer, const GstVideoInfo& info) {
  if (GST_BUFFER_DURATION_IS_VALID(buffer)) return GST_BUFFER_DURATION(buffer);
  if (info.fps_n > 0) return gst_util_uint64_scale_int(GST_SECOND, info.fps_d, info.fps_n);
  return GST_SECOND / 25;
}

}  // namespace

TrackSession::TrackSession(GstElement* element, const TrackSettings& settings, PromptQueue& queue)
    : element_(element), settings_(settings), queue_(queue),
      roi_prompter_(settings.prompt_policy, settings.match_iou) {
  gst_video_info_init(&info_);
  // What the user wrote is checked before the model is read, which takes longer.
  std::vector<PromptRequest> requests = StartRequests(settings);
  const sam2::EngineOptions options = ToEngineOptions(settings);
  engine_ = OpenCore().OpenEngine(options);
  tracker_ = engine_->CreateVideoTracker(ToTrackerOptions(settings));
  queue_.Add(std::move(requests));
  const sam2::ModelInfo& model = engine_->info();
  GST_INFO_OBJECT(element_, "model %s from %s at %d pixels on %s in %s", model.member.c_str(),
                  options.model.c_str(), model.image_size, model.device.c_str(),
                  model.precision.c_str());
}

bool TrackSession::Process(GstBuffer* buffer) {
  const GstClockTime pts = PtsOf(buffer);
  const std::vector<PromptRequest> requests = TakeRequests(buffer, pts);
  ++frame_;
  if (requests.empty() && states_.empty()) {
    if (prompted_) Attach(buffer, {});
    return false;
  }
  Step(buffer, pts, requests);
  return true;
}

GstClockTime TrackSession::PtsOf(GstBuffer* buffer) {
  const GstClockTime pts =
      GST_BUFFER_PTS_IS_VALID(buffer) ? GST_BUFFER_PTS(buffer) : next_pts_;
  next_pts_ = pts + DurationOf(buffer, info_);
  return pts;
}

// The usable requests for this frame; the others are refused.
std::vector<PromptRequest> TrackSession::TakeRequests(GstBuffer* buffer, GstClockTime pts) {
  PromptQueue::Due due = queue_.Take(frame_, pts);
  if (due.reset) Reset(pts);
  std::vector<PromptRequest> requests = std::move(due.requests);
  for (PromptRequest& request :
       roi_prompter_.Prompts(ReadDetections(buffer), info_.width, info_.height)) {
    if (request.prompt.id == 0) request.prompt.id = queue_.NewId();
    requests.push_back(std::move(request));
  }
  std::erase_if(requests, [&](const PromptRequest& request) {
    const std::string reason = ReasonToRefuse(request.prompt, info_.width, info_.height);
    if (!reason.empty()) Refused(request, reason);
    return !reason.empty();
  });
  return requests;
}

void TrackSession::Step(GstBuffer* buffer, GstClockTime pts,
                        const std::vector<PromptRequest>& requests) {
  std::vector<sam2::Prompt> prompts;
  for (const PromptRequest& request : requests) prompts.push_back(request.prompt);
  sam2::StepResult result;
  {
    const MappedFrame frame(buffer, info_);
    result = tracker_->Step(frame.view(), static_cast<std::int64_t>(pts), prompts);
  }
  const std::size_t answered = std::min(requests.size(), result.outcomes.size());
  for (std::size_t i = 0; i < answered; ++i) Learn(requests[i], result.outcomes[i]);
  GiveIdsBack(requests, result.outcomes);
  ReportStates(result.objects, pts);
  roi_prompter_.Update(result.objects, info_.width, info_.height);
  if (prompted_) Attach(buffer, std::move(result.objects));
}

void TrackSession::Learn(const PromptRequest& request, const sam2::PromptOutcome& outcome) {
  if (!outcome.error.empty()) {
    Refused(request, outcome.error);
    return;
  }
  prompted_ = true;
  if (outcome.clipped) {
    GST_INFO_OBJECT(element_, "%s: cut at the frame's edge", request.source.c_str());
  }
  if (!request.label.empty()) labels_[outcome.id] = request.label;
}

// A detector repeats what is refused on every frame: that must not use up ids.
void TrackSession::GiveIdsBack(const std::vector<PromptRequest>& requests,
                               const std::vector<sam2::PromptOutcome>& outcomes) {
  for (std::size_t i = std::min(requests.size(), outcomes.size()); i-- > 0;) {
    const bool add = requests[i].prompt.action == sam2::PromptAction::kAdd;
    if (add && requests[i].source == kRegionSource && !outcomes[i].error.empty()) {
      queue_.GiveBack(requests[i].prompt.id);
    }
  }
}

void TrackSession::Refused(const PromptRequest& request, const std::string& reason) {
  // Nor must it flood the bus.
  if (request.source == kRegionSource) {
    if (reason == last_roi_refusal_) return;
    last_roi_refusal_ = reason;
  }
  PostRefusal(element_, "Prompt refused on frame " + std::to_string(frame_) + " (" +
                            request.source + "): " + reason + ".");
}

void TrackSession::Reset(GstClockTime pts) {
  tracker_->Reset();
  ReportStates({}, pts);
  roi_prompter_.Update({}, info_.width, info_.height);
}

void TrackSession::ReportStates(const std::vector<sam2::Object>& objects, GstClockTime pts) {
  std::map<int, sam2::ObjectState> now;
  for (const sam2::Object& object : objects) {
    now[object.id] = object.state;
    const auto before = states_.find(object.id);
    const char* from = before == states_.end() ? kNoState : StateName(before->second);
    if (before == states_.end() || before->second != object.state) {
      PostState(object.id, from, StateName(object.state), pts);
    }
  }
  for (const auto& [id, state] : states_) {
    if (now.contains(id)) continue;
    PostState(id, StateName(state), kNoState, pts);
    labels_.erase(id);
  }
  states_ = std::move(now);
}

void TrackSession::PostState(int id, const std::string& from, const std::string& to,
                             GstClockTime pts) {
  const auto label = labels_.find(id);
  GstStructure* structure =
      gst_structure_new("sam2-object", "id", G_TYPE_INT, id, "from", G_TYPE_STRING, from.c_str(),
                        "to", G_TYPE_STRING, to.c_str(), "pts", G_TYPE_UINT64, pts, nullptr);
  if (label != labels_.end()) {
    gst_structure_set(structure, "label", G_TYPE_STRING, label->second.c_str(), nullptr);
  }
  gst_element_post_message(element_, gst_message_new_element(GST_OBJECT(element_), structure));
}

void TrackSession::Attach(GstBuffer* buffer, std::vector<sam2::Object> objects) {
  ObjectsRecord record{.frame_width = info_.width, .frame_height = info_.height, .objects = {}};
  for (sam2::Object& object : objects) {
    const auto label = labels_.find(object.id);
    record.objects.push_back(
        MakeRecord(std::move(object), label != labels_.end() ? label->second : ""));
  }
  WriteObjects(buffer, std::move(record));
}

void TrackSession::EndOfStream() {
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
