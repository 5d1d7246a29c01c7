// SPDX-License-Identifier: Apache-2.0
#include "predictor/side_workers.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <iterator>
#include <latch>
#include <set>
#include <stdexcept>

namespace sam2 {
namespace {

TEST(SideWorkers, EveryPieceIsComputedOnce) {
  SideWorkers workers;
  for (const int threads : {0, 1, 3}) {
    for (const int64_t pieces : {0, 1, 2, 50}) {
      std::vector<std::atomic<int>> times(pieces);
      workers.Start(threads, pieces, [&](int64_t i) { ++times[i]; })->Finish();
      for (const auto& count : times) EXPECT_EQ(count, 1) << threads << ' ' << pieces;
    }
  }
}

TEST(SideWorkers, PiecesAreBegunBeforeAnybodyFinishes) {
  SideWorkers workers;
  std::latch begun(2);  // opens when both run at the same time
  const auto work = workers.Start(2, 2, [&](int64_t) { begun.arrive_and_wait(); });
  begun.wait();
  work->Finish();
}

TEST(SideWorkers, AreNoMoreThanThereArePieces) {
  const auto threads = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
  };
  const auto before = threads();
  SideWorkers workers;
  std::atomic<int> computed = 0;
  for (int i = 0; i < 3; ++i) workers.Start(100, 2, [&](int64_t) { ++computed; })->Finish();
  EXPECT_EQ(threads() - before, 2);
  EXPECT_EQ(computed, 6);
}

TEST(SideWorkers, WithoutWorkersTheCallerComputes) {
  SideWorkers workers;
  std::set<std::thread::id> seen;
  const auto work = workers.Start(0, 3, [&](int64_t) { seen.insert(std::this_thread::get_id()); });
  EXPECT_TRUE(seen.empty());
  work->Finish();
  EXPECT_EQ(seen, std::set{std::this_thread::get_id()});
}

TEST(SideWorkers, OperatorsOnAWorkerUseOneThread) {
  SideWorkers workers;
  const int mine = at::get_num_threads();
  std::atomic<int> used = 0;
  std::latch done(1);
  const auto work = workers.Start(1, 1, [&](int64_t) {
    used = at::get_num_threads();
    done.count_down();
  });
  done.wait();
  work->Finish();
  EXPECT_EQ(used, 1);
  EXPECT_EQ(at::get_num_threads(), mine);
}

TEST(SideWorkers, AFailureIsTheCallersAndTheOtherPiecesAreDone) {
  SideWorkers workers;
  for (const int threads : {0, 2}) {
    std::atomic<int> done = 0;
    const auto work = workers.Start(threads, 8, [&](int64_t i) {
      if (i == 3) throw std::runtime_error("piece 3");
      ++done;
    });
    EXPECT_THROW(work->Finish(), std::runtime_error);
    EXPECT_EQ(done, 7);
  }
}

TEST(SideWorkers, WorkThatIsDroppedTouchesNothingAfterwards) {
  SideWorkers workers;
  for (int round = 0; round < 200; ++round) {
    auto value = std::make_unique<std::atomic<int>>(0);
    workers.Start(2, 20, [&](int64_t) { ++*value; }).reset();
    EXPECT_LE(*value, 20);
  }
}

TEST(SideWorkers, WhatAPieceHoldsGoesWithItsWork) {
  SideWorkers workers;
  const auto held = std::make_shared<int>(0);
  for (const int threads : {0, 2}) {
    auto work = workers.Start(threads, 4, [held](int64_t) {});
    work->Finish();
    work.reset();
    EXPECT_EQ(held.use_count(), 1) << threads;
  }
}

TEST(SideWorkers, ForEachUsesThisThreadAndTheOthers) {
  SideWorkers workers;
  std::latch begun(3);  // opens when all run at the same time
  std::mutex mutex;
  std::set<std::thread::id> seen;
  workers.ForEach(3, 3, [&](int64_t) {
    begun.arrive_and_wait();
    const std::lock_guard lock(mutex);
    seen.insert(std::this_thread::get_id());
  });
  EXPECT_EQ(seen.size(), 3u);
  EXPECT_TRUE(seen.contains(std::this_thread::get_id()));
}

TEST(SideWorkers, ForEachOnOneThreadNeedsNoOther) {
  SideWorkers workers;
  std::set<std::thread::id> seen;
  workers.ForEach(1, 5, [&](int64_t) { seen.insert(std::this_thread::get_id()); });
  EXPECT_EQ(seen, std::set{std::this_thread::get_id()});
}

class OperatorThreads : public ::testing::Test {
 protected:
  OperatorThreads() { UseOperatorThreads(3); }
  ~OperatorThreads() override { UseOperatorThreads(before_); }

  const int before_ = at::get_num_threads();
  SideWorkers workers_;
};

TEST_F(OperatorThreads, AreOneInEachOfSeveralPieces) {
  for (const int threads : {1, 2}) {
    std::vector<int> used(4);
    workers_.ForEach(threads, 4, [&](int64_t i) { used[i] = at::get_num_threads(); });
    EXPECT_EQ(used, (std::vector{1, 1, 1, 1})) << threads;
    EXPECT_EQ(at::get_num_threads(), 3) << threads;
  }
}

TEST_F(OperatorThreads, AreLeftToASinglePiece) {
  int used = 0;
  workers_.ForEach(2, 1, [&](int64_t) { used = at::get_num_threads(); });
  EXPECT_EQ(used, 3);
}

TEST_F(OperatorThreads, AreAsBeforeAfterAFailure) {
  EXPECT_THROW(workers_.ForEach(2, 4, [](int64_t i) {
    if (i == 2) throw std::runtime_error("piece 2");
  }),
               std::runtime_error);
  EXPECT_EQ(at::get_num_threads(), 3);
}

TEST(SideWorkers, WorksOfSeveralCallersDoNotMix) {
  SideWorkers workers;
  std::vector<std::jthread> callers;
  std::atomic<int> wrong = 0;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&, caller] {
      for (int round = 0; round < 100; ++round) {
        std::vector<std::atomic<int>> found(6);
        workers.Start(2, 6, [&](int64_t i) { found[i] = caller * 6 + static_cast<int>(i); })->Finish();
        for (int i = 0; i < 6; ++i) wrong += found[i] != caller * 6 + i;
      }
    });
  }
  callers.clear();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace sam2
