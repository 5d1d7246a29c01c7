// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "model/sam2_model.h"
#include "predictor/memory_bank.h"
#include "predictor/motion_prior.h"

namespace sam2 {

// What was asked of one object on the current frame, in pixels of the
// network's input.
struct FramePrompt {
  std::optional<PointPrompt> points;  // [1, P, 2], [1, P]; a box is two points
  Tensor mask;                        // undefined, or [1, 1, S, S] of 0 and 1
  bool from_scratch = true;           // without the object's memories
  // The object's mask logits on this frame before the prompt, [1, 1, 4h, 4w],
  // which it refines, or undefined.
  Tensor previous;
  MemoryBank::Selection memories;  // used unless from_scratch
};

// Answers of N objects on one frame with the memories to keep of them.
struct StepOutput {
  HeadsOutput heads;
  Tensor memory;  // [N, T, mem_dim] bfloat16
  // [N] float32, see motion_prior.h; undefined without one.
  Tensor agreement, rival;
};

// Follows N objects into the frame by their memories, as a batch, or as
// several where one would need too much working memory.
// motion: chooses among the masks together with the predicted IoU; without it
// that alone does, as in the reference.
// Reference: SAM2VideoPredictor.propagate_in_video on a frame without prompts.
StepOutput TrackObjects(const Sam2Model& model, const FrameFeatures& features,
                        std::span<const MemoryBank::Selection> objects,
                        const std::optional<MotionPrior>& motion, int fill_hole_area);

// Applies one prompt to each of N objects; those of one kind as batches. The
// answers are as if each were alone, in the order of the prompts.
// Reference: add_new_points_or_box and add_new_mask, then the preflight of
// propagate_in_video.
StepOutput PromptObjects(const Sam2Model& model, const FrameFeatures& features,
                         std::span<const FramePrompt> prompts, int fill_hole_area);

}  // namespace sam2
