// SPDX-License-Identifier: Apache-2.0
#include "predictor/video_tracker.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <ranges>

#include "image/frame.h"
#include "image/mask.h"
#include "predictor/prompt_check.h"

namespace sam2 {
namespace {

MemoryBank::Limits BankLimits(const Sam2Model& model) {
  return {.num_maskmem = model.num_maskmem(), .max_obj_ptrs = model.max_obj_ptrs()};
}

// Corners and clicks as the network's points: a box is two of them, first.
PointPrompt ToPoints(const std::optional<Box>& box, const std::vector<Point>& points,
                     const FrameView& frame, int64_t image_size) {
  std::vector<float> coords;
  std::vector<int64_t> labels;
  const float sx = static_cast<float>(image_size) / static_cast<float>(frame.width);
  const float sy = static_cast<float>(image_size) / static_cast<float>(frame.height);
  const auto add = [&](float x, float y, int64_t label) {
    coords.insert(coords.end(), {x * sx, y * sy});
    labels.push_back(label);
  };
  if (box) {
    add(box->x0, box->y0, kBoxCornerTopLeft);
    add(box->x1, box->y1, kBoxCornerBottomRight);
  }
  for (const Point& p : points) add(p.x, p.y, p.positive ? kPositivePoint : kNegativePoint);
  const int64_t P = static_cast<int64_t>(labels.size());
  return {at::tensor(at::ArrayRef<float>(coords)).view({1, P, 2}),
          at::tensor(at::ArrayRef<int64_t>(labels)).view({1, P})};
}

}  // namespace

StreamingTracker::StreamingTracker(std::shared_ptr<ModelEngine> engine,
                                   const TrackerOptions& options)
    : engine_(std::move(engine)), options_(options) {}

void StreamingTracker::Reset() { objects_.clear(); }

StepResult StreamingTracker::Step(const FrameView& frame, std::int64_t pts_ns,
                                  std::span<const Prompt> prompts) {
  StepResult result;
  const FramePlan plan = PlanPrompts(frame, prompts, result.outcomes);
  const auto removed = [&](const TrackedObject& object) {
    return std::ranges::count(plan.removed, object.id) > 0;
  };
  if (!std::ranges::all_of(objects_, removed) || !plan.pending.empty()) {
    engine_->Run([&] { result.objects = RunStep(frame, pts_ns, plan); });
  }
  std::erase_if(objects_, removed);
  ++frame_;
  return result;
}

// ---------------------------------------------------------------- prompts

StreamingTracker::FramePlan StreamingTracker::PlanPrompts(const FrameView& frame,
                                                          std::span<const Prompt> prompts,
                                                          std::vector<PromptOutcome>& outcomes) {
  FramePlan plan;
  for (const Prompt& prompt : prompts) {
    PlanPrompt(frame, prompt, plan, outcomes.emplace_back());
  }
  return plan;
}

void StreamingTracker::PlanPrompt(const FrameView& frame, const Prompt& given, FramePlan& plan,
                                  PromptOutcome& outcome) {
  Prompt prompt = given;
  outcome.id = prompt.id;
  outcome.error = CheckAction(prompt, plan);
  if (outcome.error.empty()) CheckPrompt(prompt, frame.width, frame.height, outcome);
  if (!outcome.error.empty()) return;
  if (prompt.action == PromptAction::kRemove) {
    plan.pending.erase(prompt.id);
    plan.removed.push_back(prompt.id);
    return;
  }
  if (prompt.id == 0) prompt.id = next_id_;
  outcome.id = prompt.id;
  next_id_ = std::max(next_id_, prompt.id + 1);
  PendingPrompt& pending = plan.pending[prompt.id];
  // A second prompt for an object on one frame refines what the first began.
  if (pending.prompts.empty()) pending.action = prompt.action;
  // Dropped and asked for again on one frame: it begins anew.
  if (std::erase(plan.removed, prompt.id) > 0) pending.action = PromptAction::kReplace;
  if (prompt.action == PromptAction::kReplace) pending = {.action = PromptAction::kReplace};
  pending.prompts.push_back(std::move(prompt));
}

bool StreamingTracker::Exists(int id, const FramePlan& plan) const {
  if (plan.pending.contains(id)) return true;
  return Find(id) != nullptr && std::ranges::count(plan.removed, id) == 0;
}

std::string StreamingTracker::CheckAction(const Prompt& prompt, const FramePlan& plan) const {
  const std::string name = "object " + std::to_string(prompt.id);
  if (prompt.id < 0) return "id " + std::to_string(prompt.id) + " is not allowed: ids start at 1";
  if (prompt.action != PromptAction::kAdd) {
    return Exists(prompt.id, plan) ? "" : name + " does not exist";
  }
  if (prompt.id != 0 && Exists(prompt.id, plan)) {
    return name + " exists already: use refine or replace to prompt it again";
  }
  const auto is_new = [&](const auto& entry) { return Find(entry.first) == nullptr; };
  const auto count = std::ssize(objects_) + std::ranges::count_if(plan.pending, is_new);
  if (count >= options_.max_objects) {
    return "there are " + std::to_string(count) + " objects already, as many as are allowed";
  }
  return {};
}

// Put together what was asked of one object on this frame. A mask is an
// answer in itself; whatever comes last counts.
FramePrompt StreamingTracker::ToNetwork(const FrameView& frame,
                                        const PendingPrompt& pending) const {
  const int64_t size = engine_->model().image_size();
  std::optional<Box> box;
  std::vector<Point> points;
  FramePrompt network;
  for (const Prompt& prompt : pending.prompts) {
    network.mask.reset();
    if (prompt.mask) {
      box.reset();
      points.clear();
      network.mask = MaskToInput(*prompt.mask, frame.width, frame.height, static_cast<int>(size));
    }
    if (prompt.box) box = prompt.box;
    points.insert(points.end(), prompt.points.begin(), prompt.points.end());
  }
  // A box says where the whole object is; clicks correct what is followed.
  network.from_scratch = pending.action != PromptAction::kRefine || box.has_value();
  if (box || !points.empty()) {
    network.points = ToPoints(box, points, frame, size);
    network.points->coords = network.points->coords.to(engine_->model().device());
    network.points->labels = network.points->labels.to(engine_->model().device());
  }
  if (network.mask.defined()) network.mask = network.mask.to(engine_->model().device());
  return network;
}

// ---------------------------------------------------------------- the step

std::vector<Object> StreamingTracker::RunStep(const FrameView& frame, std::int64_t pts_ns,
                                              const FramePlan& plan) {
  const Sam2Model& model = engine_->model();
  const FrameFeatures features = model.EncodeImage(
      FrameToTensor(frame, static_cast<int>(model.image_size()), Resize::kVideo,
                    model.device()));

  std::map<int, FramePrompt> asked;
  for (const auto& [id, pending] : plan.pending) asked[id] = ToNetwork(frame, pending);

  // Follow all objects but those whose prompt needs no former answer.
  std::vector<int> followed;
  std::vector<MemoryBank::Selection> selections;
  for (const TrackedObject& object : objects_) {
    const auto prompt = asked.find(object.id);
    if (std::ranges::count(plan.removed, object.id) > 0) continue;
    if (prompt != asked.end() &&
        (prompt->second.from_scratch || prompt->second.mask.defined())) {
      continue;
    }
    followed.push_back(object.id);
    selections.push_back(object.bank.Select(frame_));
  }
  StepOutput tracked;
  std::vector<ObjectAnswer> answers;
  if (!followed.empty()) {
    tracked = TrackObjects(model, features, selections, options_.fill_hole_area);
    for (size_t i = 0; i < followed.size(); ++i) {
      if (asked.contains(followed[i])) continue;
      answers.push_back({followed[i], false, static_cast<int64_t>(i), &tracked});
    }
  }

  std::map<int, StepOutput> prompted;
  for (const auto& [id, prompt] : asked) {
    const auto row = std::ranges::find(followed, id) - followed.begin();
    const bool was_followed = row < std::ssize(followed);
    prompted[id] = PromptObject(
        model, features, prompt,
        was_followed ? tracked.heads.masks.slice(0, row, row + 1) : Tensor(),
        was_followed ? selections[row] : MemoryBank::Selection{}, options_.fill_hole_area);
    answers.push_back({id, true, 0, &prompted[id]});
  }

  std::vector<Object> objects;
  for (const ObjectAnswer& answer : answers) objects.push_back(Report(frame, answer, pts_ns));
  Remember(answers, pts_ns, plan);  // from here on nothing fails
  for (const Object& object : objects) {
    if (object.state == ObjectState::kTracked) Find(object.id)->last_seen_ns = pts_ns;
  }
  const auto place = [this](const Object& object) { return Find(object.id) - objects_.data(); };
  std::ranges::sort(objects, {}, place);
  return objects;
}

void StreamingTracker::Remember(const std::vector<ObjectAnswer>& answers, std::int64_t pts_ns,
                                const FramePlan& plan) {
  for (const ObjectAnswer& answer : answers) {
    TrackedObject* object = Find(answer.id);
    const auto pending = plan.pending.find(answer.id);
    const bool forget =
        pending != plan.pending.end() && pending->second.action == PromptAction::kReplace;
    if (!object) {
      object = &objects_.emplace_back(
          TrackedObject{answer.id, MemoryBank(BankLimits(engine_->model())), pts_ns});
    } else if (forget) {
      object->bank = MemoryBank(BankLimits(engine_->model()));
    }
    // Copies, so that a bank does not keep the whole batch alive.
    ObjectMemory memory{frame_, answer.output->memory[answer.row].clone(),
                        answer.output->heads.obj_ptr[answer.row].clone()};
    if (answer.prompted) {
      object->bank.AddPrompted(std::move(memory));
    } else {
      object->bank.AddTracked(std::move(memory));
    }
  }
}

Object StreamingTracker::Report(const FrameView& frame, const ObjectAnswer& answer,
                                std::int64_t pts_ns) const {
  const HeadsOutput& heads = answer.output->heads;
  Object object;
  object.id = answer.id;
  const Tensor logit = heads.object_score_logits[answer.row];
  object.score = logit.sigmoid().item<float>();
  object.iou = heads.ious[answer.row].item<float>();
  if (logit.item<float>() > 0) {
    object.mask = MaskFromLogits(heads.masks[answer.row][0].to(at::kCPU).contiguous(), frame.width,
                                 frame.height);
  }
  if (!object.mask.empty()) {
    const Mask& m = object.mask;
    object.box = Box{static_cast<float>(m.x), static_cast<float>(m.y),
                     static_cast<float>(m.x + m.width), static_cast<float>(m.y + m.height)};
    return object;
  }
  const TrackedObject* known = Find(answer.id);
  const std::int64_t last_seen = known ? known->last_seen_ns : pts_ns;
  object.state = pts_ns - last_seen >= options_.lost_timeout_ns ? ObjectState::kLost
                                                                : ObjectState::kOccluded;
  return object;
}

StreamingTracker::TrackedObject* StreamingTracker::Find(int id) {
  const auto it = std::ranges::find(objects_, id, &TrackedObject::id);
  return it == objects_.end() ? nullptr : &*it;
}

const StreamingTracker::TrackedObject* StreamingTracker::Find(int id) const {
  return const_cast<StreamingTracker*>(this)->Find(id);
}

}  // namespace sam2
