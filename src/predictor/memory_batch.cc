// SPDX-License-Identifier: Apache-2.0
#include "predictor/memory_batch.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

namespace sam2 {
namespace {

using Selection = MemoryBank::Selection;

// Numbers of pointers are filled up to a multiple of this: a new object has one
// more on every frame, and each further shape costs kernels that are kept.
constexpr int64_t kPointerBucket = 8;

bool SameAges(const Selection& a, const Selection& b) {
  return a.t_pos == b.t_pos && a.ages == b.ages;
}

Tensor StackPointers(const Selection& selection) {  // [P, C]
  std::vector<Tensor> pointers;
  for (const ObjectMemory* memory : selection.pointers) pointers.push_back(memory->obj_ptr);
  return at::stack(pointers);
}

Tensor Features(const Selection& selection) {  // [M * T, mem_dim]
  std::vector<Tensor> features;
  for (const ObjectMemory* memory : selection.memories) features.push_back(memory->features);
  return at::cat(features);
}

Tensor MemoryPositions(const Sam2Model& model, const Selection& selection) {
  std::vector<Tensor> pos;
  for (int64_t t_pos : selection.t_pos) pos.push_back(model.MemoryPosition(t_pos));
  return at::cat(pos);
}

// Fills the rows of one part (memories or pointers) up to the same length.
Tensor PadAndStack(const std::vector<Tensor>& rows, int64_t length) {
  std::vector<Tensor> padded;
  for (const Tensor& row : rows) {
    padded.push_back(row.size(0) == length
                         ? row
                         : at::constant_pad_nd(row, {0, 0, 0, length - row.size(0)}));
  }
  return at::stack(padded);
}

// A part of all rows: its tokens, their codes, and how many each object has.
struct Part {
  std::vector<Tensor> memory, pos;
  int64_t length = 0;

  void Add(const Tensor& tokens, const Tensor& codes) {
    memory.push_back(tokens);
    pos.push_back(codes);
    length = std::max(length, tokens.size(0));
  }
};

}  // namespace

MemoryTokens BatchMemories(const Sam2Model& model, std::span<const Selection> objects) {
  Part spatial, pointer;
  size_t num_memories = 0;
  for (size_t i = 0; i < objects.size(); ++i) {
    const Selection& object = objects[i];
    num_memories = std::max(num_memories, object.memories.size());
    // Codes depend on the ages alone, which objects mostly share.
    const bool shared = i > 0 && SameAges(object, objects[i - 1]);
    const Tensor positions = shared ? spatial.pos.back() : MemoryPositions(model, object);
    spatial.Add(Features(object).to(positions.scalar_type()), positions);
    pointer.Add(model.PointerTokens(StackPointers(object)),
                shared ? pointer.pos.back() : model.PointerPositions(object.ages));
  }

  MemoryTokens batch;
  const int64_t bucket =
      kPointerBucket * pointer.memory[0].size(0) / std::ssize(objects[0].pointers);
  pointer.length = (pointer.length + bucket - 1) / bucket * bucket;
  batch.num_memories = static_cast<int64_t>(num_memories);
  batch.num_obj_ptr_tokens = pointer.length;
  batch.memory = at::cat({PadAndStack(spatial.memory, spatial.length),
                          PadAndStack(pointer.memory, pointer.length)},
                         1);
  batch.pos = at::cat(
      {PadAndStack(spatial.pos, spatial.length), PadAndStack(pointer.pos, pointer.length)}, 1);

  const auto is_short = [](const Part& part) {
    return std::ranges::any_of(
        part.memory, [&](const Tensor& row) { return row.size(0) < part.length; });
  };
  if (is_short(spatial) || is_short(pointer)) {
    batch.bias = at::zeros({static_cast<int64_t>(objects.size()), 1, batch.memory.size(1)},
                           batch.memory.options());
    for (size_t i = 0; i < objects.size(); ++i) {
      Tensor row = batch.bias.select(0, i).select(0, 0);
      constexpr double kMasked = -std::numeric_limits<double>::infinity();
      row.slice(0, spatial.memory[i].size(0), spatial.length).fill_(kMasked);
      row.slice(0, spatial.length + pointer.memory[i].size(0)).fill_(kMasked);
    }
  }
  return batch;
}

}  // namespace sam2
