// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "model/sam2_model.h"
#include "predictor/batch_shapes.h"
#include "predictor/memory_bank.h"

namespace sam2 {

// The memories of N objects gathered from their store, in one of the lengths
// of BatchShapes: M memories and P pointers. An object that has fewer repeats
// one of its own, and that is masked.
struct GatheredMemories {
  Tensor features;   // [N, M, T, mem_dim] bfloat16
  Tensor obj_ptrs;   // [N, P, C]
  Tensor positions;  // [N or 1, M + P] int64: t_pos(), then ages()
  // How many memories and pointers each has: [N, 2] int64; undefined where
  // all have M and P.
  Tensor counts;

  Tensor t_pos() const;  // [N or 1, M], see Sam2Model::MemoryPositions
  Tensor ages() const;   // [N or 1, P], frames ago
};

// Uploads the places of the memories, and what the host knows of them.
GatheredMemories GatherMemories(const MemoryStore& store,
                                std::span<const MemoryBank::Selection> objects,
                                const BatchShapes& shapes);

// The same as the memory attention wants it, so that each object's result is
// as if it were alone. A function of tensors alone: nothing is read back.
MemoryTokens ToMemoryTokens(const Sam2Model& model, const GatheredMemories& memories);

}  // namespace sam2
