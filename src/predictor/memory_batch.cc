// SPDX-License-Identifier: Apache-2.0
#include "predictor/memory_batch.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "predictor/upload.h"

namespace sam2 {
namespace {

using Selection = MemoryBank::Selection;
using Slots = std::vector<const ObjectMemory*>;

int64_t Longest(std::span<const Selection> objects, const Slots Selection::* part) {
  int64_t longest = 0;
  for (const Selection& object : objects) longest = std::max(longest, std::ssize(object.*part));
  return longest;
}

bool HaveSameAges(std::span<const Selection> objects) {
  return std::ranges::all_of(objects, [&](const Selection& object) {
    return object.t_pos == objects[0].t_pos && object.ages == objects[0].ages;
  });
}

// Integers that go to the device together.
class Table {
 public:
  // `values` and from there on its first one, `length` in all.
  template <typename Values, typename Proj>
  void AddRow(const Values& values, int64_t length, Proj proj) {
    for (int64_t i = 0; i < length; ++i) {
      values_.push_back(std::invoke(proj, values[i < std::ssize(values) ? i : 0]));
    }
  }
  void Add(int64_t value) { values_.push_back(value); }
  int64_t size() const { return std::ssize(values_); }
  Tensor On(at::Device device) const { return Upload(values_, device); }

 private:
  std::vector<int64_t> values_;
};

// 0 where one of `length` places, each `width` tokens wide, is among the first
// counts[n], else -inf: [N, 1, length * width] of the type of `like`.
Tensor Bias(const Tensor& counts, int64_t length, int64_t width, const Tensor& like) {
  const Tensor filled =
      at::arange(length, counts.options()).unsqueeze(0) >= counts.unsqueeze(1);  // [N, length]
  return at::zeros({counts.size(0), length}, like.options())
      .masked_fill(filled, -std::numeric_limits<double>::infinity())
      .unsqueeze(2)
      .expand({-1, -1, width})
      .flatten(1)
      .unsqueeze(1);
}

}  // namespace

Tensor GatheredMemories::t_pos() const { return positions.narrow(1, 0, features.size(1)); }

Tensor GatheredMemories::ages() const {
  return positions.narrow(1, features.size(1), obj_ptrs.size(1));
}

GatheredMemories GatherMemories(const MemoryStore& store, std::span<const Selection> objects,
                                const BatchShapes& shapes) {
  RECORD_USER_SCOPE("gather");
  const int64_t N = std::ssize(objects);
  const auto [M, P] = shapes.LengthOf(
      {Longest(objects, &Selection::memories), Longest(objects, &Selection::pointers)});
  const int64_t rows = shapes.may_share_positions && HaveSameAges(objects) ? 1 : N;

  Table table;
  const auto features = [](const ObjectMemory* memory) { return memory->features.index(); };
  const auto obj_ptr = [](const ObjectMemory* memory) { return memory->obj_ptr.index(); };
  for (const Selection& object : objects) table.AddRow(object.memories, M, features);
  for (const Selection& object : objects) table.AddRow(object.pointers, P, obj_ptr);
  for (const Selection& object : objects.first(rows)) {
    table.AddRow(object.t_pos, M, std::identity());
    table.AddRow(object.ages, P, std::identity());
  }
  bool is_short = false;
  for (const Selection& object : objects) {
    const int64_t memories = std::ssize(object.memories), obj_ptrs = std::ssize(object.pointers);
    is_short |= memories < M || obj_ptrs < P;
    table.Add(memories);
    table.Add(obj_ptrs);
  }

  const Tensor all = table.On(store.features.rows().device());
  const std::vector<Tensor> parts = all.split_with_sizes({N * M, N * P, rows * (M + P), 2 * N});
  GatheredMemories gathered{
      .features = store.features.rows().index_select(0, parts[0]).unflatten(0, {N, M}),
      .obj_ptrs = store.obj_ptrs.rows().index_select(0, parts[1]).unflatten(0, {N, P}),
      .positions = parts[2].view({rows, M + P}), .counts = {}};
  if (is_short) gathered.counts = parts[3].view({N, 2});
  return gathered;
}

MemoryTokens ToMemoryTokens(const Sam2Model& model, const GatheredMemories& memories) {
  const Tensor pointers = model.PointerTokens(memories.obj_ptrs);  // [N, P * C / mem_dim, mem_dim]
  const Tensor frames = memories.features.flatten(1, 2).to(pointers.scalar_type());
  const int64_t M = memories.features.size(1), P = memories.obj_ptrs.size(1);
  MemoryTokens tokens{
      .memory = at::cat({frames, pointers}, 1),
      .pos = at::cat({model.MemoryPositions(memories.t_pos()),
                      model.PointerPositions(memories.ages())},
                     1),
      .bias = {},
      .num_memories = M,
      .num_obj_ptr_tokens = pointers.size(1)};
  if (memories.counts.defined()) {
    tokens.bias = at::cat(
        {Bias(memories.counts.select(1, 0), M, memories.features.size(2), tokens.memory),
         Bias(memories.counts.select(1, 1), P, pointers.size(1) / P, tokens.memory)},
        2);
  }
  return tokens;
}

}  // namespace sam2
