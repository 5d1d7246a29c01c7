// SPDX-License-Identifier: Apache-2.0
#include "predictor/graph_cache.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <utility>

#include "operator_log.h"
#include "replayed_graph.h"

namespace sam2 {
namespace {

using at::Tensor;
using Tensors = GraphCache::Tensors;

class GraphCacheTest : public testing::Test {
 protected:
  // 2 * a + b, b 0 where it is undefined.
  Tensor Double(GraphCache& cache, const Tensor& a, const Tensor& b = {}) {
    return cache.Run("sum", {a, b}, [this](const Tensors& t) -> Tensors {
      ++calls_;
      return {t[1].defined() ? 2 * t[0] + t[1] : 2 * t[0]};
    })[0];
  }
  // Runs it with a tensor of this size whose values differ from call to call.
  void ExpectRight(GraphCache& cache, int64_t size) {
    const Tensor a = at::full({size}, static_cast<float>(++value_));
    EXPECT_TRUE(at::equal(Double(cache, a), 2 * a)) << size;
  }
  GraphCache Cache(size_t capacity = 16) {
    return GraphCache(std::make_unique<ReplayedPool>(counts_), capacity);
  }

  const c10::InferenceMode inference_mode_;
  GraphCounts counts_;
  int calls_ = 0, value_ = 0;
};

TEST_F(GraphCacheTest, RunsPlainlyThenCapturesThenReplays) {
  GraphCache cache = Cache();
  ExpectRight(cache, 3);
  EXPECT_EQ(counts_.captures, 0);
  ExpectRight(cache, 3);
  EXPECT_EQ(counts_.captures, 1);
  for (int i = 0; i < 5; ++i) ExpectRight(cache, 3);
  EXPECT_EQ(counts_.captures, 1);
  EXPECT_EQ(counts_.replays, 6);
  EXPECT_EQ(cache.captured(), 1);
}

TEST_F(GraphCacheTest, SizesTypesAndWhichInputsThereAreMakeAGraphEach) {
  GraphCache cache = Cache();
  const Tensor a = at::ones({2, 3}), b = at::full({2, 3}, 5.0);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(at::equal(Double(cache, a), 2 * a));
    EXPECT_TRUE(at::equal(Double(cache, a, b), 2 * a + b));
    EXPECT_TRUE(at::equal(Double(cache, a.view({3, 2})), 2 * a.view({3, 2})));
    EXPECT_EQ(Double(cache, a.to(at::kDouble)).scalar_type(), at::kDouble);
  }
  EXPECT_EQ(cache.captured(), 4);
}

TEST_F(GraphCacheTest, InputsOfOtherStridesAreTheSameGraphs) {
  GraphCache cache = Cache();
  const Tensor a = at::arange(6, at::kFloat).view({2, 3});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(at::equal(Double(cache, a), 2 * a));
  const Tensor turned = at::arange(6, at::kFloat).view({3, 2}).t();
  EXPECT_TRUE(at::equal(Double(cache, turned), 2 * turned));
  EXPECT_TRUE(at::equal(Double(cache, a[0].expand({2, 3})), 2 * a[0].expand({2, 3})));
  EXPECT_EQ(cache.captured(), 1);
}

TEST_F(GraphCacheTest, ResultsAreTheCallersWhateverRunsNext) {
  GraphCache cache = Cache();
  const auto run = [&](int64_t size, double value) { return Double(cache, at::full({size}, value)); };
  for (int i = 0; i < 2; ++i) run(3, 0), run(4, 0);
  const Tensor first = run(3, 1), other = run(4, 2), again = run(3, 3);
  EXPECT_TRUE(at::equal(first, at::full({3}, 2.0)));
  EXPECT_TRUE(at::equal(other, at::full({4}, 4.0)));
  EXPECT_TRUE(at::equal(again, at::full({3}, 6.0)));
}

TEST_F(GraphCacheTest, InputsThatWentOrChangedAreNotReadAgain) {
  GraphCache cache = Cache();
  const Tensor a = at::ones({3});
  Double(cache, a);
  const Tensor captured = Double(cache, a);
  a.fill_(100);
  EXPECT_TRUE(at::equal(captured, at::full({3}, 2.0)));
  EXPECT_TRUE(at::equal(Double(cache, at::full({3}, 7.0)), at::full({3}, 14.0)));
}

TEST_F(GraphCacheTest, ResultsInPlaceAreReadThereByOtherGraphs) {
  GraphCache cache = Cache();
  const auto keep = [&](double value) {
    return cache.RunInPlace("keep", {at::full({3}, value)},
                            [](const Tensors& t) -> Tensors { return {t[0] + 1}; })[0];
  };
  const Tensor first = keep(1);
  EXPECT_TRUE(at::equal(Double(cache, first), at::full({3}, 4.0)));
  for (int i = 2; i < 6; ++i) {
    const Tensor kept = keep(i);
    EXPECT_TRUE(kept.is_same(first));
    EXPECT_TRUE(at::equal(kept, at::full({3}, i + 1.0)));
    EXPECT_TRUE(at::equal(Double(cache, kept), at::full({3}, 2 * i + 2.0)));
  }
  const auto copies = [&](const Tensor& x) {
    const OperatorLog log;
    EXPECT_TRUE(at::equal(Double(cache, x), 2 * x));
    return log.Count("aten::copy_");
  };
  const Tensor other = at::full({3}, 50.0);
  EXPECT_EQ(copies(first) + 1, copies(other));
}

TEST_F(GraphCacheTest, ResultsInPlaceOutliveTheirGraph) {
  GraphCache cache = Cache(/*capacity=*/3);
  const auto keep = [&](double value) {
    return cache.RunInPlace("keep", {at::full({3}, value)},
                            [](const Tensors& t) -> Tensors { return {t[0] + 1}; })[0];
  };
  Tensor kept;
  for (int i = 0; i < 3; ++i) Double(cache, kept = keep(i));
  ExpectRight(cache, 1);
  ExpectRight(cache, 2);  // in the place of the graph that filled it
  EXPECT_TRUE(at::equal(Double(cache, kept), at::full({3}, 6.0)));
  for (int i = 5; i < 9; ++i) {
    EXPECT_TRUE(at::equal(Double(cache, keep(i)), at::full({3}, 2 * i + 2.0)));
  }
}

TEST_F(GraphCacheTest, TheLongestUnusedGraphGoes) {
  GraphCache cache = Cache(/*capacity=*/2);
  for (int i = 0; i < 3; ++i) ExpectRight(cache, 1), ExpectRight(cache, 2);
  EXPECT_EQ(counts_.alive, 2);
  ExpectRight(cache, 1);
  ExpectRight(cache, 3);  // in the place of 2
  EXPECT_EQ(counts_.alive, 1);
  ExpectRight(cache, 3);
  EXPECT_EQ(counts_.alive, 2);
  const int captures = counts_.captures;
  ExpectRight(cache, 1);
  EXPECT_EQ(counts_.captures, captures);
  ExpectRight(cache, 2);
  ExpectRight(cache, 2);
  EXPECT_EQ(counts_.captures, captures + 1);
  EXPECT_EQ(counts_.alive, 2);
}

TEST_F(GraphCacheTest, GoesOnPlainlyForGoodWhenACaptureFails) {
  auto pool = std::make_unique<ReplayedPool>(counts_);
  pool->FailAfter(1);
  GraphCache cache(std::move(pool));
  for (int i = 0; i < 3; ++i) ExpectRight(cache, 1);
  EXPECT_EQ(cache.captured(), 1);
  testing::internal::CaptureStderr();
  for (int i = 0; i < 3; ++i) ExpectRight(cache, 2), ExpectRight(cache, 1);
  const std::string log = testing::internal::GetCapturedStderr();
  const size_t told = log.find("cannot be captured");
  EXPECT_NE(told, std::string::npos);
  EXPECT_EQ(log.find("cannot be captured", told + 1), std::string::npos) << log;
  EXPECT_EQ(counts_.alive, 0);
  EXPECT_EQ(counts_.replays, 3);
}

TEST_F(GraphCacheTest, WhatTheFunctionThrowsIsThrown) {
  GraphCache cache = Cache();
  const auto run = [&] {
    cache.Run("broken", {at::ones({1})}, [](const Tensors&) -> Tensors { TORCH_CHECK(false); });
  };
  for (int i = 0; i < 3; ++i) EXPECT_THROW(run(), c10::Error);
}

}  // namespace
}  // namespace sam2
