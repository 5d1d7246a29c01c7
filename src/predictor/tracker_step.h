// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "model/sam2_model.h"
#include "predictor/batch_shapes.h"
#include "predictor/graph_cache.h"
#include "predictor/memory_bank.h"
#include "predictor/memory_batch.h"
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

// All that following N objects into a frame depends on.
struct StepInput {
  FrameFeatures features;
  GatheredMemories memories;
  MotionPrior motion;  // undefined without one
};

// Answers of N objects on one frame with the memories to keep of them.
struct StepOutput {
  HeadsOutput heads;
  Tensor memory;  // [N, T, mem_dim] bfloat16, or undefined, see TrackerStep
  // [N] float32, see motion_prior.h; undefined without one.
  Tensor agreement, rival;
};

// What one frame asks of the network, for any number of objects: they are
// divided into batches of few shapes. Stateless but for its graphs.
//
// In the form for the CPU the memory of what is followed is left to be encoded,
// see LateMemories.
class TrackerStep {
 public:
  explicit TrackerStep(const Sam2Model& model) : TrackerStep(model, !model.device().is_cpu()) {}
  // on_gpu: in the form for a GPU, on whatever device. graphs: that images are
  // encoded and objects followed by, or null.
  TrackerStep(const Sam2Model& model, bool on_gpu, GraphCache* graphs = nullptr)
      : model_(model), on_gpu_(on_gpu), shapes_(BatchShapes::For(model, on_gpu)),
        graphs_(graphs) {}

  bool on_gpu() const { return on_gpu_; }
  const BatchShapes& shapes() const { return shapes_; }

  // image: [B, 3, S, S] float32, normalised. With graphs the features hold until
  // the next image.
  FrameFeatures EncodeImage(const Tensor& image) const;

  // Follows N objects into the frame by their memories. The masks have their
  // holes still.
  // motion: chooses among the masks together with the predicted IoU; without it
  // that alone does, as in the reference.
  // within: how the work on a batch is divided; not where graphs are.
  // Reference: SAM2VideoPredictor.propagate_in_video on a frame without prompts.
  StepOutput Track(const FrameFeatures& features, const MemoryStore& store,
                   std::span<const MemoryBank::Selection> objects,
                   const std::optional<MotionPrior>& motion, const Pieces& within = {}) const;

  // Applies one prompt to each of N objects; those of one kind as batches. The
  // answers are as if each were alone, in the order of the prompts. Holes in
  // masks of at most fill_hole_area are filled before they are remembered.
  // Reference: add_new_points_or_box and add_new_mask, then the preflight of
  // propagate_in_video.
  StepOutput Prompt(const FrameFeatures& features, const MemoryStore& store,
                    std::span<const FramePrompt> prompts, int fill_hole_area) const;

  // What Track() computes of each batch. A function of tensors alone, so that a
  // graph can capture it: which operators run, on which shapes, depends on
  // shapes and types of the input alone and on which of its tensors are there;
  // nothing is read back.
  StepOutput FollowBatch(const StepInput& input, const Pieces& within = {}) const;

 private:
  // The same by a graph, if there are any.
  StepOutput Follow(const StepInput& input, const Pieces& within) const;
  StepOutput PromptBatch(const FrameFeatures& features, const MemoryStore& store,
                         std::span<const FramePrompt* const> prompts, int fill_hole_area) const;
  HeadsOutput AnswerPrompts(const FrameFeatures& features, const MemoryStore& store,
                            std::span<const FramePrompt* const> prompts) const;

  const Sam2Model& model_;
  bool on_gpu_;
  BatchShapes shapes_;
  GraphCache* graphs_;
};

}  // namespace sam2
