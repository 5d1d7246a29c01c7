// SPDX-License-Identifier: Apache-2.0
#include "track_session.h"

#include <algorithm>
#include <utility>

#include "errors.h"
#include "frame_view.h"

namespace gstsam2 {
namespace {

constexpr char kNoState[] = "none";

sam2::TrackerOptions ToTrackerOptions(const TrackSettings& settings) {
  return {.lost_timeout_ns = static_cast<std::int64_t>(settings.lost_timeout),
          .max_objects = settings.max_objects, .fill_hole_area = settings.fill_hole_area};
}

}  // namespace

TrackSession::TrackSession(GstElement* element, const TrackSettings& settings, PromptQueue& queue)
    : Session(element, settings, queue),
      tracker_(engine_->CreateVideoTracker(ToTrackerOptions(settings))),
      roi_prompter_(settings.prompt_policy, settings.match_iou) {
  std::vector<PromptRequest> requests = std::move(boxes_);
  std::ranges::move(file_prompts_, std::back_inserter(requests));
  queue_.Add(std::move(requests));
}

bool TrackSession::ProcessFrame(GstBuffer* buffer, GstClockTime pts, PromptQueue::Due due) {
  if (due.reset) Reset(pts);
  const std::vector<PromptRequest> requests = Usable(buffer, std::move(due.requests));
  if (requests.empty() && states_.empty()) {
    if (prompted_) WriteObjects(buffer, ToRecord({}));
    return false;
  }
  Step(buffer, pts, requests);
  return true;
}

// The usable ones of the requests and of the buffer's detections; the others are refused.
std::vector<PromptRequest> TrackSession::Usable(GstBuffer* buffer,
                                                std::vector<PromptRequest> requests) {
  for (PromptRequest& request :
       roi_prompter_.Prompts(ReadDetections(buffer), info_.width, info_.height)) {
    if (request.prompt.id == 0) request.prompt.id = queue_.NewId();
    requests.push_back(std::move(request));
  }
  std::erase_if(requests, [&](const PromptRequest& request) {
    const std::string reason = ReasonToRefuse(request.prompt, info_.width, info_.height);
    if (!reason.empty()) Refuse(request, reason);
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
  if (prompted_) WriteObjects(buffer, ToRecord(std::move(result.objects)));
}

void TrackSession::Learn(const PromptRequest& request, const sam2::PromptOutcome& outcome) {
  if (outcome.error.empty()) {
    Accepted(request, outcome);
  } else {
    Refuse(request, outcome.error);
  }
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

void TrackSession::Refuse(const PromptRequest& request, const std::string& reason) {
  // Nor must it flood the bus.
  if (request.source == kRegionSource) {
    if (reason == last_roi_refusal_) return;
    last_roi_refusal_ = reason;
  }
  Refused(request, reason);
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

}  // namespace gstsam2
