// SPDX-License-Identifier: Apache-2.0
#include "predictor/late_memories.h"

#include <ATen/ops/cat.h>

#include <utility>

#include "predictor/engine.h"

namespace sam2 {
namespace {

// In batches of the sizes that objects are followed in.
Tensor Encode(const ModelEngine& engine, const FrameFeatures& features,
              const HeadsOutput& heads) {
  std::vector<Tensor> memories;
  int64_t begin = 0;
  for (const int64_t size :
       BatchShapes::Divide(heads.masks.size(0), engine.step().shapes().objects)) {
    HeadsOutput some;
    some.masks = heads.masks.narrow(0, begin, size);
    some.object_score_logits = heads.object_score_logits.narrow(0, begin, size);
    memories.push_back(engine.model().EncodeMemory(features, some, /*binarize=*/false));
    begin += size;
  }
  return memories.size() == 1 ? memories[0] : at::cat(memories);
}

}  // namespace

void LateMemories::Begin(ModelEngine& engine, std::vector<Part> parts) {
  parts_ = std::move(parts);
  if (!parts_.empty()) Start(engine);
}

void LateMemories::Start(ModelEngine& engine) {
  work_ = engine.Start(std::ssize(parts_), [this, &engine](int64_t i) {
    Part& part = parts_[i];
    if (part.memory.defined()) return;
    part.memory = Encode(engine, part.features, part.heads);
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
}

}  // namespace sam2
