// SPDX-License-Identifier: Apache-2.0
#include "predictor/image_predictor.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cmath>
#include <utility>

#include "image/components.h"
#include "image/fingerprint.h"
#include "image/frame.h"
#include "image/mask.h"
#include "image/refine_edges.h"
#include "predictor/everything.h"
#include "predictor/prompt_check.h"

namespace sam2 {
namespace {

// Windows whose encodings are kept, so that a click costs the decoder alone.
constexpr size_t kKeptWindows = 4;

// Without an operator, which might take several threads: float32 on the CPU, contiguous.
Tensor Copied(const Tensor& values) {
  Tensor copy = at::empty(values.sizes(), values.options());
  std::copy_n(values.const_data_ptr<float>(), values.numel(), copy.mutable_data_ptr<float>());
  return copy;
}

DecoderOutput Mean(const DecoderOutput& one, const DecoderOutput& other) {
  return {(one.masks + other.masks) / 2, (one.ious + other.ious) / 2, {},
          (one.object_score_logits + other.object_score_logits) / 2};
}

bool Contains(const Mask& mask, const Point& point) {
  const int x = static_cast<int>(std::floor(point.x)) - mask.x;
  const int y = static_cast<int>(std::floor(point.y)) - mask.y;
  if (x < 0 || y < 0 || x >= mask.width || y >= mask.height) return false;
  return mask.pixels[static_cast<size_t>(y) * mask.width + x] != 0;
}

}  // namespace

StillsPredictor::StillsPredictor(std::shared_ptr<ModelEngine> engine, const StillsOptions& options)
    : engine_(std::move(engine)), options_(options) {
  CheckWindow("search-window", options.search_window, 1);
}

bool StillsPredictor::SetImage(const FrameView& frame) {
  CheckFrame(frame);
  if (frame.memory != FrameMemory::kHost) {
    throw Error(ErrorCode::kBadSettings, "stills are taken from host memory alone");
  }
  const std::uint64_t fingerprint = Fingerprint(frame);
  frame_ = frame;
  if (fingerprint == fingerprint_) return false;
  fingerprint_ = fingerprint;
  picture_.reset();
  views_.clear();
  objects_.clear();
  everything_options_.reset();
  everything_.clear();
  return true;
}

StepResult StillsPredictor::Step(std::span<const Prompt> prompts, std::stop_token stop) {
  if (!fingerprint_) throw Error(ErrorCode::kBadSettings, "there is no picture yet");
  StepResult result;
  RunTranslatingErrors([&] {
    if (choose_again_ || !prompts.empty()) {
      Draft draft{.objects = objects_, .next_id = next_id_, .waiting = {}, .stop = stop};
      if (choose_again_) ChooseAgain(draft);
      for (const Prompt& prompt : prompts) {
        if (stop.stop_requested()) break;
        Apply(prompt, draft, result.outcomes.emplace_back());
      }
      Decode(draft);
      if (stop.stop_requested()) {
        result = {};
        return;
      }
      objects_ = std::move(draft.objects);
      next_id_ = draft.next_id;
      choose_again_ = false;
    }
    for (const StillObject& object : objects_) result.objects.push_back(*object.report);
  });
  return result;
}

// In the next step: only there the picture is sure to be at hand.
void StillsPredictor::SetMaskChoice(MaskChoice choice) {
  options_.mask_choice = choice;
  choose_again_ = true;
}

void StillsPredictor::ChooseAgain(Draft& draft) const {
  for (StillObject& object : draft.objects) {
    Answer& answer = object.steps.back().answer;
    const int chosen = Choose(answer);
    if (object.accepted || chosen == answer.chosen) continue;
    answer.chosen = chosen;
    object.report = Report(object);
  }
}

std::vector<Object> StillsPredictor::Everything(const EverythingOptions& options,
                                                std::stop_token stop) {
  if (!fingerprint_) throw Error(ErrorCode::kBadSettings, "there is no picture yet");
  if (everything_options_ != options) {
    CheckEverythingOptions(options);
    std::vector<Object> found;
    RunTranslatingErrors([&] {
      engine_->Run([&] { Encoded({WholePicture()}); });
      found = SegmentEverything(*engine_, frame_, *picture_, options, stop);
    });
    if (stop.stop_requested()) return {};
    everything_ = std::move(found);
    everything_options_ = options;
  }
  return everything_;
}

Tensor StillsPredictor::Logits(int id) const {
  const Answer& answer = std::ranges::find(objects_, id, &StillObject::id)->steps.back().answer;
  return answer.logits[answer.chosen];
}

const EncodedPicture& StillsPredictor::Encoded(const View& view) {
  const auto encode = [&] {
    return EncodePicture(engine_->model(), PartOf(frame_, view.window), view.mirrored);
  };
  if (view == View{WholePicture()}) {
    if (!picture_) picture_ = encode();
    return *picture_;
  }
  const auto it = std::ranges::find(views_, view, &std::pair<View, EncodedPicture>::first);
  if (it != views_.end()) return it->second;
  // Beside theirs the mirror image of the whole picture.
  const size_t kept = options_.second_look ? 2 * kKeptWindows + 1 : kKeptWindows;
  if (views_.size() == kept) views_.erase(views_.begin());
  return views_.emplace_back(view, encode()).second;
}

// ---------------------------------------------------------------- prompts

StillsPredictor::StillObject* StillsPredictor::Draft::Find(int id) {
  const auto it = std::ranges::find(objects, id, &StillObject::id);
  return it == objects.end() ? nullptr : &*it;
}

StillsPredictor::StillObject& StillsPredictor::Draft::FindOrAdd(int id) {
  if (StillObject* object = Find(id)) return *object;
  StillObject& object = objects.emplace_back();
  object.id = id;
  return object;
}

bool StillsPredictor::Draft::Waits(int id) const {
  return std::ranges::count(waiting, id, &Question::id) > 0;
}

void StillsPredictor::Apply(Prompt prompt, Draft& draft, PromptOutcome& outcome) {
  // A step builds on the answer to the one before.
  if (draft.Waits(prompt.id)) Decode(draft);
  outcome.id = prompt.id;
  outcome.error = CheckAction(prompt, draft);
  if (!outcome.error.empty()) return;
  switch (prompt.action) {
    case PromptAction::kRemove:
      std::erase_if(draft.objects, [&](const StillObject& o) { return o.id == prompt.id; });
      return;
    case PromptAction::kUndo:
      Undo(*draft.Find(prompt.id), draft);
      return;
    case PromptAction::kAccept:
      SetAccepted(*draft.Find(prompt.id), true);
      return;
    case PromptAction::kAdd:
    case PromptAction::kRefine:
    case PromptAction::kReplace:
      break;
  }
  CheckPrompt(prompt, frame_.width, frame_.height, outcome);
  if (!outcome.error.empty()) return;
  if (prompt.id == 0) prompt.id = draft.next_id;
  outcome.id = prompt.id;
  draft.next_id = std::max(draft.next_id, prompt.id + 1);
  if (prompt.mask) {
    TakeMask(prompt, draft);
    return;
  }
  Question question = Ask(prompt, draft);
  if (!draft.waiting.empty() && !question.FitsWith(draft.waiting.front())) Decode(draft);
  draft.waiting.push_back(std::move(question));
}

std::string StillsPredictor::CheckAction(const Prompt& prompt, Draft& draft) const {
  if (std::string error = CheckId(prompt); !error.empty()) return error;
  const std::string name = "object " + std::to_string(prompt.id);
  const StillObject* object = draft.Find(prompt.id);
  if (prompt.action != PromptAction::kAdd) {
    if (!object) return name + " does not exist";
    if (prompt.action == PromptAction::kRemove) return {};
    if (prompt.action == PromptAction::kUndo) return CheckUndo(*object);
    if (!object->accepted) return {};
    return name + " is accepted: undo opens it again, discard removes it";
  }
  if (prompt.id != 0 && object) {
    return name + " exists already: use refine or replace to prompt it again";
  }
  const auto is_new = [&](const Question& question) { return !draft.Find(question.id); };
  const auto count = std::ssize(draft.objects) + std::ranges::count_if(draft.waiting, is_new);
  if (count >= options_.max_objects) {
    return "there are " + std::to_string(count) + " objects already, as many as are allowed";
  }
  return {};
}

// A given mask is no step of the user's: taking it back would lose an object
// that was there before.
std::string StillsPredictor::CheckUndo(const StillObject& object) const {
  if (object.accepted || object.steps.size() > 1 || !object.steps.back().answer.given) return {};
  return "object " + std::to_string(object.id) + " has its given mask: discard removes it";
}

void StillsPredictor::Undo(StillObject& object, Draft& draft) const {
  if (object.accepted) {
    SetAccepted(object, false);
    return;
  }
  object.steps.pop_back();
  if (!object.steps.empty()) {
    object.report = Report(object);
  } else {
    std::erase_if(draft.objects, [id = object.id](const StillObject& o) { return o.id == id; });
  }
}

void StillsPredictor::SetAccepted(StillObject& object, bool accepted) {
  object.accepted = accepted;
  auto report = std::make_shared<Object>(*object.report);
  report->accepted = accepted;
  object.report = std::move(report);
}

// The mask is the answer, as in SAM2VideoPredictor.add_new_mask; the next step
// of the object starts from it.
void StillsPredictor::TakeMask(const Prompt& prompt, Draft& draft) {
  Decode(draft);  // objects stand in order of their first appearance
  StillObject& object = draft.FindOrAdd(prompt.id);
  if (prompt.action == PromptAction::kReplace) object.steps.clear();
  const Tensor logits = MaskToLogits(*prompt.mask, frame_.width, frame_.height);
  object.steps.push_back({.box = {}, .points = {}, .window = WholePicture(),
                          .answer = {.logits = logits[0], .ious = {1}, .score = 1, .chosen = 0,
                                     .given = std::make_shared<Mask>(Tight(*prompt.mask))}});
  object.report = Report(object);
}

// Puts together what is asked of an object now: what was asked before and the
// prompt. A box says anew where the whole object is; clicks correct its mask.
StillsPredictor::Question StillsPredictor::Ask(const Prompt& prompt, Draft& draft) const {
  Question question{.id = prompt.id, .step = {}, .points = {}, .mask = {},
                    .replaces = prompt.action == PromptAction::kReplace};
  HistoryStep& step = question.step;
  const StillObject* object = draft.Find(prompt.id);
  // A box begins anew, but for the clicks.
  const StillObject* former =
      object && prompt.action == PromptAction::kRefine ? object : nullptr;
  if (former) {
    step.box = former->steps.back().box;
    step.points = former->steps.back().points;
  }
  if (prompt.box) {
    step.box = prompt.box;
    former = nullptr;
  }
  for (Point point : prompt.points) {
    if (point.automatic) point.positive = !object || !Contains(object->report->mask, point);
    step.points.push_back(point);
  }
  step.window = WindowOf(step, former);
  if (former) question.mask = FormerLogits(*former, step.window);
  SetPoints(question);
  question.multimask = !question.mask.defined() && question.points.labels.size() == 1;
  return question;
}

void StillsPredictor::SetPoints(Question& question) const {
  const HistoryStep& step = question.step;
  question.points = {};
  if (step.box) {
    const Box box = ToWindow(*step.box, step.window);
    question.points.Add(box.x0, box.y0, kBoxCornerTopLeft);
    question.points.Add(box.x1, box.y1, kBoxCornerBottomRight);
  }
  for (const Point& point : step.points) {
    const Point p = ToWindow(point, step.window);
    question.points.Add(p.x, p.y, p.positive ? kPositivePoint : kNegativePoint);
  }
}

// The former step's own window as long as the clicks are in it: then its logits
// serve as they are.
Window StillsPredictor::WindowOf(const HistoryStep& step, const StillObject* former) const {
  if (options_.search_window == 0) return WholePicture();
  std::optional<Box> around = step.box;
  if (former) {
    const Window& window = former->steps.back().window;
    const auto inside = [&](const Point& point) { return window.Contains(point); };
    if (std::ranges::all_of(step.points, inside)) return window;
    if (former->report->box) around = former->report->box;
  }
  if (!around) return WholePicture();
  for (const Point& point : step.points) around = Union(*around, point);
  return WindowAround(*around, options_.search_window, frame_.width, frame_.height);
}

// [1, 1, 4h, 4w]
Tensor StillsPredictor::FormerLogits(const StillObject& object, const Window& window) const {
  const HistoryStep& former = object.steps.back();
  if (former.window == window) {
    return former.answer.logits[former.answer.chosen].unsqueeze(0).unsqueeze(0);
  }
  return MaskToLogits(ToWindow(object.report->mask, window), window.width, window.height);
}

// A given mask in place of a decoder's answer: logits of a sure one, [1, 1, 4h, 4w].
// The same values as SAM2Base._use_mask_as_output.
Tensor StillsPredictor::MaskToLogits(const Mask& mask, int width, int height) const {
  const int side = static_cast<int>(engine_->model().image_size() / 4);
  Tensor logits;
  engine_->Run([&] { logits = MaskToInput(mask, width, height, side) * 20.0 - 10.0; });
  return logits;
}

// ---------------------------------------------------------------- answers

bool StillsPredictor::Question::FitsWith(const Question& other) const {
  return step.window == other.step.window &&
         points.labels.size() == other.points.labels.size() && multimask == other.multimask &&
         mask.defined() == other.mask.defined();
}

void StillsPredictor::Decode(Draft& draft) {
  std::vector<Question> questions = std::exchange(draft.waiting, {});
  const auto batch = static_cast<size_t>(MaxDecodeBatch(engine_->model()));
  for (size_t start = 0; start < questions.size(); start += batch) {
    const auto part =
        std::span(questions).subspan(start, std::min(batch, questions.size() - start));
    if (draft.stop.stop_requested()) return;
    std::vector<Answer> answers = DecodeBatch(part);
    for (size_t i = 0; i < part.size(); ++i) {
      if (draft.stop.stop_requested()) return;
      const bool clicks_alone = !part[i].step.box && !part[i].mask.defined();
      if (options_.search_window != 0 && clicks_alone) Narrow(part[i], answers[i]);
      StillObject& object = draft.FindOrAdd(part[i].id);
      if (part[i].replaces) object.steps.clear();
      object.steps.push_back(part[i].step);
      Answer& answer = object.steps.back().answer;
      answer = std::move(answers[i]);
      answer.chosen = Choose(answer);
      object.report = Report(object);
    }
  }
}

// Clicks tell no size: the mask that the whole picture gives for them does, and
// they are asked again in a window around it.
void StillsPredictor::Narrow(Question& question, Answer& answer) {
  const Mask mask = MaskOf(answer.logits[Choose(answer)], question.step.window);
  if (mask.empty()) return;
  Box around = BoxOf(mask);
  for (const Point& point : question.step.points) around = Union(around, point);
  const Window window =
      WindowAround(around, options_.search_window, frame_.width, frame_.height);
  if (window == question.step.window) return;
  question.step.window = window;
  SetPoints(question);
  answer = std::move(DecodeBatch({&question, 1}).front());
}

std::vector<StillsPredictor::Answer> StillsPredictor::DecodeBatch(
    std::span<const Question> questions) {
  std::vector<Answer> answers(questions.size());
  engine_->Run([&] {
    DecoderOutput output = DecodeView(questions, /*mirrored=*/false);
    if (options_.second_look) output = Mean(output, DecodeView(questions, /*mirrored=*/true));
    Tensor logits, ious;  // [N, K, 4h, 4w], [N, K]
    if (questions.front().multimask) {
      logits = output.masks.slice(1, 1);
      ious = output.ious.slice(1, 1);
    } else {
      const Tensor choice = engine_->model().ChooseSingleMask(output);
      logits = SelectPerObject(output.masks, choice).unsqueeze(1);
      ious = SelectPerObject(output.ious, choice).unsqueeze(1);
    }
    logits = logits.to(at::kCPU).contiguous();
    ious = ious.to(at::kCPU).contiguous();
    const Tensor scores = output.object_score_logits.sigmoid().flatten().to(at::kCPU).contiguous();
    const int64_t K = ious.size(1);
    for (int64_t i = 0; i < std::ssize(questions); ++i) {
      const float* iou = ious.const_data_ptr<float>() + i * K;
      // A copy, so that an object does not keep the whole batch alive.
      answers[i] = {.logits = logits[i].clone(),
                    .ious = std::vector<float>(iou, iou + K),
                    .score = scores.const_data_ptr<float>()[i],
                    .chosen = 0, .given = nullptr};
    }
  });
  return answers;
}

DecoderOutput StillsPredictor::DecodeView(std::span<const Question> questions, bool mirrored) {
  const EncodedPicture& picture = Encoded({questions.front().step.window, mirrored});
  const auto turned = [mirrored](const Tensor& maps) { return mirrored ? maps.flip(-1) : maps; };
  std::vector<PointList> lists;
  std::vector<Tensor> masks;
  for (const Question& question : questions) {
    lists.push_back(mirrored ? question.points.Mirrored(static_cast<float>(picture.width))
                             : question.points);
    if (question.mask.defined()) masks.push_back(turned(question.mask));
  }
  const Sam2Model& model = engine_->model();
  std::optional<PointPrompt> points;
  if (!lists.front().labels.empty()) points = ToPointPrompt(lists, picture, model);
  const Tensor former =
      masks.empty() ? Tensor() : at::cat(masks).clamp(-32.0, 32.0).to(model.device());
  const DecoderOutput output = model.DecodeMasks(picture.features, picture.embedding,
                                                 std::ssize(questions), points, former);
  return {turned(output.masks), output.ious, {}, output.object_score_logits};
}

int StillsPredictor::Choose(const Answer& answer) const {
  if (answer.ious.size() == 1) return 0;
  std::array<int, 3> order = {0, 1, 2};
  if (options_.mask_choice == MaskChoice::kBest) {
    return static_cast<int>(std::ranges::max_element(answer.ious) - answer.ious.begin());
  }
  const int64_t pixels = answer.logits[0].numel();
  const auto area = [&](int i) {
    const float* logits = answer.logits.const_data_ptr<float>() + i * pixels;
    return std::count_if(logits, logits + pixels, [](float logit) { return logit > 0; });
  };
  std::ranges::stable_sort(order, std::greater<>(), area);
  return order[static_cast<int>(options_.mask_choice) - static_cast<int>(MaskChoice::kWhole)];
}

Mask StillsPredictor::MaskOf(Tensor logits, const Window& window) const {
  if (options_.max_hole_area > 0 || options_.max_sprinkle_area > 0) {
    const double given = std::pow(engine_->model().image_size() / 4.0, 2);  // logits
    const auto area = [&](int wanted) {
      return static_cast<int>(std::min<double>(wanted * logits.numel() / given, INT_MAX));
    };
    logits = Copied(logits);
    RemoveHolesAndSpecks(logits.unsqueeze(0).unsqueeze(0), area(options_.max_hole_area),
                         area(options_.max_sprinkle_area));
  }
  return FromWindow(MaskFromLogits(logits, window.width, window.height), window);
}

Mask StillsPredictor::MaskOf(const HistoryStep& step) const {
  const Answer& answer = step.answer;
  if (answer.given) return *answer.given;
  const Tensor logits = answer.logits[answer.chosen];
  if (!options_.refine_edges) return MaskOf(logits, step.window);
  std::optional<Box> box = step.box;
  if (box) box = ToWindow(*box, step.window);
  std::vector<Point> clicks = step.points;
  for (Point& click : clicks) click = ToWindow(click, step.window);
  return MaskOf(RefineEdges(logits, PartOf(frame_, step.window), box, clicks), step.window);
}

std::shared_ptr<const Object> StillsPredictor::Report(const StillObject& still) const {
  const HistoryStep& step = still.steps.back();
  const Answer& answer = step.answer;
  auto object = std::make_shared<Object>(
      Object{.id = still.id, .state = ObjectState::kOccluded, .score = answer.score,
             .iou = answer.ious[answer.chosen], .box = {}, .mask = {}, .accepted = still.accepted});
  object->mask = MaskOf(step);
  if (object->mask.empty()) return object;
  object->state = ObjectState::kTracked;
  object->box = BoxOf(object->mask);
  return object;
}

}  // namespace sam2
