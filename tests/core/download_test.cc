// SPDX-License-Identifier: Apache-2.0
#include "predictor/download.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "operator_log.h"

namespace sam2 {
namespace {

TEST(Download, BringsAllTensorsInOneCopy) {
  const std::vector<at::Tensor> tensors = {at::randn({3, 4}), at::randn({3, 1, 8, 8}),
                                           at::randn({0, 2}), at::randn({5})};
  const OperatorLog log;
  const Download download(tensors);
  const std::vector<at::Tensor> host = download.Wait();
  EXPECT_EQ(log.Count("aten::copy_"), 1);
  ASSERT_EQ(host.size(), tensors.size());
  for (size_t i = 0; i < host.size(); ++i) {
    EXPECT_TRUE(host[i].is_contiguous());
    EXPECT_TRUE(host[i].sizes() == tensors[i].sizes());
    EXPECT_TRUE(at::equal(host[i], tensors[i])) << i;
    EXPECT_TRUE(host[i].storage().is_alias_of(host[0].storage()));
  }
  tensors[0].zero_();  // of which nothing reaches the host's
  EXPECT_FALSE(at::equal(host[0], tensors[0]));
}

}  // namespace
}  // namespace sam2
