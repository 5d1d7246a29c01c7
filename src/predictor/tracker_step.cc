// SPDX-License-Identifier: Apache-2.0
#include "predictor/tracker_step.h"

#include <ATen/ATen.h>

#include <algorithm>

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
                      std::span<const MemoryBank::Selection> objects) {
  const Tensor pix_feat = model.WithMemory(features, BatchMemories(model, objects));
  StepOutput output;
  output.heads = model.ForwardSamHeads(features, pix_feat, pix_feat.size(0), std::nullopt, {},
                                       /*multimask=*/true);
  output.memory = model.EncodeMemory(features, output.heads, /*binarize=*/false);
  return output;
}

StepOutput Concatenate(const std::vector<StepOutput>& parts) {
  if (parts.size() == 1) return parts[0];
  const auto cat = [&](auto member) {
    std::vector<Tensor> tensors;
    for (const StepOutput& part : parts) tensors.push_back(member(part));
    return at::cat(tensors);
  };
  return {.heads = {.masks = cat([](const StepOutput& p) { return p.heads.masks; }),
                    .ious = cat([](const StepOutput& p) { return p.heads.ious; }),
                    .obj_ptr = cat([](const StepOutput& p) { return p.heads.obj_ptr; }),
                    .object_score_logits =
                        cat([](const StepOutput& p) { return p.heads.object_score_logits; })},
          .memory = cat([](const StepOutput& p) { return p.memory; })};
}

}  // namespace

StepOutput TrackObjects(const Sam2Model& model, const FrameFeatures& features,
                        std::span<const MemoryBank::Selection> objects, int fill_hole_area) {
  const int64_t tokens = model.tokens_per_memory() * (model.num_maskmem() + 3);
  const size_t batch = static_cast<size_t>(std::max<int64_t>(1, kMaxBatchTokens / tokens));
  std::vector<StepOutput> parts;
  for (size_t start = 0; start < objects.size(); start += batch) {
    parts.push_back(TrackBatch(model, features,
                               objects.subspan(start, std::min(batch, objects.size() - start))));
  }
  StepOutput output = Concatenate(parts);
  // After the memory was encoded, as in the reference.
  output.heads.masks = WithoutHoles(output.heads.masks, fill_hole_area);
  return output;
}

StepOutput PromptObject(const Sam2Model& model, const FrameFeatures& features,
                        const FramePrompt& prompt, const Tensor& previous,
                        const MemoryBank::Selection& memories, int fill_hole_area) {
  StepOutput output;
  if (prompt.mask.defined()) {
    output.heads = model.UseMaskAsOutput(features, prompt.mask);
  } else {
    const Tensor pix_feat =
        prompt.from_scratch
            ? model.WithoutMemory(features)
            : model.WithMemory(features, BatchMemories(model, std::span(&memories, 1)));
    // One click says too little to decide by the single mask; a box or several
    // clicks say enough (multimask_max_pt_num = 1).
    const bool multimask = prompt.points->labels.size(1) <= 1;
    output.heads = model.ForwardSamHeads(
        features, pix_feat, 1, prompt.points,
        previous.defined() ? previous.clamp(-32.0, 32.0) : previous, multimask);
  }
  // Before the memory is encoded, as in the reference.
  output.heads.masks = WithoutHoles(output.heads.masks, fill_hole_area);
  output.memory = model.EncodeMemory(features, output.heads, /*binarize=*/true);
  return output;
}

}  // namespace sam2
