// SPDX-License-Identifier: Apache-2.0
//
// With a driver that takes the host's memory for a GPU's.
#include "image/cuda_memory.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <vector>

#include "sam2.h"

namespace sam2::test {
namespace {

int g_our_context, g_their_context;

// What the driver says, and what it was asked to do.
struct World {
  void* owner = nullptr;
  unsigned memory_type = 2;
  int device = -1;  // the CPU's index
  int failure = 0;  // of the next copy
  int without_context = 0;  // so many times no context is current
  int copies = 0;
};
World g_world;

int GetAttributes(unsigned count, int* attributes, void** values, CudaDriver::Pointer) {
  for (unsigned i = 0; i < count; ++i) {
    if (attributes[i] == 1) *static_cast<void**>(values[i]) = g_world.owner;
    if (attributes[i] == 2) *static_cast<unsigned*>(values[i]) = g_world.memory_type;
    if (attributes[i] == 9) *static_cast<int*>(values[i]) = g_world.device;
  }
  return 0;
}

int GetCurrent(void** context) {
  *context = g_world.without_context-- > 0 ? nullptr : &g_our_context;
  return 0;
}

int CopyPeer(CudaDriver::Pointer to, void* to_context, CudaDriver::Pointer from,
             void* from_context, std::size_t bytes, void*) {
  EXPECT_EQ(to_context, &g_our_context);
  EXPECT_EQ(from_context, g_world.owner);
  if (g_world.failure != 0) return g_world.failure;
  std::memcpy(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), bytes);
  ++g_world.copies;
  return 0;
}

constexpr CudaDriver kDriver = {GetAttributes, GetCurrent, CopyPeer};

class FromCudaTest : public ::testing::Test {
 protected:
  FromCudaTest() : bytes_(100) {
    g_world = {};
    std::iota(bytes_.begin(), bytes_.end(), 0);
  }
  at::Tensor Take() { return FromCuda(bytes_.data(), 100, at::kCPU, kDriver); }
  void ExpectFailure() {
    try {
      Take();
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kFailed) << error.what();
    }
  }
  bool IsRight(const at::Tensor& taken) {
    return std::memcmp(taken.const_data_ptr(), bytes_.data(), 100) == 0;
  }

  std::vector<std::uint8_t> bytes_;
};

TEST_F(FromCudaTest, MemoryOfOurContextIsViewed) {
  g_world.owner = &g_our_context;
  EXPECT_EQ(Take().data_ptr(), bytes_.data());
  EXPECT_EQ(g_world.copies, 0);
}

TEST_F(FromCudaTest, MemoryOfNoContextIsViewedOnItsDevice) {
  EXPECT_EQ(Take().data_ptr(), bytes_.data());
}

TEST_F(FromCudaTest, MemoryOfAnotherContextIsCopied) {
  g_world.owner = &g_their_context;
  const at::Tensor taken = Take();
  EXPECT_NE(taken.data_ptr(), bytes_.data());
  EXPECT_TRUE(IsRight(taken));
  EXPECT_EQ(g_world.copies, 1);
}

TEST_F(FromCudaTest, TheFirstWorkOfAThreadMakesTheContextCurrent) {
  g_world.owner = &g_our_context;
  g_world.without_context = 1;
  EXPECT_EQ(Take().data_ptr(), bytes_.data());
  g_world.owner = &g_their_context;
  g_world.without_context = 1;
  EXPECT_TRUE(IsRight(Take()));
}

TEST_F(FromCudaTest, AFailedCopyIsAnError) {
  g_world.owner = &g_their_context;
  g_world.failure = 700;
  ExpectFailure();
}

TEST_F(FromCudaTest, AHostPointerIsAnError) {
  for (const unsigned type : {0U, 1U}) {  // unknown to CUDA, page-locked
    g_world.memory_type = type;
    g_world.owner = &g_our_context;
    ExpectFailure();
  }
}

TEST_F(FromCudaTest, WithoutADriverTheErrorSaysSo) {
  try {
    CudaDriver::Get();
    GTEST_SKIP() << "there is a driver";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kDeviceMissing);
  }
}

}  // namespace
}  // namespace sam2::test
