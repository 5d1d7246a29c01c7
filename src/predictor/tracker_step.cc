// SPDX-License-Identifier: Apache-2.0
#include "predictor/tracker_step.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "image/components.h"
#include "predictor/upload.h"

namespace sam2 {
namespace {

Tensor WithoutHoles(const Tensor& masks, int max_area) {
  if (max_area <= 0) return masks;
  const Tensor filled = masks.to(at::kCPU).contiguous();
  FillHoles(filled, max_area);
  return filled.to(masks.device());
}

MotionPrior Slice(const MotionPrior& motion, int64_t begin, int64_t end) {
  return {.boxes = motion.boxes.slice(0, begin, end), .areas = motion.areas.slice(0, begin, end),
          .weight = motion.weight.slice(0, begin, end)};
}

// The structs as lists of their tensors, such as a graph's inputs and results, and back.
GraphCache::Tensors ToTensors(const FrameFeatures& features) {
  return {features.embedding, features.feat_s0, features.feat_s1};
}

FrameFeatures ToFeatures(const GraphCache::Tensors& t) { return {t[0], t[1], t[2]}; }

GraphCache::Tensors ToTensors(const StepInput& input) {
  const auto& [features, memories, motion] = input;
  return {features.embedding, features.feat_s0, features.feat_s1, memories.features,
          memories.obj_ptrs, memories.positions, memories.counts, motion.boxes, motion.areas,
          motion.weight};
}

StepInput ToInput(const GraphCache::Tensors& t) {
  return {.features = ToFeatures(t), .memories = {t[3], t[4], t[5], t[6]},
          .motion = {t[7], t[8], t[9]}};
}

GraphCache::Tensors ToTensors(const StepOutput& output) {
  const HeadsOutput& heads = output.heads;
  return {heads.masks, heads.ious, heads.obj_ptr, heads.object_score_logits, output.memory,
          output.agreement, output.rival};
}

StepOutput ToOutput(const GraphCache::Tensors& t) {
  return {.heads = {t[0], t[1], t[2], t[3]}, .memory = t[4], .agreement = t[5], .rival = t[6]};
}

StepOutput Concatenate(const std::vector<StepOutput>& parts) {
  if (parts.size() == 1) return parts[0];
  std::vector<GraphCache::Tensors> rows;
  for (const StepOutput& part : parts) rows.push_back(ToTensors(part));
  GraphCache::Tensors whole;
  for (size_t i = 0; i < rows[0].size(); ++i) {
    std::vector<Tensor> tensors;
    for (const GraphCache::Tensors& part : rows) tensors.push_back(part[i]);
    whole.push_back(tensors[0].defined() ? at::cat(tensors) : Tensor());
  }
  return ToOutput(whole);
}

// Row i of the result is row order[i] of the output.
StepOutput Reorder(const StepOutput& output, const std::vector<int64_t>& order) {
  if (std::ranges::is_sorted(order)) return output;
  const Tensor index = Upload(order, output.memory.device());
  GraphCache::Tensors tensors = ToTensors(output);
  for (Tensor& rows : tensors) {
    if (rows.defined()) rows = rows.index_select(0, index);
  }
  return ToOutput(tensors);
}

// What prompts must have in common to make one batch.
auto KindOf(const FramePrompt& prompt) {
  const int64_t points = prompt.mask.defined() ? 0 : prompt.points->labels.size(1);
  return std::tuple(prompt.mask.defined(), points, prompt.from_scratch,
                    prompt.previous.defined());
}

}  // namespace

FrameFeatures TrackerStep::EncodeImage(const Tensor& image) const {
  if (!graphs_) return model_.EncodeImage(image);
  return ToFeatures(
      graphs_->RunInPlace("image_encoder", {image}, [this](const GraphCache::Tensors& t) {
        return ToTensors(model_.EncodeImage(t[0]));
      }));
}

StepOutput TrackerStep::Track(const FrameFeatures& features, const MemoryStore& store,
                              std::span<const MemoryBank::Selection> objects,
                              const std::optional<MotionPrior>& motion,
                              const Pieces& within) const {
  std::vector<StepOutput> parts;
  int64_t begin = 0;
  for (const int64_t size : BatchShapes::Divide(std::ssize(objects), shapes_.objects)) {
    parts.push_back(Follow(
        {.features = features,
         .memories = GatherMemories(store, objects.subspan(begin, size), shapes_),
         .motion = motion ? Slice(*motion, begin, begin + size) : MotionPrior{}},
        within));
    begin += size;
  }
  return Concatenate(parts);
}

StepOutput TrackerStep::Follow(const StepInput& input, const Pieces& within) const {
  if (!graphs_) return FollowBatch(input, within);
  return ToOutput(
      graphs_->Run("follow", ToTensors(input), [this](const GraphCache::Tensors& t) {
        return ToTensors(FollowBatch(ToInput(t)));
      }));
}

StepOutput TrackerStep::FollowBatch(const StepInput& input, const Pieces& within) const {
  const auto& [features, memories, motion] = input;
  const Tensor pix_feat =
      model_.WithMemory(features, ToMemoryTokens(model_, memories), within);
  const DecoderOutput decoded = model_.DecodeUnprompted(features, pix_feat, pix_feat.size(0));
  const bool with_motion = motion.boxes.defined();
  const Tensor choice = with_motion ? BestMaskWithMotion(decoded, motion) : BestMultimask(decoded);
  StepOutput output;
  output.heads = model_.TakeMasks(decoded, choice, choice);
  if (on_gpu_) output.memory = model_.EncodeMemory(features, output.heads, /*binarize=*/false);
  if (with_motion) {
    output.agreement = Agreement(output.heads.masks, motion).squeeze(1);
    output.rival = RivalShare(decoded, choice);
  }
  return output;
}

StepOutput TrackerStep::Prompt(const FrameFeatures& features, const MemoryStore& store,
                               std::span<const FramePrompt> prompts, int fill_hole_area) const {
  struct Kind {
    std::vector<const FramePrompt*> prompts;
    std::vector<size_t> places;  // of each among all
  };
  std::map<decltype(KindOf(prompts[0])), Kind> kinds;
  for (size_t i = 0; i < prompts.size(); ++i) {
    Kind& kind = kinds[KindOf(prompts[i])];
    kind.prompts.push_back(&prompts[i]);
    kind.places.push_back(i);
  }
  std::vector<StepOutput> parts;
  std::vector<int64_t> row(prompts.size());  // of each prompt among all parts
  int64_t rows = 0;
  for (const auto& [key, kind] : kinds) {
    for (const size_t place : kind.places) row[place] = rows++;
    std::span<const FramePrompt* const> left = kind.prompts;
    for (const int64_t size : BatchShapes::Divide(std::ssize(left), shapes_.prompts)) {
      parts.push_back(PromptBatch(features, store, left.first(size), fill_hole_area));
      left = left.subspan(size);
    }
  }
  return Reorder(Concatenate(parts), row);
}

StepOutput TrackerStep::PromptBatch(const FrameFeatures& features, const MemoryStore& store,
                                    std::span<const FramePrompt* const> prompts,
                                    int fill_hole_area) const {
  StepOutput output;
  output.heads = AnswerPrompts(features, store, prompts);
  // Before the memory is encoded, as in the reference.
  output.heads.masks = WithoutHoles(output.heads.masks, fill_hole_area);
  output.memory = model_.EncodeMemory(features, output.heads, /*binarize=*/true);
  return output;
}

HeadsOutput TrackerStep::AnswerPrompts(const FrameFeatures& features, const MemoryStore& store,
                                       std::span<const FramePrompt* const> prompts) const {
  const auto cat = [&](auto member) {
    std::vector<Tensor> tensors;
    for (const FramePrompt* prompt : prompts) tensors.push_back(member(*prompt));
    return at::cat(tensors);
  };
  const FramePrompt& first = *prompts[0];
  if (first.mask.defined()) {
    return model_.UseMaskAsOutput(features, cat([](const FramePrompt& p) { return p.mask; }));
  }
  Tensor pix_feat;
  if (first.from_scratch) {
    pix_feat = model_.WithoutMemory(features);
  } else {
    std::vector<MemoryBank::Selection> memories;
    for (const FramePrompt* prompt : prompts) memories.push_back(prompt->memories);
    pix_feat = model_.WithMemory(features,
                                 ToMemoryTokens(model_, GatherMemories(store, memories, shapes_)));
  }
  const PointPrompt points = {cat([](const FramePrompt& p) { return p.points->coords; }),
                              cat([](const FramePrompt& p) { return p.points->labels; })};
  const Tensor previous =
      first.previous.defined()
          ? cat([](const FramePrompt& p) { return p.previous; }).clamp(-32.0, 32.0)
          : Tensor();
  // One click says too little to decide by the single mask; a box or several
  // clicks say enough (multimask_max_pt_num = 1).
  const bool multimask = points.labels.size(1) <= 1;
  return model_.ForwardSamHeads(features, pix_feat, points.labels.size(0), points, previous,
                                multimask);
}

}  // namespace sam2
