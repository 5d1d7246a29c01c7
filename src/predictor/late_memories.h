// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "predictor/memory_bank.h"
#include "predictor/side_workers.h"
#include "predictor/tracker_step.h"

namespace sam2 {

class ModelEngine;

// The memories of a frame that are encoded after its masks are out, beside
// whatever comes next: nobody needs them before the next frame is encoded.
class LateMemories {
 public:
  // Some of the frame's objects: their answers, and where their memories go.
  struct Part {
    FrameFeatures features;  // of what was looked at
    HeadsOutput heads;
    std::vector<SlotBuffer::Slot> slots;
    Tensor memory;  // undefined until it is encoded
  };

  // To be called when nothing is left to finish.
  void Begin(ModelEngine& engine, std::vector<Part> parts);

  // Writes into the store what was begun last. Throws when it could not be
  // encoded; then the next call tries again.
  void Finish(ModelEngine& engine, MemoryStore& store);

  // Forgets what was begun.
  void Drop();

 private:
  void Start(ModelEngine& engine);

  std::vector<Part> parts_;
  std::unique_ptr<SideWorkers::Work> work_;  // before what it works on goes
};

}  // namespace sam2
