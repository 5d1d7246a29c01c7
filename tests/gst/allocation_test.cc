// SPDX-License-Identifier: Apache-2.0
#include "allocation.h"

#include <gtest/gtest.h>

#include "support.h"

namespace gstsam2::testing {
namespace {

struct QueryDelete {
  void operator()(GstQuery* query) const { gst_query_unref(query); }
};
using Query = std::unique_ptr<GstQuery, QueryDelete>;

Query Allocation() {
  GstCaps* caps = gst_caps_from_string(VideoCaps("RGB", 64, 48).c_str());
  Query query(gst_query_new_allocation(caps, /*need_pool=*/TRUE));
  gst_caps_unref(caps);
  return query;
}

class Elements : public ::testing::TestWithParam<const char*> {};

// videocrop would leave the whole frame in the buffer.
TEST_P(Elements, DoNotPassOnThatASinkCropsFrames) {
  ElementHarness::Properties properties;
  if (std::string(GetParam()) != "sam2overlay") properties = {{"model", FakeModel("ok")}};
  ElementHarness harness(GetParam(), properties, VideoCaps("RGB", 64, 48));
  gst_harness_add_propose_allocation_meta(harness.harness(), GST_VIDEO_CROP_META_API_TYPE, nullptr);
  gst_harness_add_propose_allocation_meta(harness.harness(), GST_VIDEO_META_API_TYPE, nullptr);
  const Query query = Allocation();
  ASSERT_TRUE(gst_pad_peer_query(harness.harness()->srcpad, query.get()));
  EXPECT_FALSE(
      gst_query_find_allocation_meta(query.get(), GST_VIDEO_CROP_META_API_TYPE, nullptr));
  EXPECT_TRUE(gst_query_find_allocation_meta(query.get(), GST_VIDEO_META_API_TYPE, nullptr));
}

INSTANTIATE_TEST_SUITE_P(All, Elements,
                         ::testing::Values("sam2track", "sam2segment", "sam2overlay"),
                         [](const auto& info) { return std::string(info.param); });

TEST(AskForOneMoreBuffer, OfEachPoolThatHasALimit) {
  const Query query = Allocation();
  AskForOneMoreBuffer(query.get());
  EXPECT_EQ(gst_query_get_n_allocation_pools(query.get()), 0U);
  GstBufferPool* pool = gst_buffer_pool_new();
  gst_query_add_allocation_pool(query.get(), pool, 100, 2, 4);
  gst_query_add_allocation_pool(query.get(), nullptr, 100, 0, 0);
  AskForOneMoreBuffer(query.get());
  GstBufferPool* kept = nullptr;
  guint size = 0, min = 0, max = 0;
  gst_query_parse_nth_allocation_pool(query.get(), 0, &kept, &size, &min, &max);
  EXPECT_EQ(kept, pool);
  EXPECT_EQ(size, 100U);
  EXPECT_EQ(min, 3U);
  EXPECT_EQ(max, 5U);
  gst_clear_object(&kept);
  gst_query_parse_nth_allocation_pool(query.get(), 1, &kept, &size, &min, &max);
  EXPECT_EQ(kept, nullptr);
  EXPECT_EQ(min, 1U);
  EXPECT_EQ(max, 0U);
  gst_object_unref(pool);
}

}  // namespace
}  // namespace gstsam2::testing
