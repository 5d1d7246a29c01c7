// SPDX-License-Identifier: Apache-2.0
//
// Inputs of a tracker step in its form for a GPU, of drawn numbers.
#pragma once

#include <ATen/ATen.h>

#include <deque>
#include <optional>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/weights.h"
#include "predictor/tracker_step.h"

namespace sam2 {

// The built-in model on a device.
inline Sam2Model BuiltinOn(at::Device device) {
  Weights weights(ReadCheckpoint(SAM2_BUILTIN_MODEL), "builtin", at::kFloat, device);
  return Sam2Model(weights, 0);
}

inline FrameFeatures SomeFeatures(const Sam2Model& model) {
  const int64_t size = model.image_size();
  return model.EncodeImage(at::randn({1, 3, size, size}, at::TensorOptions(model.device())));
}

// Objects with memories, each of so many frames.
class SomeObjects {
 public:
  SomeObjects(const Sam2Model& model, const std::vector<int64_t>& ages) : model_(model) {
    for (const int64_t age : ages) Add(age);
  }

  const MemoryStore& store() const { return store_; }
  const std::vector<MemoryBank::Selection>& selections() const { return selections_; }

 private:
  void Add(int64_t age) {
    MemoryBank& bank = banks_.emplace_back(
        MemoryBank::Limits{.num_maskmem = model_.num_maskmem()});
    for (int64_t frame = 0; frame < age; ++frame) {
      ObjectMemory memory{
          frame,
          store_.features.Write(at::randn({1, model_.tokens_per_memory(), 64}).to(at::kBFloat16))[0],
          store_.obj_ptrs.Write(at::randn({1, model_.image_encoder().d_model()}))[0]};
      frame == 0 ? bank.AddPrompted(memory) : bank.AddTracked(memory);
    }
    selections_.push_back(bank.Select(age));
  }

  const Sam2Model& model_;
  MemoryStore store_;  // before those whose memories it holds
  std::deque<MemoryBank> banks_;
  std::vector<MemoryBank::Selection> selections_;
};

inline MotionPrior SomeMotion(int64_t N) {
  const Tensor corner = at::rand({N, 2}) / 2;
  return {.boxes = at::cat({corner, corner + 0.3}, 1), .areas = at::rand({N}),
          .weight = at::rand({N})};
}

}  // namespace sam2
