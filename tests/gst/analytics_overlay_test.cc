// SPDX-License-Identifier: Apache-2.0
//
// GStreamer's own overlays paint what sam2track found on a black picture.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "pipeline_support.h"

namespace gstsam2::testing {
namespace {

std::string Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class AnalyticsOverlay : public ::testing::TestWithParam<const char*> {};

TEST_P(AnalyticsOverlay, PaintsTheObjects) {
  GstElementFactory* factory = gst_element_factory_find(GetParam());
  if (factory == nullptr) GTEST_SKIP() << "GStreamer lacks " << GetParam();
  gst_object_unref(factory);
  const TemporaryFolder folder;
  const std::string before = (folder.path() / "before").string();
  const std::string after = (folder.path() / "after").string();
  const auto messages = RunPipeline(Source(3, "BGRA") + Track() +
                                    "box=\"0,0,320,240\" ! tee name=t ! queue ! filesink location=" +
                                    before + " t. ! queue ! " + GetParam() +
                                    " ! filesink location=" + after);
  EXPECT_TRUE(EndedWell(messages));
  ASSERT_GT(std::filesystem::file_size(before), 0U);
  ASSERT_EQ(std::filesystem::file_size(before), std::filesystem::file_size(after));
  EXPECT_NE(Content(before), Content(after));
}

INSTANTIATE_TEST_SUITE_P(All, AnalyticsOverlay,
                         ::testing::Values("objectdetectionoverlay", "segmentationoverlay"),
                         [](const auto& overlay) { return std::string(overlay.param); });

}  // namespace
}  // namespace gstsam2::testing
