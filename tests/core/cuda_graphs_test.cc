// SPDX-License-Identifier: Apache-2.0
#include "predictor/cuda_graphs.h"

#include <ATen/Context.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sam2 {
namespace {

// Without libtorch_cuda.so the module cannot be opened, but it is found.
TEST(CudaGraphs, TheirModuleLiesWhereItIsLookedFor) {
  if (at::hasCUDA()) GTEST_SKIP() << "libtorch_cuda.so is open";
  testing::internal::CaptureStderr();
  EXPECT_EQ(OpenCudaGraphs(at::Device(at::kCUDA, 0)), nullptr);
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::HasSubstr("/libsam2cuda.so: undefined symbol"));
}

}  // namespace
}  // namespace sam2
