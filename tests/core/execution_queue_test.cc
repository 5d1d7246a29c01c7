// SPDX-License-Identifier: Apache-2.0
#include "predictor/execution_queue.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "error_of.h"
#include "sam2.h"

namespace sam2 {
namespace {

using namespace std::chrono_literals;

TEST(ExecutionQueue, AllJobsRunOnOneThreadOneAtATime) {
  ExecutionQueue queue;
  std::set<std::thread::id> seen;  // written by jobs alone
  std::atomic<int> inside = 0, overlaps = 0;
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 8; ++i) {
      callers.emplace_back([&] {
        for (int n = 0; n < 50; ++n) {
          queue.Run(1, [&] {
            overlaps += inside++ > 0;
            seen.insert(std::this_thread::get_id());
            --inside;
          });
        }
      });
    }
  }
  EXPECT_EQ(overlaps, 0);
  EXPECT_EQ(seen.size(), 1u);
}

// Every stream asks again as soon as it is answered: no stream gets a turn
// while another waits that asked before.
TEST(ExecutionQueue, StreamsTakeTurns) {
  constexpr int kStreams = 6, kTurns = 30;
  ExecutionQueue queue;
  std::vector<int> order;  // written by jobs alone
  {
    std::vector<std::jthread> callers;
    std::atomic<int> ready = 0;
    for (int stream = 0; stream < kStreams; ++stream) {
      callers.emplace_back([&, stream] {
        ++ready;
        while (ready < kStreams) std::this_thread::yield();
        for (int n = 0; n < kTurns; ++n) {
          queue.Run(1, [&] {
            order.push_back(stream);
            // Long enough that all others ask meanwhile.
            std::this_thread::sleep_for(5ms);
          });
        }
      });
    }
  }
  ASSERT_EQ(order.size(), static_cast<size_t>(kStreams * kTurns));
  // While all are at work, hardly any two turns of a stream have fewer than
  // all the others between them; a machine under load may delay one.
  int unfair = 0;
  for (size_t i = kStreams; i + 2 * kStreams < order.size(); ++i) {
    const std::set<int> window(order.begin() + i, order.begin() + i + 2 * kStreams);
    unfair += window.size() < static_cast<size_t>(kStreams);
  }
  EXPECT_LT(unfair, kTurns / 5);
}

TEST(ExecutionQueue, ThreadsAreAsTheJobAsks) {
  ExecutionQueue queue;
  for (const int threads : {1, 2, 1}) {
    int used = 0;
    queue.Run(threads, [&] { used = at::get_num_threads(); });
    EXPECT_EQ(used, threads);
  }
}

TEST(ExecutionQueue, FailedJobDisturbsNobodyElse) {
  ExecutionQueue queue;
  EXPECT_THROW(queue.Run(1, [] { throw Error(ErrorCode::kBadSettings, "no"); }), Error);
  EXPECT_THROW(queue.Run(1, [] { throw std::runtime_error("no"); }), Error);
  EXPECT_THROW(queue.Run(1, [] { throw std::bad_alloc(); }), Error);
  bool ran = false;
  queue.Run(1, [&] { ran = true; });
  EXPECT_TRUE(ran);
}

// The code of the Error that a job ends in.
ErrorCode CodeOf(const std::function<void()>& job) {
  return ErrorOf([&] { RunTranslatingErrors(job); }).code();
}

TEST(RunTranslatingErrors, EveryErrorBecomesOneOfOurs) {
  EXPECT_EQ(CodeOf([] { throw Error(ErrorCode::kBadSettings, "no"); }), ErrorCode::kBadSettings);
  EXPECT_EQ(CodeOf([] { throw std::bad_alloc(); }), ErrorCode::kOutOfMemory);
  EXPECT_EQ(CodeOf([] { throw std::runtime_error("no"); }), ErrorCode::kFailed);
  EXPECT_EQ(CodeOf([] { at::zeros({2}).view({3}); }), ErrorCode::kFailed);
  EXPECT_EQ(CodeOf([] { TORCH_CHECK_WITH(OutOfMemoryError, false, "no"); }),
            ErrorCode::kOutOfMemory);
}

TEST(RunTranslatingErrors, WithoutOneTheJobIsDoneHere) {
  std::thread::id id;
  EXPECT_NO_THROW(RunTranslatingErrors([&] { id = std::this_thread::get_id(); }));
  EXPECT_EQ(id, std::this_thread::get_id());
}

TEST(ExecutionQueue, OneForADevice) {
  const auto a = ExecutionQueue::ForDevice(at::kCPU), b = ExecutionQueue::ForDevice(at::kCPU);
  EXPECT_EQ(a, b);
}

}  // namespace
}  // namespace sam2
