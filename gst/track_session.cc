// SPDX-License-Identifier: Apache-2.0
#include "track_session.h"

#include <algorithm>
#include <utility>

#include "errors.h"
#include "frame_view.h"

namespace gstsam2 {
namespace {

constexpr char kNoState[] = "none";

constexpr char kDuplicateSource[] = "duplicate";

// How often a lost object is looked for where nothing else is said: the official
// tracker looks on every frame.
constexpr std::int64_t kRobustLostInterval = 500'000'000;

sam2::TrackerOptions ToTrackerOptions(const TrackSettings& settings) {
  std::int64_t lost_interval = settings.lost_interval;
  if (lost_interval < 0) {
    lost_interval =
        settings.memory_policy == sam2::MemoryPolicy::kRobust ? kRobustLostInterval : 0;
  }
  return {.lost_timeout_ns = static_cast<std::int64_t>(settings.lost_timeout),
          .lost_interval_ns = lost_interval, .max_objects = settings.max_objects,
          .fill_hole_area = settings.fill_hole_area,
          .max_sprinkle_area = settings.max_sprinkle_area, .memory_policy = settings.memory_policy,
          .detect_cuts = settings.scene_cuts, .search_window = settings.search_window,
          .second_look = settings.second_look, .follow_window = settings.follow_window};
}

bool DropsObjects(DiscontPolicy policy, Break before) {
  if (before == Break::kNone || policy == DiscontPolicy::kKeep) return false;
  return before == Break::kOtherStream || policy == DiscontPolicy::kReset;
}

}  // namespace

TrackSession::TrackSession(GstElement* element, GstDebugCategory* category,
                           const TrackSettings& settings, PromptQueue& queue, MousePrompts& mouse,
                           std::stop_token interrupt)
    : Session(element, category, settings, queue, /*tracks=*/true),
      mouse_(mouse),
      interrupt_(std::move(interrupt)),
      on_discont_(settings.on_discont),
      tracker_(engine_->CreateVideoTracker(ToTrackerOptions(settings))),
      roi_prompter_(settings.roi),
      duplicates_(settings.duplicate_iou, settings.duplicate_time) {
  std::vector<PromptRequest> requests = std::move(boxes_);
  std::ranges::move(file_prompts_, std::back_inserter(requests));
  queue_.Add(std::move(requests));
}

bool TrackSession::ProcessFrame(GstBuffer* buffer, GstBuffer* next, const Moment& moment) {
  if (DropsObjects(on_discont_, moment.before)) Reset(moment.pts);
  if (late_ && CanPredict()) {
    ForgetNext();
    Predict(buffer, moment);
    return false;
  }
  const std::vector<PromptRequest> requests = TakeRequests(buffer, moment);
  if (requests.empty() && states_.empty()) {
    ForgetNext();
    Publish(buffer, moment.pts, {});
    return false;
  }
  Step(buffer, next, moment, requests);
  return true;
}

void TrackSession::ForgetNext() {
  tracker_->Expect(nullptr);
  next_.reset();
}

bool TrackSession::CanPredict() const {
  return !states_.empty() && step_width_ == info_.width && step_height_ == info_.height;
}

// The usable ones of the requests that are due and of the buffer's detections;
// the others are refused.
std::vector<PromptRequest> TrackSession::TakeRequests(GstBuffer* buffer, const Moment& moment) {
  PromptQueue::Due due = TakeDue(moment);
  if (due.reset) Reset(moment.pts);
  std::vector<PromptRequest> requests = std::move(due.requests);
  std::ranges::move(
      roi_prompter_.Prompts(ReadDetections(buffer), info_.width, info_.height, moment.time),
      std::back_inserter(requests));
  std::ranges::move(std::exchange(own_requests_, {}), std::back_inserter(requests));
  std::erase_if(requests, [&](PromptRequest& request) {
    FitToFrame(request, info_.width, info_.height);
    const std::string reason = ReasonToRefuse(request.prompt, info_.width, info_.height);
    if (!reason.empty()) Refuse(request, reason);
    return !reason.empty();
  });
  // Detections that start an object.
  for (PromptRequest& request : requests) {
    const bool add = request.prompt.action == sam2::PromptAction::kAdd;
    if (add && request.prompt.id == 0) request.prompt.id = queue_.NewId();
  }
  return requests;
}

void TrackSession::Step(GstBuffer* buffer, GstBuffer* next, const Moment& moment,
                        const std::vector<PromptRequest>& requests) {
  std::vector<sam2::Prompt> prompts;
  for (const PromptRequest& request : requests) prompts.push_back(request.prompt);
  sam2::StepResult result =
      Ask(buffer, next, static_cast<std::int64_t>(moment.time), prompts);
  step_width_ = info_.width;
  step_height_ = info_.height;
  const std::size_t answered = std::min(requests.size(), result.outcomes.size());
  for (std::size_t i = 0; i < answered; ++i) Learn(requests[i], result.outcomes[i]);
  GiveIdsBack(requests, result.outcomes);
  MergeDuplicates(result.objects, moment.time);
  Publish(buffer, moment.pts, std::move(result.objects));
}

sam2::StepResult TrackSession::Ask(GstBuffer* buffer, GstBuffer* next, std::int64_t time_ns,
                                   const std::vector<sam2::Prompt>& prompts) {
  std::unique_ptr<MappedFrame> frame = std::move(next_);
  if (!frame) frame = std::make_unique<MappedFrame>(buffer, info_, on_cuda());
  if (next != nullptr) {
    try {
      next_ = std::make_unique<MappedFrame>(next, info_, on_cuda());
    } catch (const ElementError&) {
      // It is told in that frame's turn.
    }
  }
  if (next_) {
    const sam2::FrameView view = next_->view();
    tracker_->Expect(&view);
  }
  return tracker_->Step(frame->view(), time_ns, prompts, interrupt_);
}

void TrackSession::Predict(GstBuffer* buffer, const Moment& moment) {
  Publish(buffer, moment.pts,
          tracker_->Predict(static_cast<std::int64_t>(moment.time)).objects);
}

void TrackSession::Learn(const PromptRequest& request, const sam2::PromptOutcome& outcome) {
  if (!outcome.error.empty()) {
    Refuse(request, outcome.error);
    return;
  }
  Accepted(request, outcome);
  if (request.source != kRegionSource) return;
  roi_prompter_.Accepted(outcome.id, *request.prompt.box);
  if (request.prompt.action == sam2::PromptAction::kAdd) duplicates_.Born(outcome.id);
}

void TrackSession::Refuse(const PromptRequest& request, const std::string& reason) {
  if (request.source == kDuplicateSource) return;  // someone else removed it
  // Clicks cannot go on with what is not there.
  if (!states_.contains(request.prompt.id)) mouse_.Leave(request.prompt.id);
  Refused(request, reason);
}

void TrackSession::MergeDuplicates(const std::vector<sam2::Object>& objects, GstClockTime time) {
  for (const auto& [goes, stays] : duplicates_.Update(objects, time)) {
    GST_CAT_INFO_OBJECT(category_, element_, "object %d has become the same as %d: it goes", goes,
                        stays);
    own_requests_.push_back(RequestFor(goes, sam2::PromptAction::kRemove, kDuplicateSource));
  }
}

void TrackSession::Reset(GstClockTime pts) {
  tracker_->Reset();
  ReportStates({}, pts);
  roi_prompter_.Reset();
  duplicates_.Reset();
  own_requests_.clear();
}

void TrackSession::Publish(GstBuffer* buffer, GstClockTime pts,
                           std::vector<sam2::Object> objects) {
  ReportStates(objects, pts);
  roi_prompter_.Update(objects, info_.width, info_.height);
  mouse_.SetObjects(objects);
  if (!prompted_) return;
  ObjectsRecord record = ToRecord(std::move(objects));
  for (ObjectRecord& object : record.objects) {
    if (object.id == mouse_.current()) object.selected = true;
  }
  Attach(buffer, std::move(record));
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
    mouse_.Leave(id);
  }
  // Also of those that came and went on one frame.
  std::erase_if(labels_, [&](const auto& label) { return !now.contains(label.first); });
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
