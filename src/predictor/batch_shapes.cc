// SPDX-License-Identifier: Apache-2.0
#include "predictor/batch_shapes.h"

#include <algorithm>

#include "predictor/memory_bank.h"

namespace sam2 {
namespace {

// Tokens of memory attended to at once: bounds the working memory (about
// 0.5 GiB with the official models).
constexpr int64_t kMaxTokens = 1 << 19;
constexpr int64_t kMaxOnCpu = 8, kMaxOnGpu = 16;  // objects
constexpr int64_t kMaxImagesOnGpu = 8;

// Falling: on the CPU all sizes, as a batch more costs more than an object more
// in it; on a GPU the powers of two.
std::vector<int64_t> SizesUpTo(int64_t largest, bool all) {
  std::vector<int64_t> sizes;
  for (int64_t n = 1; n <= largest; n = all ? n + 1 : n * 2) sizes.insert(sizes.begin(), n);
  return sizes;
}

}  // namespace

BatchShapes::Length BatchShapes::LengthOf(Length needed) const {
  const auto fits = [&](const Length& length) {
    return needed.memories <= length.memories && needed.obj_ptrs <= length.obj_ptrs;
  };
  const auto found = std::ranges::find_if(lengths, fits);
  return found == lengths.end() ? needed : *found;
}

BatchShapes BatchShapes::For(const Sam2Model& model, bool on_gpu) {
  // From an object's first frame on its batch is as long as it will be for good,
  // or, with further prompted frames or anchors, as long as any can be.
  const MemoryBank::Limits limits{.num_maskmem = model.num_maskmem(),
                                  .max_obj_ptrs = model.max_obj_ptrs()};
  const Length usual = {limits.num_maskmem, limits.max_obj_ptrs};
  const Length longest = {limits.num_maskmem - 1 + limits.max_cond_frames + limits.max_anchors,
                          limits.max_obj_ptrs - 1 + limits.max_cond_frames};
  const int64_t tokens = model.tokens_per_memory() * longest.memories;
  const std::vector<int64_t> sizes = SizesUpTo(
      std::clamp<int64_t>(kMaxTokens / tokens, 1, on_gpu ? kMaxOnGpu : kMaxOnCpu), !on_gpu);
  return {.objects = sizes, .prompts = on_gpu ? sizes : SizesUpTo(1, true),
          .images = SizesUpTo(on_gpu ? kMaxImagesOnGpu : 1, false),
          .lengths = {usual, longest}, .may_share_positions = !on_gpu};
}

std::vector<int64_t> BatchShapes::Divide(int64_t count, const std::vector<int64_t>& sizes) {
  std::vector<int64_t> batches;
  for (const int64_t size : sizes) {
    for (; count >= size; count -= size) batches.push_back(size);
  }
  return batches;
}

}  // namespace sam2
