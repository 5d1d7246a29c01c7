// SPDX-License-Identifier: Apache-2.0
#include "predictor/tracker_step.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "image/components.h"
#include "predictor/memory_batch.h"

namespace sam2 {
namespace {

// Tokens of memory attended to at once: bounds the working memory with many
// objects (about 0.5 GiB with the official models).
constexpr int64_t kMaxBatchTokens = 1 << 19;

Tensor WithoutHoles(const Tensor& masks, int max_area) {
  if (max_area <= 0) return masks;
  Tensor filled = masks.to(at::kCPU, at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  sam2::FillHoles(filled, max_area);
  return filled.to(masks.device());
}

StepOutput TrackBatch(const Sam2Model& model, const FrameFeatures& features,
                      std::span<const MemoryBank::Selection> objects,
                      const std::optional<MotionPrior>& motion) {
  const Tensor pix_feat = model.WithMemory(features, BatchMemories(model, objects));
  const DecoderOutput decoded = model.DecodeUnprompted(features, pix_feat, pix_feat.size(0));
  const Tensor choice = motion ? BestMaskWithMotion(decoded, *motion) : BestMultimask(decoded);
  StepOutput output;
  output.heads = model.TakeMasks(decoded, choice, choice);
  output.memory = model.EncodeMemory(features, output.heads, /*binarize=*/false);
  if (motion) {
    output.agreement = Agreement(output.heads.masks, *motion).squeeze(1);
    output.rival = RivalShare(decoded, choice);
  }
  return output;
}

MotionPrior Slice(const MotionPrior& motion, int64_t begin, int64_t end) {
  return {.boxes = motion.boxes.slice(0, begin, end), .areas = motion.areas.slice(0, begin, end),
          .weight = motion.weight.slice(0, begin, end)};
}

// How many objects make one batch.
size_t BatchSize(const Sam2Model& model) {
  const int64_t tokens = model.tokens_per_memory() * (model.num_maskmem() + 3);
  return static_cast<size_t>(std::max<int64_t>(1, kMaxBatchTokens / tokens));
}

// An output of what fn makes of each member.
template <typename Fn>
StepOutput ForEachTensor(Fn fn) {
  return {.heads = {.masks = fn([](const StepOutput& o) { return o.heads.masks; }),
                    .ious = fn([](const StepOutput& o) { return o.heads.ious; }),
                    .obj_ptr = fn([](const StepOutput& o) { return o.heads.obj_ptr; }),
                    .object_score_logits =
                        fn([](const StepOutput& o) { return o.heads.object_score_logits; })},
          .memory = fn([](const StepOutput& o) { return o.memory; }),
          .agreement = fn([](const StepOutput& o) { return o.agreement; }),
          .rival = fn([](const StepOutput& o) { return o.rival; })};
}

StepOutput Concatenate(const std::vector<StepOutput>& parts) {
  if (parts.size() == 1) return parts[0];
  return ForEachTensor([&](auto member) {
    std::vector<Tensor> tensors;
    for (const StepOutput& part : parts) tensors.push_back(member(part));
    return tensors[0].defined() ? at::cat(tensors) : Tensor();
  });
}

// Row i of the result is row order[i] of the output.
StepOutput Reorder(const StepOutput& output, const std::vector<int64_t>& order) {
  if (std::ranges::is_sorted(order)) return output;
  const Tensor index = at::tensor(at::ArrayRef<int64_t>(order),
                                  at::TensorOptions(output.memory.device()).dtype(at::kLong));
  return ForEachTensor([&](auto member) {
    const Tensor rows = member(output);
    return rows.defined() ? rows.index_select(0, index) : rows;
  });
}

// What prompts must have in common to make one batch.
auto KindOf(const FramePrompt& prompt) {
  const int64_t points = prompt.mask.defined() ? 0 : prompt.points->labels.size(1);
  return std::tuple(prompt.mask.defined(), points, prompt.from_scratch,
                    prompt.previous.defined());
}

HeadsOutput AnswerPrompts(const Sam2Model& model, const FrameFeatures& features,
                          const std::vector<const FramePrompt*>& prompts) {
  const auto cat = [&](auto member) {
    std::vector<Tensor> tensors;
    for (const FramePrompt* prompt : prompts) tensors.push_back(member(*prompt));
    return at::cat(tensors);
  };
  const FramePrompt& first = *prompts[0];
  if (first.mask.defined()) {
    return model.UseMaskAsOutput(features, cat([](const FramePrompt& p) { return p.mask; }));
  }
  std::vector<MemoryBank::Selection> memories;
  if (!first.from_scratch) {
    for (const FramePrompt* prompt : prompts) memories.push_back(prompt->memories);
  }
  const Tensor pix_feat = first.from_scratch
                              ? model.WithoutMemory(features)
                              : model.WithMemory(features, BatchMemories(model, memories));
  const PointPrompt points = {cat([](const FramePrompt& p) { return p.points->coords; }),
                              cat([](const FramePrompt& p) { return p.points->labels; })};
  const Tensor previous =
      first.previous.defined()
          ? cat([](const FramePrompt& p) { return p.previous; }).clamp(-32.0, 32.0)
          : Tensor();
  // One click says too little to decide by the single mask; a box or several
  // clicks say enough (multimask_max_pt_num = 1).
  const bool multimask = points.labels.size(1) <= 1;
  return model.ForwardSamHeads(features, pix_feat, points.labels.size(0), points, previous,
                               multimask);
}

StepOutput PromptBatch(const Sam2Model& model, const FrameFeatures& features,
                       const std::vector<const FramePrompt*>& prompts, int fill_hole_area) {
  StepOutput output;
  output.heads = AnswerPrompts(model, features, prompts);
  // Before the memory is encoded, as in the reference.
  output.heads.masks = WithoutHoles(output.heads.masks, fill_hole_area);
  output.memory = model.EncodeMemory(features, output.heads, /*binarize=*/true);
  return output;
}

}  // namespace

StepOutput TrackObjects(const Sam2Model& model, const FrameFeatures& features,
                        std::span<const MemoryBank::Selection> objects,
                        const std::optional<MotionPrior>& motion, int fill_hole_area) {
  const size_t batch = BatchSize(model);
  std::vector<StepOutput> parts;
  for (size_t begin = 0; begin < objects.size(); begin += batch) {
    const size_t end = std::min(begin + batch, objects.size());
    std::optional<MotionPrior> own;
    if (motion) own = Slice(*motion, static_cast<int64_t>(begin), static_cast<int64_t>(end));
    parts.push_back(TrackBatch(model, features, objects.subspan(begin, end - begin), own));
  }
  StepOutput output = Concatenate(parts);
  // After the memory was encoded, as in the reference.
  output.heads.masks = WithoutHoles(output.heads.masks, fill_hole_area);
  return output;
}

StepOutput PromptObjects(const Sam2Model& model, const FrameFeatures& features,
                         std::span<const FramePrompt> prompts, int fill_hole_area) {
  std::map<decltype(KindOf(prompts[0])), std::vector<size_t>> kinds;
  for (size_t i = 0; i < prompts.size(); ++i) kinds[KindOf(prompts[i])].push_back(i);

  std::vector<StepOutput> parts;
  std::vector<int64_t> row(prompts.size());  // of each prompt among all parts
  int64_t rows = 0;
  for (const auto& [kind, members] : kinds) {
    std::vector<const FramePrompt*> batch;
    for (const size_t member : members) {
      batch.push_back(&prompts[member]);
      row[member] = rows++;
      if (batch.size() < BatchSize(model) && member != members.back()) continue;
      parts.push_back(PromptBatch(model, features, batch, fill_hole_area));
      batch.clear();
    }
  }
  return Reorder(Concatenate(parts), row);
}

}  // namespace sam2
