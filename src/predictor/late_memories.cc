// SPDX-License-Identifier: Apache-2.0
#include "predictor/late_memories.h"

#include <utility>

#include "predictor/engine.h"

namespace sam2 {

void LateMemories::Begin(ModelEngine& engine, const FrameFeatures& features,
                         std::vector<Part> parts) {
  features_ = features;
  parts_ = std::move(parts);
  if (!parts_.empty()) Start(engine);
}

void LateMemories::Start(ModelEngine& engine) {
  work_ = engine.Start(std::ssize(parts_), [this, &model = engine.model()](int64_t i) {
    Part& part = parts_[i];
    if (part.memory.defined()) return;
    part.memory = model.EncodeMemory(features_, part.heads, /*binarize=*/false);
  });
}

void LateMemories::Finish(ModelEngine& engine, MemoryStore& store) {
  if (parts_.empty()) return;
  if (!work_) Start(engine);
  const std::unique_ptr<SideWorkers::Work> work = std::move(work_);
  work->Finish();
  for (const Part& part : parts_) store.features.Fill(part.slots, part.memory);
  Drop();
}

void LateMemories::Drop() {
  work_.reset();
  parts_.clear();
  features_ = {};
}

}  // namespace sam2
