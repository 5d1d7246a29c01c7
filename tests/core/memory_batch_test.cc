// SPDX-License-Identifier: Apache-2.0
//
// Objects as batches, in all their shapes, against each object alone with
// nothing filled up.
#include "predictor/memory_batch.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <utility>

#include "checkpoint/checkpoint.h"
#include "checkpoint/weights.h"
#include "predictor/tracker_step.h"

namespace sam2 {
namespace {

using testing::ElementsAre;

BatchShapes Exact() {
  return {.objects = {1}, .prompts = {1}, .images = {1}, .lengths = {},
          .may_share_positions = true};
}

// About as on a GPU.
BatchShapes Few() {
  return {.objects = {4, 2, 1}, .prompts = {4, 2, 1}, .images = {1},
          .lengths = {{7, 16}, {12, 24}}, .may_share_positions = false};
}

class MemoryBatchTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const c10::InferenceMode inference_mode;
    Weights weights(ReadCheckpoint(SAM2_BUILTIN_MODEL), "builtin", at::kFloat, at::kCPU);
    model_ = new Sam2Model(weights, 0);
    at::manual_seed(7);
    features_ = new FrameFeatures(model_->EncodeImage(
        at::randn({1, 3, model_->image_size(), model_->image_size()})));
  }

  // Objects that were prompted so many frames ago.
  void AddObjects(std::initializer_list<int64_t> ages) {
    const c10::InferenceMode inference_mode;
    for (const int64_t age : ages) {
      MemoryBank& bank = banks_.emplace_back(
          MemoryBank::Limits{.num_maskmem = model_->num_maskmem()});
      for (int64_t frame = 0; frame < age; ++frame) {
        ObjectMemory memory{
            frame,
            store_.features.Write(at::randn({1, model_->tokens_per_memory(), 64}).to(at::kBFloat16))[0],
            store_.obj_ptrs.Write(at::randn({1, features_->embedding.size(1)}))[0]};
        frame % 9 == 0 ? bank.AddPrompted(memory) : bank.AddTracked(memory);
      }
      selections_.push_back(bank.Select(age));
    }
  }

  Tensor Attend(std::span<const MemoryBank::Selection> objects, const BatchShapes& shapes,
                const Pieces& pieces = {}) const {
    const c10::InferenceMode inference_mode;
    return model_->WithMemory(
        *features_, ToMemoryTokens(*model_, GatherMemories(store_, objects, shapes)), pieces);
  }

  void ExpectAsAlone(const BatchShapes& shapes) const {
    const Tensor together = Attend(selections_, shapes);
    for (size_t i = 0; i < selections_.size(); ++i) {
      const Tensor alone = Attend({&selections_[i], 1}, Exact());
      const double error = (together[static_cast<int64_t>(i)] - alone[0]).abs().max().item<double>();
      EXPECT_LT(error, 1e-4 * alone.abs().max().item<double>()) << i;
    }
  }

  static inline const Sam2Model* model_ = nullptr;
  static inline const FrameFeatures* features_ = nullptr;
  MemoryStore store_;
  std::deque<MemoryBank> banks_;
  std::vector<MemoryBank::Selection> selections_;
};

TEST_F(MemoryBatchTest, ObjectsOfOneAgeAreAsIfEachWereAlone) {
  AddObjects({20, 20, 20});
  ExpectAsAlone(BatchShapes::For(*model_));
  ExpectAsAlone(Few());
}

TEST_F(MemoryBatchTest, ObjectsOfAllAgesAreAsIfEachWereAlone) {
  AddObjects({1, 2, 7, 8, 16, 17, 40});
  ExpectAsAlone(BatchShapes::For(*model_));
  ExpectAsAlone(Few());
}

TEST_F(MemoryBatchTest, TokensInPiecesAreAsInOne) {
  AddObjects({1, 20, 20});
  const Tensor whole = Attend(selections_, Few());
  for (const int64_t most : {2, 3}) {
    int64_t done = 0;
    Pieces pieces{.most = most};
    pieces.for_each = [&](int64_t count, const std::function<void(int64_t)>& piece) {
      for (int64_t i = count - 1; i >= 0; --i, ++done) piece(i);  // in whatever order
    };
    const Tensor divided = Attend(selections_, Few(), pieces);
    EXPECT_EQ(done, 3 * most);  // before each of two layers, and after
    EXPECT_LT((divided - whole).abs().max().item<double>(),
              1e-5 * whole.abs().max().item<double>());
  }
}

TEST_F(MemoryBatchTest, TooFewTokensAreNotDivided) {
  AddObjects({3});
  int64_t most_pieces = 0;
  const Pieces pieces{.most = 1000,
                      .for_each = [&](int64_t count, const std::function<void(int64_t)>& piece) {
                        most_pieces = std::max(most_pieces, count);
                        for (int64_t i = 0; i < count; ++i) piece(i);
                      }};
  Attend(selections_, Exact(), pieces);
  EXPECT_EQ(most_pieces, features_->embedding.size(2) * features_->embedding.size(3) / 64);
}

TEST_F(MemoryBatchTest, ANewObjectIsFilledUpAndMasked) {
  AddObjects({1});
  const GatheredMemories few = GatherMemories(store_, selections_, Few());
  EXPECT_EQ(few.features.size(1), 7);
  EXPECT_EQ(few.obj_ptrs.size(1), 16);
  EXPECT_TRUE(few.counts.defined());
  EXPECT_EQ(GatherMemories(store_, selections_, Exact()).features.size(1), 1);
  ExpectAsAlone(Few());
}

TEST_F(MemoryBatchTest, WithoutFillingNothingIsMasked) {
  AddObjects({9, 9});
  const GatheredMemories exact = GatherMemories(store_, selections_, Exact());
  EXPECT_FALSE(exact.counts.defined());
  EXPECT_EQ(exact.positions.size(0), 1);  // one row serves both
  EXPECT_EQ(GatherMemories(store_, selections_, Few()).positions.size(0), 2);
}

TEST_F(MemoryBatchTest, WhatIsMaskedMayBeAnything) {
  AddObjects({3, 20});
  const Tensor before = Attend(selections_, Few());
  // The rows that nobody uses.
  const c10::InferenceMode inference_mode;
  std::vector<bool> used(store_.features.capacity());
  for (const auto& selection : selections_) {
    for (const ObjectMemory* memory : selection.memories) used[memory->features.index()] = true;
  }
  for (size_t i = 0; i < used.size(); ++i) {
    if (!used[i]) store_.features.rows()[static_cast<int64_t>(i)].fill_(NAN);
  }
  EXPECT_TRUE(at::equal(Attend(selections_, Few()), before));
}

// Each shape is kept for good by what runs it.
TEST_F(MemoryBatchTest, FewShapesAreMetWhateverTheObjects) {
  const BatchShapes shapes = BatchShapes::For(*model_);
  std::set<int64_t> sizes;
  for (int64_t count = 1; count <= 50; ++count) {
    for (const int64_t size : BatchShapes::Divide(count, shapes.objects)) sizes.insert(size);
  }
  EXPECT_LE(sizes.size(), 8);
  std::set<std::pair<int64_t, int64_t>> lengths;
  for (int64_t age = 1; age <= 50; ++age) {
    AddObjects({age});
    const GatheredMemories gathered =
        GatherMemories(store_, std::span(selections_).last(1), shapes);
    lengths.emplace(gathered.features.size(1), gathered.obj_ptrs.size(1));
  }
  EXPECT_LE(lengths.size(), 2);
}

TEST(BatchShapes, OneObjectMoreIsABatchMoreOrALargerOne) {
  const std::vector<int64_t> sizes = {4, 2, 1};
  EXPECT_THAT(BatchShapes::Divide(0, sizes), ElementsAre());
  EXPECT_THAT(BatchShapes::Divide(1, sizes), ElementsAre(1));
  EXPECT_THAT(BatchShapes::Divide(3, sizes), ElementsAre(2, 1));
  EXPECT_THAT(BatchShapes::Divide(15, sizes), ElementsAre(4, 4, 4, 2, 1));
}

TEST(BatchShapes, MemoriesAndPointersAreFilledUpTogether) {
  const BatchShapes shapes{.objects = {1}, .prompts = {1}, .images = {1},
                           .lengths = {{7, 16}, {12, 19}}, .may_share_positions = true};
  const auto length_of = [&](int64_t memories, int64_t obj_ptrs) {
    const auto [m, p] = shapes.LengthOf({memories, obj_ptrs});
    return std::pair(m, p);
  };
  EXPECT_EQ(length_of(1, 1), std::pair(7L, 16L));
  EXPECT_EQ(length_of(7, 16), std::pair(7L, 16L));
  EXPECT_EQ(length_of(8, 2), std::pair(12L, 19L));
  EXPECT_EQ(length_of(2, 17), std::pair(12L, 19L));
  EXPECT_EQ(length_of(12, 19), std::pair(12L, 19L));
  EXPECT_EQ(length_of(13, 1), std::pair(13L, 1L));  // nothing is lost
}

}  // namespace
}  // namespace sam2
