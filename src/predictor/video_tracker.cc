// SPDX-License-Identifier: Apache-2.0
#include "predictor/video_tracker.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "image/frame.h"
#include "image/mask.h"
#include "predictor/download.h"
#include "predictor/image_predictor.h"
#include "predictor/prompt_check.h"
#include "predictor/prompt_input.h"
#include "predictor/upload.h"

namespace sam2 {
namespace {

MemoryBank::Limits BankLimits(const Sam2Model& model) {
  return {.num_maskmem = model.num_maskmem(), .max_obj_ptrs = model.max_obj_ptrs()};
}

// Frames between two anchors, which are to show different views.
constexpr int64_t kAnchorDistance = 5;
// A path is known from so many sights on, believed while its spread (in units
// of the object's size) is below the first figure and no more above the second.
constexpr int kMinUpdates = 3;
constexpr double kSureSpread = 0.15, kMaxSpread = 0.5;

// How far motion is to be believed, 0..1.
float MotionWeight(const BoxMotion& motion, std::int64_t pts_ns) {
  if (motion.updates() < kMinUpdates) return 0;
  const double spread = motion.At(pts_ns).spread;
  return static_cast<float>(
      std::clamp((kMaxSpread - spread) / (kMaxSpread - kSureSpread), 0.0, 1.0));
}

// The box relative to a frame of this size, each side 0..1.
Box Relative(const Box& box, int width, int height) {
  const float w = static_cast<float>(width), h = static_cast<float>(height);
  return {box.x0 / w, box.y0 / h, box.x1 / w, box.y1 / h};
}

Box Absolute(const Box& box, int width, int height) {
  const float w = static_cast<float>(width), h = static_cast<float>(height);
  return {box.x0 * w, box.y0 * h, box.x1 * w, box.y1 * h};
}

}  // namespace

StreamingTracker::StreamingTracker(std::shared_ptr<ModelEngine> engine,
                                   const TrackerOptions& options)
    : engine_(std::move(engine)),
      options_(options),
      reader_(NewReader(*engine_)) {
  CheckWindow("search-window", options.search_window, 1);
  CheckWindow("follow-window", options.follow_window, kMinFollowWindow);
}

void StreamingTracker::Reset() {
  late_memories_.Drop();
  objects_.clear();
  cuts_ = {};
}

StepResult StreamingTracker::Step(const FrameView& frame, std::int64_t pts_ns,
                                  std::span<const Prompt> prompts, std::stop_token stop) {
  next_ = std::exchange(expected_, {});
  Views::Ahead ahead = std::exchange(ahead_, {});
  StepResult result;
  PromptPlan plan = NewPlan();
  for (const Prompt& prompt : prompts) {
    result.outcomes.push_back(plan.Add(prompt, frame.width, frame.height));
  }
  const auto needs_no_look = [&](const TrackedObject& object) {
    return plan.Removes(object.id()) || Rests(object, pts_ns);
  };
  if (!std::ranges::all_of(objects_, needs_no_look) || !plan.pending().empty()) {
    Looks looks = LookClosely(frame, plan, stop);
    Views views(*engine_, reader_, frame);
    ChooseWindows(frame, pts_ns, plan, looks, ahead, views);
    ahead.clear();  // what the windows have moved away from
    engine_->Run([&] { RunStep(views, frame, pts_ns, plan, std::move(looks)); });
  } else {
    cuts_.MissFrame();
  }
  next_id_ = plan.next_id();
  std::erase_if(objects_, [&](const TrackedObject& object) { return plan.Removes(object.id()); });
  for (const TrackedObject& object : objects_) result.objects.push_back(object.report);
  return result;
}

void StreamingTracker::Expect(const FrameView* frame) {
  if (frame) {
    expected_ = *frame;
  } else {
    expected_.reset();
    ahead_.clear();
  }
}

StepResult StreamingTracker::Predict(std::int64_t pts_ns) {
  StepResult result;
  for (const TrackedObject& object : objects_) {
    result.objects.push_back(Predicted(object, pts_ns));
  }
  return result;
}

Object StreamingTracker::Predicted(const TrackedObject& object, std::int64_t pts_ns) const {
  Object moved{.id = object.id(), .state = object.report.state, .score = object.report.score,
               .iou = object.report.iou, .box = {}, .mask = {}, .predicted = true};
  const bool timed_out = pts_ns - object.last_seen_ns >= options_.lost_timeout_ns;
  if (moved.state == ObjectState::kTracked && !timed_out) {
    const Box& box = *object.report.box;
    const Box to = object.motion.Moved(
        Relative(box, frame_width_, frame_height_), object.last_looked_ns, pts_ns);
    moved.mask = Tight(MoveMask(object.report.mask, box,
                                Absolute(to, frame_width_, frame_height_), frame_width_,
                                frame_height_));
  }
  if (moved.mask.empty()) {
    moved.state = UnseenState(&object, pts_ns);
  } else {
    moved.box = BoxOf(moved.mask);
  }
  return moved;
}

// ---------------------------------------------------------------- prompts

PromptPlan StreamingTracker::NewPlan() const {
  std::vector<PromptPlan::Live> live;
  for (const TrackedObject& object : objects_) {
    live.push_back({.id = object.id(), .lost = object.report.state == ObjectState::kLost,
                    .last_seen_ns = object.last_seen_ns});
  }
  return PromptPlan(std::move(live), options_.max_objects, next_id_);
}

StreamingTracker::Looks StreamingTracker::LookClosely(const FrameView& frame,
                                                      const PromptPlan& plan,
                                                      const std::stop_token& stop) const {
  const bool asked =
      options_.search_window != 0 || options_.second_look || options_.follow_window != 0;
  if (!asked || frame.memory != FrameMemory::kHost) return {};
  std::vector<Prompt> prompts;
  for (const auto& [id, pending] : plan.pending()) {
    if (!BeginsByPoints(pending)) continue;
    PromptAction action = PromptAction::kAdd;
    for (Prompt prompt : pending.prompts) {
      prompt.id = id;
      prompt.action = std::exchange(action, PromptAction::kRefine);
      prompts.push_back(std::move(prompt));
    }
  }
  if (prompts.empty()) return {};
  StillsPredictor stills(engine_, {.max_hole_area = options_.fill_hole_area,
                                   .max_sprinkle_area = options_.max_sprinkle_area,
                                   .search_window = options_.search_window,
                                   .second_look = options_.second_look});
  stills.SetImage(frame);
  Looks looks;
  for (Object& object : stills.Step(prompts, stop).objects) {
    // Of stills the score decides nothing. Here what is not there is occluded.
    if (object.mask.empty() || object.score <= 0.5F) continue;
    looks.emplace(object.id, std::move(object));
  }
  return looks;
}

Window StreamingTracker::WindowFor(const FrameView& frame, int id, const PromptPlan& plan,
                                   const Looks& looks) const {
  const int width = frame.width, height = frame.height;
  const Window whole = WholeFrame(width, height);
  const float factor = frame.memory == FrameMemory::kHost ? options_.follow_window : 0;
  if (factor == 0) return whole;
  const auto around = [&](const Box& box) {
    return FollowWindow::Around(box, factor, width, height);
  };
  const auto pending = plan.pending().find(id);
  if (pending == plan.pending().end()) {
    const TrackedObject& object = *Find(id);
    return object.across_cut ? whole : object.window.Next(factor, width, height);
  }
  if (const auto look = looks.find(id); look != looks.end()) return around(BoxOf(look->second.mask));
  if (BeginsByPoints(pending->second)) return whole;  // nothing was found up close
  const Box asked = ExtentOf(pending->second);
  if (GivesMask(pending->second)) return around(asked);
  const FollowWindow& window = Find(id)->window;
  const Window next = window.Next(factor, width, height);
  if (next.Contains(asked)) return next;
  const std::optional<Box> seen = window.Seen(width, height);
  return seen ? around(Union(asked, *seen)) : whole;
}

void StreamingTracker::ChooseWindows(const FrameView& frame, std::int64_t pts_ns,
                                     const PromptPlan& plan, const Looks& looks,
                                     Views::Ahead& ahead, Views& views) const {
  const auto add = [&](int id) { views.Add(id, WindowFor(frame, id, plan, looks), ahead); };
  for (const TrackedObject& object : objects_) {
    if (!plan.Removes(object.id()) && !Rests(object, pts_ns)) add(object.id());
  }
  for (const auto& [id, pending] : plan.pending()) {
    if (!views.Has(id)) add(id);
  }
}

StreamingTracker::FramePrompts StreamingTracker::Ask(const PromptPlan& plan, const Views& views,
                                                     Looks& looks) const {
  FramePrompts asked;
  for (const auto& [id, pending] : plan.pending()) {
    const Window& window = views.of(id).window();
    if (const auto look = looks.find(id); look != looks.end()) {
      FramePrompt seen;
      seen.mask = ToMaskInput(look->second.mask, window, engine_->model());
      if (seen.mask.any().item<bool>()) {
        asked[id] = std::move(seen);
        continue;
      }
      looks.erase(look);  // too thin: it would be remembered as absent
    }
    asked[id] = ToFramePrompt(pending, window, engine_->model());
  }
  return asked;
}

// ---------------------------------------------------------------- the step

bool StreamingTracker::Rests(const TrackedObject& object, std::int64_t pts_ns) const {
  const std::int64_t since = pts_ns - object.last_looked_ns;
  return object.report.state == ObjectState::kLost && since >= 0 &&
         since < options_.lost_interval_ns;
}

void StreamingTracker::EncodeBeside(const Views& views) {
  if (!next_ || !engine_->EncodesBesideSteps()) return;
  ahead_ = views.EncodeAhead(*std::exchange(next_, {}), former_windows_);
}

void StreamingTracker::EncodeBehind(const Views& views) try {
  if (!next_ || !engine_->EncodesBehindSteps()) return;
  ahead_ = views.EncodeAhead(*std::exchange(next_, {}), former_windows_);
} catch (const std::exception&) {
  // That frame's own step tries again, and tells.
}

void StreamingTracker::RunStep(Views& views, const FrameView& frame, std::int64_t pts_ns,
                               const PromptPlan& plan, Looks looks) {
  views.Encode();
  EncodeBeside(views);
  FramePrompts asked = Ask(plan, views, looks);
  late_memories_.Finish(*engine_, store_);
  std::optional<Download> thumbnail;
  if (options_.detect_cuts) {
    thumbnail.emplace(std::vector<Tensor>{CutDetector::Thumbnail(views.WholeImage())});
  }
  std::vector<LateMemories::Part> late;
  std::vector<ObjectAnswer> answers = FollowObjects(views, frame, pts_ns, plan, asked, late);
  std::ranges::move(AnswerPrompts(views, asked, late), std::back_inserter(answers));

  CutDetector cuts = cuts_;
  const bool cut = thumbnail && cuts.See(thumbnail->Wait()[0]);
  for (ObjectAnswer& answer : answers) {
    if (const auto look = looks.find(answer.id); look != looks.end()) {
      // The network only took the mask over; what was seen up close tells more.
      answer.report = std::move(look->second);
    } else {
      Report(frame, views.of(answer.id).window(), pts_ns, cut, answer);
    }
  }
  late_memories_.Begin(*engine_, std::move(late));
  // From here on nothing fails.
  cuts_ = std::move(cuts);
  for (TrackedObject& object : objects_) object.across_cut |= cut;
  for (ObjectAnswer& answer : answers) {
    const Window& window = views.of(answer.id).window();
    Learn(frame, window, pts_ns, cut, plan, std::move(answer));
  }
  frame_width_ = frame.width;
  frame_height_ = frame.height;
  former_windows_ = views.windows();
}

// All objects but those that rest and those whose prompt needs no former answer.
std::vector<const StreamingTracker::TrackedObject*> StreamingTracker::Followed(
    std::int64_t pts_ns, const PromptPlan& plan, const FramePrompts& asked) const {
  std::vector<const TrackedObject*> followed;
  for (const TrackedObject& object : objects_) {
    if (plan.Removes(object.id())) continue;
    const auto prompt = asked.find(object.id());
    const bool needless = prompt == asked.end()
                              ? Rests(object, pts_ns)
                              : prompt->second.from_scratch || prompt->second.mask.defined();
    if (!needless) followed.push_back(&object);
  }
  return followed;
}

// What is followed in one view is divided among cores; each other view is a part of its own.
std::vector<StreamingTracker::Following> StreamingTracker::Divide(
    const Views& views, const std::vector<const TrackedObject*>& followed) const {
  std::vector<Following> all;
  for (const auto& view : views.all()) {
    std::vector<const TrackedObject*> within;
    std::ranges::copy_if(followed, std::back_inserter(within), [&](const TrackedObject* object) {
      return &views.of(object->id()) == view.get();
    });
    if (within.empty()) continue;
    std::vector<Following> parts(engine_->Parts(std::ssize(within)));
    for (size_t i = 0; i < parts.size(); ++i) {
      const auto begin = [&](size_t part) { return within.begin() + part * within.size() / parts.size(); };
      parts[i].view = view.get();
      parts[i].objects.assign(begin(i), begin(i + 1));
    }
    std::ranges::move(parts, std::back_inserter(all));
  }
  return all;
}

std::vector<StreamingTracker::ObjectAnswer> StreamingTracker::FollowObjects(
    const Views& views, const FrameView& frame, std::int64_t pts_ns, const PromptPlan& plan,
    FramePrompts& asked, std::vector<LateMemories::Part>& late) {
  std::vector<Following> parts = Divide(views, Followed(pts_ns, plan, asked));
  const Pieces within = engine_->Within(std::ssize(parts));
  engine_->ForEachOf(std::ssize(parts),
                     [&](int64_t i) { FollowPart(frame, pts_ns, within, parts[i]); });

  std::vector<ObjectAnswer> answers;
  for (Following& part : parts) {
    if (asked.empty() && &part == &parts.back()) EncodeBehind(views);
    std::vector<ObjectAnswer> some = Collect(*part.view, part.output, *part.readout, late);
    for (size_t i = 0; i < some.size(); ++i) {
      some[i].id = part.objects[i]->id();
      if (options_.memory_policy == MemoryPolicy::kRobust) {
        some[i].sight.weight = MotionWeight(part.objects[i]->motion, pts_ns);
      }
      const auto prompt = asked.find(some[i].id);
      if (prompt == asked.end()) {
        answers.push_back(std::move(some[i]));
      } else {
        if (!prompt->second.previous.defined()) {
          prompt->second.previous = some[i].mask.to(engine_->model().device());
        }
        prompt->second.memories = part.selections[i];
      }
    }
  }
  return answers;
}

void StreamingTracker::FollowPart(const FrameView& frame, std::int64_t pts_ns,
                                  const Pieces& within, Following& part) const {
  for (const TrackedObject* object : part.objects) {
    part.selections.push_back(object->bank.Select(object->frames));
  }
  std::optional<MotionPrior> motion;
  if (options_.memory_policy == MemoryPolicy::kRobust) motion = Prior(frame, part, pts_ns);
  part.output = engine_->step().Track(part.view->features(), store_, part.selections, motion, within);
  part.readout.emplace(part.output, options_.fill_hole_area, options_.max_sprinkle_area);
}

std::vector<StreamingTracker::ObjectAnswer> StreamingTracker::AnswerPrompts(
    const Views& views, const FramePrompts& asked, std::vector<LateMemories::Part>& late) {
  std::vector<ObjectAnswer> all;
  for (const auto& view : views.all()) {
    std::vector<int> ids;
    std::vector<FramePrompt> prompts;
    for (const auto& [id, prompt] : asked) {
      if (&views.of(id) != view.get()) continue;
      ids.push_back(id);
      prompts.push_back(prompt);
    }
    if (prompts.empty()) continue;
    const StepOutput output =
        engine_->step().Prompt(view->features(), store_, prompts, options_.fill_hole_area);
    Readout readout(output, /*fill_hole_area=*/0, options_.max_sprinkle_area);
    if (all.size() + ids.size() == asked.size()) EncodeBehind(views);
    std::vector<ObjectAnswer> some = Collect(*view, output, readout, late);
    for (size_t i = 0; i < some.size(); ++i) {
      some[i].id = ids[i];
      some[i].prompted = true;
    }
    std::ranges::move(some, std::back_inserter(all));
  }
  std::ranges::sort(all, {}, &ObjectAnswer::id);
  return all;
}

std::vector<StreamingTracker::ObjectAnswer> StreamingTracker::Collect(
    const View& view, const StepOutput& output, Readout& readout,
    std::vector<LateMemories::Part>& late) {
  std::vector<SlotBuffer::Slot> features;
  if (output.memory.defined()) {
    features = store_.features.Write(output.memory);
  } else {
    features = store_.features.Take(output.heads.ious.size(0));
    late.push_back({.features = view.features(), .heads = output.heads, .slots = features, .memory = {}});
  }
  const std::vector<SlotBuffer::Slot> obj_ptrs = store_.obj_ptrs.Write(output.heads.obj_ptr);
  readout.Wait();  // now that the device knows all there is to do
  std::vector<ObjectAnswer> answers(features.size());
  for (size_t i = 0; i < answers.size(); ++i) {
    const int64_t row = static_cast<int64_t>(i);
    answers[i].memory = {.frame = 0, .features = features[i], .obj_ptr = obj_ptrs[i]};
    answers[i].sight = readout.sight(row);
    answers[i].mask = readout.mask(row);
  }
  return answers;
}

MotionPrior StreamingTracker::Prior(const FrameView& frame, const Following& part,
                                    std::int64_t pts_ns) const {
  const Window& window = part.view->window();
  std::vector<float> values;  // six for each object
  for (const TrackedObject* object : part.objects) {
    Box box = object->motion.At(pts_ns).box;
    if (window.width != frame.width || window.height != frame.height) {
      box = Relative(ToWindow(Absolute(box, frame.width, frame.height), window), window.width,
                     window.height);
    }
    values.insert(values.end(), {box.x0, box.y0, box.x1, box.y1,
                                 object->fill * (box.x1 - box.x0) * (box.y1 - box.y0),
                                 MotionWeight(object->motion, pts_ns)});
  }
  const Tensor all = Upload(values, engine_->model().device()).view({-1, 6});
  return {.boxes = all.narrow(1, 0, 4), .areas = all.select(1, 4), .weight = all.select(1, 5)};
}

void StreamingTracker::Report(const FrameView& frame, const Window& window, std::int64_t pts_ns,
                              bool cut, ObjectAnswer& answer) const {
  Object& object = answer.report;
  object.id = answer.id;
  object.score = 1 / (1 + std::exp(-answer.sight.logit));
  object.iou = answer.sight.iou;
  if (answer.sight.logit > 0 && IsSeen(answer, cut)) {
    RECORD_USER_SCOPE("masks");
    object.mask =
        FromWindow(MaskFromLogits(answer.mask[0][0], window.width, window.height), window);
  }
  answer.is_other = !object.mask.empty() && IsOther(frame, window, cut, answer);
  if (!object.mask.empty() && !answer.is_other) {
    object.box = BoxOf(object.mask);
  } else {
    object.mask = {};
    object.state = UnseenState(Find(answer.id), pts_ns);
  }
}

bool StreamingTracker::IsOther(const FrameView& frame, const Window& window, bool cut,
                               const ObjectAnswer& answer) const {
  if (answer.prompted || cut) return false;
  const TrackedObject& object = *Find(answer.id);
  return !object.across_cut && !object.window.MayBe(BoxOf(answer.report.mask), window, frame.width,
                                                    frame.height);
}

bool StreamingTracker::IsSeen(const ObjectAnswer& answer, bool cut) const {
  if (answer.prompted) return true;
  const TrackedObject& object = *Find(answer.id);
  if (cut || object.across_cut) return object.confidence.IsFoundAfterCut(answer.sight);
  if (options_.memory_policy == MemoryPolicy::kOfficial) return true;
  return object.report.state == ObjectState::kTracked
             ? object.confidence.IsStillThere(answer.sight)
             : object.confidence.IsFound(answer.sight);
}

ObjectState StreamingTracker::UnseenState(const TrackedObject* object,
                                          std::int64_t pts_ns) const {
  const std::int64_t last_seen = object ? object->last_seen_ns : pts_ns;
  return pts_ns - last_seen >= options_.lost_timeout_ns ? ObjectState::kLost
                                                        : ObjectState::kOccluded;
}

void StreamingTracker::Learn(const FrameView& frame, const Window& window, std::int64_t pts_ns,
                             bool cut, const PromptPlan& plan, ObjectAnswer answer) {
  TrackedObject& object = FindOrAdd(answer.id);
  const bool is_new = object.frames == 0;
  const auto pending = plan.pending().find(answer.id);
  if (pending != plan.pending().end() && pending->second.action == PromptAction::kReplace) {
    object.bank = MemoryBank(BankLimits(engine_->model()));
  }
  if (answer.prompted) object.confidence.Reset();
  object.last_looked_ns = pts_ns;
  if (answer.report.box || is_new) object.last_seen_ns = pts_ns;
  // What the user says, or another scene shows, is not to be smoothed with what was
  // seen before, nor judged by it.
  const bool anew = answer.prompted || cut;
  object.window.Update(window, answer.report.box, anew || object.across_cut, frame.width,
                       frame.height);
  if (answer.prompted || answer.report.box) object.across_cut = false;
  if (anew) {
    object.motion.Reset();
    answer.sight.weight = 0;
  }
  Remember(object, answer);
  if (answer.report.box) Follow(object, frame, pts_ns, answer);
  object.report = std::move(answer.report);
}

void StreamingTracker::Remember(TrackedObject& object, const ObjectAnswer& answer) const {
  if (!answer.prompted && !IsWorthRemembering(object, answer)) return;
  ObjectMemory memory = answer.memory;
  memory.frame = object.frames++;
  if (answer.prompted) {
    object.bank.AddPrompted(std::move(memory));
    return;
  }
  object.bank.AddTracked(std::move(memory));
  if (options_.memory_policy == MemoryPolicy::kRobust && object.confidence.IsAnchor(answer.sight) &&
      object.frames - object.last_anchor >= kAnchorDistance) {
    object.bank.AnchorLatest();
    object.last_anchor = object.frames;
  }
}

bool StreamingTracker::IsWorthRemembering(const TrackedObject& object,
                                          const ObjectAnswer& answer) const {
  if (answer.is_other) return false;
  if (options_.memory_policy == MemoryPolicy::kOfficial) return !object.across_cut;
  return answer.report.box && object.confidence.IsWorthRemembering(answer.sight);
}

// Takes over where the object was seen.
void StreamingTracker::Follow(TrackedObject& object, const FrameView& frame, std::int64_t pts_ns,
                              const ObjectAnswer& answer) const {
  const Mask& mask = answer.report.mask;
  if (!answer.prompted) object.confidence.Update(answer.sight);
  if (options_.memory_policy == MemoryPolicy::kRobust && !answer.prompted) {
    // What jumps does not take the expected path along, until that is too old.
    if (!object.confidence.IsOnPath(answer.sight)) return;
    if (answer.sight.weight == 0 && object.motion.updates() >= kMinUpdates) object.motion.Reset();
  }
  object.motion.Update(Relative(*answer.report.box, frame.width, frame.height), pts_ns);
  object.fill = static_cast<float>(AreaOf(mask)) / static_cast<float>(mask.pixels.size());
}

StreamingTracker::TrackedObject* StreamingTracker::Find(int id) {
  const auto it = std::ranges::find(objects_, id, &TrackedObject::id);
  return it == objects_.end() ? nullptr : &*it;
}

const StreamingTracker::TrackedObject* StreamingTracker::Find(int id) const {
  return const_cast<StreamingTracker*>(this)->Find(id);
}

StreamingTracker::TrackedObject& StreamingTracker::FindOrAdd(int id) {
  if (TrackedObject* object = Find(id)) return *object;
  TrackedObject object{.bank = MemoryBank(BankLimits(engine_->model())), .motion = {},
                       .confidence = {}, .window = {}, .report = {}};
  object.report.id = id;
  return objects_.emplace_back(std::move(object));
}

}  // namespace sam2
