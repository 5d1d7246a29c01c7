// SPDX-License-Identifier: Apache-2.0
//
// sam2track in live pipelines. The clock stands still unless the test moves it,
// so that what is late does not depend on the machine.
#include <gtest/gtest.h>

#include "tracker_harness.h"

namespace gstsam2::testing {
namespace {

// With a core whose steps take 20 ms or more, a second behind a source that
// promised none.
class LiveTracker : public Tracker {
 public:
  explicit LiveTracker(const std::string& policy, bool live = true)
      : Tracker({{"live-policy", policy}, {"box", "40,30,20,20"}}, kCaps, "slow") {
    gst_harness_use_testclock(harness());
    gst_harness_set_live(harness(), live);
    SetClock(GST_SECOND);
  }
  void SetClock(GstClockTime time) { gst_harness_set_time(harness(), time); }

  // Whether the object of the next frame is predicted.
  bool Predicted(const std::vector<PixelRect>& bright = {kThing}) {
    const auto record = Track(bright);
    EXPECT_EQ(IdsOf(record), Ids({1}));
    return record && !record->objects.empty() && record->objects[0].predicted;
  }
};

TEST(Live, ReportsItsLatency) {
  Tracker tracker({{"box", "40,30,20,20"}}, kCaps, "slow");
  gst_harness_set_live(tracker.harness(), TRUE);
  gst_harness_set_upstream_latency(tracker.harness(), 5 * GST_MSECOND);
  for (int i = 0; i < 6; ++i) tracker.Track({kThing});
  EXPECT_GE(gst_harness_query_latency(tracker.harness()), 25 * GST_MSECOND);
  EXPECT_LE(gst_harness_query_latency(tracker.harness()), 500 * GST_MSECOND);
  EXPECT_FALSE(Only(tracker.Messages(), GST_MESSAGE_LATENCY).empty());
}

TEST(LiveSkip, PassesALateFrameWithPredictedObjects) {
  LiveTracker tracker("skip");
  EXPECT_FALSE(tracker.Predicted());
  EXPECT_TRUE(tracker.Predicted({{44, 30, 20, 20}}));
  // It rested for long enough: looked at, though late.
  tracker.SetClock(GST_SECOND * 100);
  EXPECT_FALSE(tracker.Predicted());
  EXPECT_TRUE(tracker.Predicted());
}

TEST(LiveSkip, LooksAtFramesThatAreInTime) {
  LiveTracker tracker("skip");
  gst_harness_set_upstream_latency(tracker.harness(), GST_SECOND * 10);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(tracker.Predicted());
}

TEST(LiveSkip, KnowsThePipelinesLatency) {
  LiveTracker tracker("skip");
  gst_harness_set_upstream_latency(tracker.harness(), GST_SECOND * 10);
  EXPECT_FALSE(tracker.Predicted());
  gst_harness_push_upstream_event(tracker.harness(), gst_event_new_latency(1));
  EXPECT_TRUE(tracker.Predicted());
}

TEST(LiveSkip, HearsOfAnotherUpstreamLatency) {
  LiveTracker tracker("skip");
  EXPECT_FALSE(tracker.Predicted());
  EXPECT_TRUE(tracker.Predicted());
  gst_harness_set_upstream_latency(tracker.harness(), GST_SECOND * 10);
  gst_harness_query_latency(tracker.harness());
  EXPECT_FALSE(tracker.Predicted());
}

// 100 frames a second, twice as many as steps: each may take the latency that
// the element itself has promised.
TEST(LiveSkip, AStepHasTheTimeThatWasPromised) {
  LiveTracker tracker("skip");
  GstClockTime now = GST_SECOND;
  const auto predicted = [&](GstClockTime distance) {
    now += distance;
    tracker.SetTime(now);
    tracker.SetClock(now);
    return tracker.Predicted();
  };
  for (int i = 0; i < 6; ++i) EXPECT_FALSE(predicted(GST_SECOND * 100));  // all have rested
  bool before = false, in_a_row = false;  // not always: the machine may be under load
  for (int i = 0; i < 50 && !in_a_row; ++i) {
    const bool looked_at = !predicted(GST_SECOND / 100);
    in_a_row = before && looked_at;
    before = looked_at;
  }
  EXPECT_TRUE(in_a_row);
}

TEST(LiveSkip, FramesAreLateInTheTimeOfTheirSegment) {
  LiveTracker tracker("skip");
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = segment.position = GST_SECOND * 1000;
  tracker.Send(gst_event_new_segment(&segment));
  tracker.SetTime(segment.start);
  EXPECT_FALSE(tracker.Predicted());
  EXPECT_TRUE(tracker.Predicted());
}

TEST(LiveSkip, LooksAtTheFirstFrameAfterASeek) {
  LiveTracker tracker("skip");
  tracker.SetClock(GST_SECOND * 1000);
  EXPECT_FALSE(tracker.Predicted());
  EXPECT_TRUE(tracker.Predicted());
  tracker.Flush();
  gst_element_set_base_time(tracker.element(), GST_SECOND * 999);  // it is a second now
  tracker.SetTime(0);
  EXPECT_FALSE(tracker.Predicted());
  EXPECT_TRUE(tracker.Predicted());
}

TEST(LiveSkip, NothingIsLateInASegmentWithoutTime) {
  LiveTracker tracker("skip");
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_BYTES);
  tracker.Send(gst_event_new_segment(&segment));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(tracker.Predicted());
}

TEST(LiveSkip, PredictedFramesAreNoSteps) {
  LiveTracker tracker("skip");
  for (int i = 1; i <= 6; ++i) {
    tracker.SetClock(GST_SECOND * 100 * i);  // it has rested
    EXPECT_FALSE(tracker.Predicted());
  }
  for (int i = 0; i < 40; ++i) EXPECT_TRUE(tracker.Predicted());
  EXPECT_GE(gst_harness_query_latency(tracker.harness()), 20 * GST_MSECOND);
}

TEST(LiveSkip, APredictedObjectIsLostAfterTheTimeout) {
  LiveTracker tracker("skip");
  tracker.SetClock(GST_SECOND * 100);
  const auto state_at = [&](GstClockTime time) {
    tracker.SetTime(time);
    return tracker.Track({kThing})->objects.at(0).state;
  };
  EXPECT_EQ(state_at(0), sam2::ObjectState::kTracked);
  EXPECT_EQ(state_at(2 * GST_SECOND - 1), sam2::ObjectState::kTracked);
  EXPECT_EQ(state_at(2 * GST_SECOND), sam2::ObjectState::kLost);
}

TEST(LiveSkip, APromptWaitsForAFrameThatIsLookedAt) {
  LiveTracker tracker("skip");
  EXPECT_FALSE(tracker.Predicted());
  tracker.AddBox(0, kOther);
  EXPECT_EQ(IdsOf(tracker.Track({kThing, kOther})), Ids({1}));
  tracker.SetClock(GST_SECOND * 100);
  EXPECT_EQ(IdsOf(tracker.Track({kThing, kOther})), Ids({1, 2}));
  EXPECT_TRUE(tracker.Warnings().empty());
}

TEST(LiveSkip, LooksAtAFrameOfAnotherSize) {
  LiveTracker tracker("skip");
  EXPECT_FALSE(tracker.Predicted());
  tracker.ChangeCaps(VideoCaps("RGB", 320, 240));
  EXPECT_FALSE(tracker.Predicted({{80, 60, 40, 40}}));
}

TEST(LiveSkip, DoesNotHoldUpABreak) {
  LiveTracker tracker("skip");
  EXPECT_FALSE(tracker.Predicted());
  tracker.Send(gst_event_new_stream_start("another"));
  tracker.SendSegment();
  EXPECT_EQ(IdsOf(tracker.Track({kThing})), Ids());
}

TEST(LiveSkip, MarksWhatIsPredictedInEveryOutput) {
  LiveTracker tracker("skip");
  const Buffer seen = tracker.ProcessFrame({kThing});
  const Buffer predicted = tracker.ProcessFrame({kThing});
  for (GstBuffer* buffer : {seen.get(), predicted.get()}) {
    const GstStructure* meta =
        gst_custom_meta_get_structure(gst_buffer_get_custom_meta(buffer, "GstSam2Objects"));
    const GstStructure* object = gst_value_get_structure(
        gst_value_array_get_value(gst_structure_get_value(meta, "objects"), 0));
    gboolean value = FALSE;
    const bool there = gst_structure_get_boolean(object, "predicted", &value) && value;
    EXPECT_EQ(there, buffer == predicted.get());
    EXPECT_TRUE(gst_structure_has_field(object, "mask"));
  }
}

TEST(LiveEveryFrame, LooksAtLateFramesToo) {
  LiveTracker tracker("every-frame");
  tracker.SetClock(GST_SECOND * 100);
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(tracker.Predicted());
}

TEST(NotLive, NothingIsEverLate) {
  LiveTracker tracker("skip", false);
  tracker.SetClock(GST_SECOND * 100);
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(tracker.Predicted());
}

TEST(LivePolicy, MayChangeWhileTheStreamRuns) {
  LiveTracker tracker("every-frame");
  EXPECT_FALSE(tracker.Predicted());
  EXPECT_FALSE(tracker.Predicted());
  gst_util_set_object_arg(G_OBJECT(tracker.element()), "live-policy", "skip");
  EXPECT_TRUE(tracker.Predicted());
}

}  // namespace
}  // namespace gstsam2::testing
