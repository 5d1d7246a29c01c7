// SPDX-License-Identifier: Apache-2.0
#include "predictor/caching_allocator.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <set>

namespace {

constexpr std::int64_t kMiB = 1 << 20;

std::int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t size = 0, resident = 0;
  file >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

at::Tensor Bytes(std::int64_t count) { return at::ones({count}, at::kByte); }

class CachingAllocator : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { sam2::InstallCachingAllocator(); }
};

TEST_F(CachingAllocator, TakesTheSameBlocksAgain) {
  std::set<const void*> blocks;
  for (int i = 0; i < 20; ++i) blocks.insert(Bytes(3 * kMiB).const_data_ptr());
  EXPECT_EQ(blocks.size(), 1);
}

TEST_F(CachingAllocator, GivesTwoThatLiveBlocksOfTheirOwn) {
  const at::Tensor a = Bytes(kMiB), b = Bytes(kMiB).mul_(2);
  EXPECT_NE(a.const_data_ptr(), b.const_data_ptr());
  EXPECT_EQ(a.sum().item<std::int64_t>(), kMiB);
  EXPECT_EQ(b.sum().item<std::int64_t>(), 2 * kMiB);
}

// Blocks of many sizes, never two at once: some 170 MiB if all were kept. malloc keeps some too.
TEST_F(CachingAllocator, SizesThatDoNotComeBackDoNotPileUp) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer keeps what was freed for a while";
#endif
  Bytes(16 * kMiB);
  const std::int64_t before = ResidentBytes();
  for (std::int64_t round = 0; round < 4; ++round) {
    for (std::int64_t eighths = 8; eighths <= 64; ++eighths) {
      Bytes(eighths * kMiB / 4);
    }
  }
  EXPECT_LT(ResidentBytes() - before, 96 * kMiB);
}

// Of odd sizes, which nothing else has asked for.
TEST_F(CachingAllocator, ALargerBlockWillDo) {
  Bytes(64 * kMiB);  // so that much is kept
  const void* const large = Bytes(23 * kMiB).const_data_ptr();
  EXPECT_EQ(Bytes(17 * kMiB).const_data_ptr(), large);
  EXPECT_EQ(Bytes(21 * kMiB).const_data_ptr(), large);
}

TEST_F(CachingAllocator, AMuchLargerBlockIsLeft) {
  Bytes(64 * kMiB);
  const void* const large = Bytes(29 * kMiB).const_data_ptr();
  const at::Tensor small = Bytes(5 * kMiB);
  EXPECT_NE(small.const_data_ptr(), large);
  EXPECT_EQ(Bytes(29 * kMiB).const_data_ptr(), large);
}

// Room for so many more bytes in this process, as long as this lives.
class LimitedRoom {
 public:
  explicit LimitedRoom(rlim_t bytes) {
    getrlimit(RLIMIT_AS, &before_);
    rlim_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlimit limit{pages * sysconf(_SC_PAGESIZE) + bytes, before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
  }
  ~LimitedRoom() { setrlimit(RLIMIT_AS, &before_); }
  LimitedRoom(const LimitedRoom&) = delete;
  LimitedRoom& operator=(const LimitedRoom&) = delete;

 private:
  rlimit before_;
};

TEST_F(CachingAllocator, WhatIsKeptGivesWayWhereMemoryRunsOut) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer keeps what was freed for a while";
#endif
  const auto empty = [](std::int64_t bytes) { return at::empty({bytes}, at::kByte); };
  empty(200 * kMiB);  // kept from here on, too large for what follows
  const LimitedRoom room(64 * kMiB);
  EXPECT_EQ(empty(90 * kMiB).numel(), 90 * kMiB);
  EXPECT_THROW(empty(1000 * kMiB), c10::OutOfMemoryError);
  EXPECT_EQ(empty(90 * kMiB).numel(), 90 * kMiB);  // and it goes on
}

TEST_F(CachingAllocator, NothingIsAllocatedForNothing) {
  EXPECT_EQ(Bytes(0).numel(), 0);
}

}  // namespace
