// SPDX-License-Identifier: Apache-2.0
#include "segment_session.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "errors.h"
#include "frame_view.h"
#include "roi_prompts.h"

namespace gstsam2 {

namespace {

// The same, when it can be used at all.
const SegmentSettings& Checked(const SegmentSettings& settings) {
  if (settings.mode == SegmentMode::kPrompts) return settings;
  if (!settings.box.empty()) {
    throw ElementError::Settings("mode=everything takes no prompts: box must not be set.");
  }
  if (!settings.prompts_location.empty()) {
    throw ElementError::Settings(
        "mode=everything takes no prompts: prompts-location must not be set.");
  }
  return settings;
}

std::string PlaceOf(const sam2::Point& point) {
  std::ostringstream text;
  text << point.x << "," << point.y;
  return text.str();
}

// What is odd about clicks that are taken all the same; empty: nothing.
std::string RemarkOn(const std::vector<sam2::Point>& points, int width, int height) {
  for (const sam2::Point& point : points) {
    if (point.x < 0 || point.y < 0 || point.x > static_cast<float>(width) ||
        point.y > static_cast<float>(height)) {
      return "the click at " + PlaceOf(point) + " lies outside the frame, which is " +
             std::to_string(width) + "x" + std::to_string(height) + ", and is moved to its edge";
    }
    const bool contradicted = std::ranges::any_of(points, [&](const sam2::Point& other) {
      return other.x == point.x && other.y == point.y && other.positive != point.positive;
    });
    if (contradicted) {
      return "the click at " + PlaceOf(point) + " is both a positive and a negative one";
    }
  }
  return {};
}

}  // namespace

SegmentSession::SegmentSession(GstElement* element, GstDebugCategory* category,
                               const SegmentSettings& settings, PromptQueue& queue,
                               MousePrompts& mouse, std::stop_token interrupt)
    : Session(element, category, Checked(settings), queue, /*tracks=*/false),
      settings_(settings),
      mouse_(mouse),
      interrupt_(std::move(interrupt)),
      predictor_(engine_->CreateImagePredictor(settings.stills)) {
  queue_.Add(std::move(file_prompts_));
}

void SegmentSession::SetMaskChoice(sam2::MaskChoice choice) {
  if (choice == settings_.stills.mask_choice) return;
  settings_.stills.mask_choice = choice;
  predictor_->SetMaskChoice(choice);
}

bool SegmentSession::ProcessFrame(GstBuffer* buffer, GstBuffer*, const Moment& moment) {
  PromptQueue::Due due = TakeDue(moment);
  if (settings_.mode == SegmentMode::kEverything) return Everything(buffer, due);
  return Prompts(buffer, std::move(due));
}

bool SegmentSession::Everything(GstBuffer* buffer, const PromptQueue::Due& due) {
  for (const PromptRequest& request : due.requests) {
    Refused(request, "mode=everything takes no prompts");
  }
  std::vector<sam2::Object> objects;
  {
    const MappedFrame frame(buffer, info_);
    predictor_->SetImage(frame.view());
    objects = predictor_->Everything(settings_.everything, interrupt_);
  }
  if (interrupt_.stop_requested()) return false;
  Publish(buffer, std::move(objects));
  return true;
}

bool SegmentSession::Prompts(GstBuffer* buffer, PromptQueue::Due due) {
  if (due.reset) {
    predictor_->Reset();
    Forget({});
    mouse_.SetObjects({});
  }
  const bool idle = due.requests.empty() && alive_.empty() && boxes_.empty() &&
                    ReadDetections(buffer).empty();
  std::vector<sam2::Object> objects;
  if (!idle) {
    const MappedFrame frame(buffer, info_);
    const bool is_new = predictor_->SetImage(frame.view());
    if (is_new) Forget({});
    if (is_new && due.requests.empty()) queue_.RenewIds();
    std::vector<PromptRequest> requests = OwnPrompts(buffer, is_new);
    std::ranges::move(due.requests, std::back_inserter(requests));
    for (PromptRequest& request : requests) FitToFrame(request, info_.width, info_.height);
    asked_ = asked_ || !requests.empty();
    objects = Step(requests);
    if (interrupt_.stop_requested()) return false;
    Forget(objects);
    mouse_.SetObjects(objects);
  }
  if (prompted_) Publish(buffer, std::move(objects));
  return !idle;
}

std::vector<PromptRequest> SegmentSession::OwnPrompts(GstBuffer* buffer, bool is_new) {
  std::vector<PromptRequest> requests;
  if (is_new) {
    took_detections_ = false;
    requests = boxes_;
  }
  if (!took_detections_) {
    for (const Detection& detection : ReadDetections(buffer)) {
      PromptRequest& request = requests.emplace_back();
      request.prompt.box = detection.box;
      request.label = detection.label;
      request.source = kRegionSource;
      took_detections_ = true;
    }
  }
  for (PromptRequest& request : requests) request.prompt.id = queue_.NewId();
  return requests;
}

std::vector<sam2::Object> SegmentSession::Step(const std::vector<PromptRequest>& requests) {
  std::vector<sam2::Prompt> prompts;
  for (const PromptRequest& request : requests) prompts.push_back(request.prompt);
  sam2::StepResult result = predictor_->Step(prompts, interrupt_);
  const std::size_t answered = std::min(requests.size(), result.outcomes.size());
  for (std::size_t i = 0; i < answered; ++i) Learn(requests[i], result.outcomes[i]);
  GiveIdsBack(requests, result.outcomes);
  // Clicks go on only with what is there and not accepted.
  for (const PromptRequest& request : requests) {
    const bool open = std::ranges::any_of(result.objects, [&](const sam2::Object& object) {
      return object.id == request.prompt.id && !object.accepted;
    });
    if (!open) mouse_.Leave(request.prompt.id);
  }
  return std::move(result.objects);
}

void SegmentSession::Learn(const PromptRequest& request, const sam2::PromptOutcome& outcome) {
  if (!outcome.error.empty()) {
    Refused(request, outcome.error);
    return;
  }
  Accepted(request, outcome);
  const std::string remark = RemarkOn(request.prompt.points, info_.width, info_.height);
  if (!remark.empty()) PostRefusal(element_, "Prompt (" + request.source + "): " + remark + ".");
}

void SegmentSession::EndOfStream() {
  Session::EndOfStream();
  if (asked_ || settings_.mode == SegmentMode::kEverything) return;
  PostRefusal(element_,
              "Nothing was segmented, as no prompt came: set box or prompts-location, send events, "
              "emit signals, or use mode=everything.");
}

void SegmentSession::Forget(const std::vector<sam2::Object>& alive) {
  std::vector<int> ids;
  for (const sam2::Object& object : alive) ids.push_back(object.id);
  const auto is_alive = [&](int id) { return std::ranges::count(ids, id) > 0; };
  for (const int id : alive_) {
    if (!is_alive(id)) mouse_.Leave(id);
  }
  // Also of those that came and went on one frame.
  std::erase_if(labels_, [&](const auto& label) { return !is_alive(label.first); });
  alive_ = std::move(ids);
}

void SegmentSession::Publish(GstBuffer* buffer, std::vector<sam2::Object> objects) {
  std::vector<bool> accepted;
  for (const sam2::Object& object : objects) accepted.push_back(object.accepted);
  ObjectsRecord record = ToRecord(std::move(objects));
  if (settings_.mode == SegmentMode::kPrompts) {
    const int current = mouse_.current();
    for (std::size_t i = 0; i < accepted.size(); ++i) {
      record.objects[i].accepted = accepted[i];
      record.objects[i].selected = record.objects[i].id == current;
    }
  }
  Attach(buffer, std::move(record));
}

}  // namespace gstsam2
