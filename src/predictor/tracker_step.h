// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "model/sam2_model.h"
#include "predictor/memory_bank.h"

namespace sam2 {

// What was asked of one object on the current frame, in pixels of the
// network's input.
struct FramePrompt {
  std::optional<PointPrompt> points;  // [1, P, 2], [1, P]; a box is two points
  Tensor mask;                        // undefined, or [1, 1, S, S] of 0 and 1
  bool from_scratch = true;           // without the object's memories
};

// Answers of N objects on one frame with the memories to keep of them.
struct StepOutput {
  HeadsOutput heads;
  Tensor memory;  // [N, T, mem_dim] bfloat16
};

// Follows N objects into the frame by their memories; one batch.
// Reference: SAM2VideoPredictor.propagate_in_video on a frame without prompts.
StepOutput TrackObjects(const Sam2Model& model, const FrameFeatures& features,
                        std::span<const MemoryBank::Selection> objects, int fill_hole_area);

// Applies a prompt to one object. previous: the object's mask logits on this
// frame before it, [1, 1, 4h, 4w], or undefined; refined then.
// memories: used unless prompt.from_scratch.
// Reference: add_new_points_or_box and add_new_mask, then the preflight of
// propagate_in_video.
StepOutput PromptObject(const Sam2Model& model, const FrameFeatures& features,
                        const FramePrompt& prompt, const Tensor& previous,
                        const MemoryBank::Selection& memories, int fill_hole_area);

}  // namespace sam2
