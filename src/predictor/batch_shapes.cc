// SPDX-License-Identifier: Apache-2.0
#include "predictor/batch_shapes.h"

#include <algorithm>

namespace sam2 {
namespace {

// Tokens of memory attended to at once: bounds the working memory (about
// 0.5 GiB with the official models).
constexpr int64_t kMaxTokens = 1 << 19;
constexpr int64_t kMaxOnCpu = 8, kMaxOnGpu = 16;  // objects
// A new object has one more pointer on every frame.
constexpr int64_t kObjPtrStep = 8;

int64_t LargestBatch(const Sam2Model& model) {
  const int64_t tokens = model.tokens_per_memory() * (model.num_maskmem() + 3);
  return std::clamp<int64_t>(kMaxTokens / tokens, 1,
                             model.device().is_cpu() ? kMaxOnCpu : kMaxOnGpu);
}

}  // namespace

int64_t BatchShapes::Length::Of(int64_t count) const {
  return count <= least ? least : least + (count - least + step - 1) / step * step;
}

BatchShapes BatchShapes::For(const Sam2Model& model) {
  const int64_t largest = LargestBatch(model);
  std::vector<int64_t> objects;
  if (model.device().is_cpu()) {
    for (int64_t n = largest; n > 0; --n) objects.push_back(n);
    return {.objects = std::move(objects), .memories = {1, 1},
            .obj_ptrs = {kObjPtrStep, kObjPtrStep}, .may_share_positions = true};
  }
  for (int64_t n = kMaxOnGpu; n > 0; n /= 2) {
    if (n <= largest) objects.push_back(n);
  }
  return {.objects = std::move(objects), .memories = {model.num_maskmem(), 2},
          .obj_ptrs = {model.max_obj_ptrs(), kObjPtrStep}, .may_share_positions = false};
}

std::vector<int64_t> BatchShapes::Divide(int64_t count) const {
  std::vector<int64_t> batches;
  for (const int64_t size : objects) {
    for (; count >= size; count -= size) batches.push_back(size);
  }
  return batches;
}

}  // namespace sam2
