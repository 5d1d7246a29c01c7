// SPDX-License-Identifier: Apache-2.0
//
// Live pipelines with the fake core, whose steps take 20 ms or more.
#include <gst/base/gstbasesink.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "pipeline_support.h"

namespace gstsam2::testing {
namespace {

constexpr GstClockTime kStep = 20 * GST_MSECOND;

// Nothing stands between source and tracker: it may be late all the same.
std::string SlowTracker(int rate, int frames) {
  return "videotestsrc is-live=true pattern=white num-buffers=" + std::to_string(frames) +
         " ! video/x-raw,format=I420,width=64,height=64,framerate=" + std::to_string(rate) +
         "/1 ! sam2track model=" + FakeModel("slow") + " box=\"0,0,64,64\" ";
}

GstClockTime LatencyOf(GstElement* pipeline) {
  g_autoptr(GstQuery) query = gst_query_new_latency();
  EXPECT_TRUE(gst_element_query(pipeline, query));
  gboolean live = FALSE;
  GstClockTime min = 0;
  gst_query_parse_latency(query, &live, &min, nullptr);
  EXPECT_TRUE(live);
  return min;
}

TEST(LivePipeline, KnowsWhatTheTrackerTakes) {
  Driven pipeline(SlowTracker(20, -1) +
                  "! sam2overlay ! sam2jsonenc ! fakesink name=sink sync=true processing-deadline=0");
  pipeline.SetState(GST_STATE_PLAYING);
  const GstClockTime all = GST_SECOND / 20 + kStep;  // the source's is a frame
  // The first message may be another element's.
  do {
    ASSERT_TRUE(pipeline.WaitFor(GST_MESSAGE_LATENCY));
    gst_bin_recalculate_latency(GST_BIN(pipeline.top()));
  } while (LatencyOf(pipeline.top()) < all);
  EXPECT_GE(gst_base_sink_get_latency(GST_BASE_SINK(pipeline.Get("sink"))), all);
}

// How many lines hold a predicted object, of a stream twice as fast as the tracker.
std::ptrdiff_t CountPredicted(const std::string& policy) {
  constexpr int kFrames = 60;
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "out.jsonl").string();
  EXPECT_TRUE(EndedWell(RunPipeline(SlowTracker(100, kFrames) + "live-policy=" + policy +
                                    " ! sam2jsonenc ! filesink location=" + path)));
  const auto lines = ReadLines(path);
  EXPECT_EQ(lines.size(), static_cast<std::size_t>(kFrames));
  for (const auto& line : lines) {
    EXPECT_EQ(line["objects"].size(), 1U);
    EXPECT_EQ(line["objects"].at(0)["state"], "tracked");
  }
  return std::ranges::count_if(lines, [](const auto& line) {
    return line["objects"].at(0).value("predicted", false);
  });
}

TEST(LivePipeline, SkipPredictsWhatThereIsNoTimeFor) {
  const auto predicted = CountPredicted("skip");
  EXPECT_GT(predicted, 0);
  EXPECT_LT(predicted, 59);
}

TEST(LivePipeline, EveryFrameIsLookedAtWithoutSkip) {
  EXPECT_EQ(CountPredicted("every-frame"), 0);
}

}  // namespace
}  // namespace gstsam2::testing
