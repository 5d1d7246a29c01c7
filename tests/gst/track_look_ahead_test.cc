// SPDX-License-Identifier: Apache-2.0
//
// sam2track with look-ahead: a frame leaves when the next one is there.
#include <gtest/gtest.h>

#include "tracker_harness.h"

namespace gstsam2::testing {
namespace {

Props LookingAhead(Props properties = {{"box", "40,30,20,20"}}) {
  properties.emplace_back("look-ahead", "true");
  return properties;
}

class Ahead : public Tracker {
 public:
  explicit Ahead(const Props& properties = LookingAhead(), const std::string& model = "ok")
      : Tracker(properties, kCaps, model) {}

  // The presentation time of what leaves when a frame comes, or nothing.
  std::optional<GstClockTime> TimeAfter(const std::vector<PixelRect>& bright) {
    return TimeOf(ProcessFrame(bright));
  }
  std::optional<GstClockTime> Time() { return TimeOf(Pull()); }
  std::optional<ObjectsRecord> Objects() {
    const Buffer out = Pull();
    return out != nullptr ? ReadObjects(out.get()) : std::nullopt;
  }

 private:
  static std::optional<GstClockTime> TimeOf(const Buffer& buffer) {
    if (buffer == nullptr) return std::nullopt;
    return GST_BUFFER_PTS(buffer.get());
  }
};

PixelRect ThingAt(int frame) { return {40 + 2 * frame, 30, 20, 20}; }

TEST(LookAhead, IsOffUnlessAskedFor) {
  ExpectDefaults("sam2track", {{"look-ahead", "false"}});
  ExpectKept("sam2track", {{"look-ahead", "true"}});
  Ahead tracker(Props{{"box", "40,30,20,20"}});
  EXPECT_EQ(tracker.TimeAfter({kThing}), 0U);
}

TEST(LookAhead, AFrameLeavesWhenTheNextOneComesOrTheStreamEnds) {
  Ahead tracker;
  EXPECT_EQ(tracker.TimeAfter({kThing}), std::nullopt);
  EXPECT_EQ(tracker.TimeAfter({kThing}), 0U);
  EXPECT_EQ(tracker.TimeAfter({kThing}), kFrameTime);
  tracker.Send(gst_event_new_eos());
  EXPECT_EQ(tracker.Time(), 2 * kFrameTime);
  EXPECT_EQ(tracker.Time(), std::nullopt);
}

TEST(LookAhead, PositionIsThatOfWhatLeft) {
  Ahead tracker;
  for (int i = 0; i < 4; ++i) tracker.TimeAfter({kThing});
  gint64 position = -1;
  ASSERT_TRUE(gst_element_query_position(tracker.element(), GST_FORMAT_TIME, &position));
  EXPECT_EQ(static_cast<GstClockTime>(position), 3 * kFrameTime);
}

TEST(LookAhead, TellsThatALongerFrameChangesTheLatency) {
  const std::string slower =
      "video/x-raw,format=GRAY8,width=160,height=120,framerate=5/1";
  for (const char* ahead : {"true", "false"}) {
    Tracker tracker(Props{{"look-ahead", ahead}});
    tracker.ProcessFrame({kThing});
    while (GstMessage* former = gst_bus_pop(tracker.bus())) gst_message_unref(former);
    tracker.ChangeCaps(slower);
    GstMessage* told = gst_bus_pop_filtered(tracker.bus(), GST_MESSAGE_LATENCY);
    EXPECT_EQ(told != nullptr, *ahead == 't');
    g_clear_pointer(&told, gst_message_unref);
  }
}

TEST(LookAhead, ResultsAreThoseOfTheirFrames) {
  Ahead tracker;
  for (int i = 0; i < 6; ++i) {
    const auto record = tracker.Track({ThingAt(i)});
    if (i == 0) continue;
    ASSERT_EQ(IdsOf(record), Ids({1})) << i;
    EXPECT_EQ(record->objects[0].box->x, ThingAt(i - 1).x) << i;
  }
  tracker.Send(gst_event_new_eos());
  EXPECT_EQ(tracker.Objects()->objects[0].box->x, ThingAt(5).x);
  EXPECT_TRUE(tracker.Warnings().empty());
}

TEST(LookAhead, FramesWithoutObjectsPass) {
  Ahead tracker(LookingAhead(Props{}));
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(tracker.Track({kThing}).has_value());
  tracker.AddBox(0, kThing);
  EXPECT_EQ(IdsOf(tracker.Track({kThing})), Ids({1}));  // on the one that waited
  g_signal_emit_by_name(tracker.element(), "remove-object", 1);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(IdsOf(tracker.Track({kThing})), Ids());
  tracker.AddBox(0, kThing);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(IdsOf(tracker.Track({kThing})), Ids({2}));
}

TEST(LookAhead, NothingOvertakesAFrame) {
  Ahead tracker;
  tracker.TimeAfter({kThing});
  tracker.Send(gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "x", nullptr)));
  EXPECT_EQ(tracker.Time(), 0U);
  tracker.TimeAfter({kThing});
  GstQuery* drain = gst_query_new_drain();
  gst_pad_peer_query(tracker.harness()->srcpad, drain);
  gst_query_unref(drain);
  EXPECT_EQ(tracker.Time(), kFrameTime);
}

TEST(LookAhead, ADiscontinuityIsMarkedOnItsOwnFrame) {
  Ahead tracker;
  for (int i = 0; i < 2; ++i) tracker.Track({kThing});
  Buffer frame = tracker.NextFrame({kThing});
  GST_BUFFER_FLAG_SET(frame.get(), GST_BUFFER_FLAG_DISCONT);
  tracker.Push(std::move(frame));
  const Buffer before = tracker.Pull();
  ASSERT_NE(before, nullptr);
  EXPECT_EQ(GST_BUFFER_PTS(before.get()), kFrameTime);
  EXPECT_FALSE(GST_BUFFER_IS_DISCONT(before.get()));
  for (const bool marked : {true, false}) {
    const Buffer out = tracker.ProcessFrame({kThing});
    ASSERT_NE(out, nullptr);
    EXPECT_EQ(GST_BUFFER_IS_DISCONT(out.get()) != 0, marked);
  }
}

TEST(LookAhead, ADiscontinuityLetGoByAnEventIsNotMarkedAgain) {
  Ahead tracker;
  tracker.TimeAfter({kThing});  // the first frame, a discontinuity
  tracker.Send(gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "x", nullptr)));
  EXPECT_EQ(tracker.Time(), 0U);
  tracker.TimeAfter({kThing});
  const Buffer second = tracker.ProcessFrame({kThing});
  ASSERT_NE(second, nullptr);
  EXPECT_FALSE(GST_BUFFER_IS_DISCONT(second.get()));
}

TEST(LookAhead, APromptFromUpstreamIsForTheFrameAfterIt) {
  Ahead tracker(LookingAhead(Props{}));
  tracker.TimeAfter({kThing});
  tracker.Send(PromptEvent("box=\"40,30,20,20\""));
  EXPECT_FALSE(tracker.Objects().has_value());
  tracker.TimeAfter({kThing});
  EXPECT_EQ(IdsOf(tracker.Track({kThing})), Ids({1}));
}

TEST(LookAhead, AFrameOfAnotherSizeComesAfterThoseBeforeIt) {
  Ahead tracker;
  tracker.Track({kThing});
  tracker.ChangeCaps(VideoCaps("RGB", 320, 240));
  EXPECT_EQ(tracker.Objects()->frame_width, 160);
  tracker.Track({{80, 60, 40, 40}});
  const auto record = tracker.Track({{80, 60, 40, 40}});
  ASSERT_EQ(IdsOf(record), Ids({1}));
  EXPECT_EQ(record->frame_width, 320);
}

TEST(LookAhead, AFlushDropsTheFrameThatWaits) {
  Ahead tracker;
  for (int i = 0; i < 3; ++i) tracker.Track({kThing});
  tracker.Flush();
  EXPECT_EQ(tracker.Time(), std::nullopt);
  EXPECT_EQ(tracker.TimeAfter({kThing}), std::nullopt);
  EXPECT_EQ(tracker.TimeAfter({kThing}), 3 * kFrameTime);
  EXPECT_TRUE(tracker.Messages().empty() || Only(tracker.Messages(), GST_MESSAGE_ERROR).empty());
}

TEST(LookAhead, NothingOfADroppedFrameIsLookedAt) {
  Ahead tracker;
  for (int i = 0; i < 3; ++i) tracker.Track({kThing});
  tracker.Flush();
  tracker.Track({ThingAt(5)});
  const auto record = tracker.Track({ThingAt(6)});
  ASSERT_EQ(IdsOf(record), Ids({1}));
  EXPECT_EQ(record->objects[0].box->x, ThingAt(5).x);
}

TEST(LookAhead, AStopDropsTheFrameThatWaits) {
  Ahead tracker;
  for (int i = 0; i < 3; ++i) tracker.Track({kThing});
  gst_element_set_state(tracker.element(), GST_STATE_READY);
  EXPECT_EQ(tracker.Time(), std::nullopt);
}

TEST(LookAhead, AFailureIsOfItsOwnFrame) {
  Ahead tracker(LookingAhead(), "step-failed");
  for (int i = 0; i < 2; ++i) tracker.Track({kThing});
  EXPECT_EQ(tracker.Push(tracker.NextFrame({kThing})), GST_FLOW_OK);
  EXPECT_EQ(tracker.Time(), kFrameTime);
  EXPECT_EQ(tracker.Push(tracker.NextFrame({kThing})), GST_FLOW_ERROR);
  EXPECT_EQ(Only(tracker.Messages(), GST_MESSAGE_ERROR).size(), 1U);
}

TEST(LookAhead, ATooSmallBufferFailsInItsTurn) {
  Ahead tracker;
  tracker.Track({kThing});
  EXPECT_EQ(tracker.Push(Buffer(gst_buffer_new_allocate(nullptr, 10, nullptr))), GST_FLOW_OK);
  EXPECT_EQ(tracker.Time(), 0U);
  EXPECT_EQ(tracker.Push(tracker.NextFrame({kThing})), GST_FLOW_ERROR);
}

TEST(LookAhead, LatencyCountsTheWait) {
  Ahead tracker(LookingAhead(), "slow"), without(Props{{"box", "40,30,20,20"}}, "slow");
  for (Ahead* each : {&tracker, &without}) {
    gst_harness_set_live(each->harness(), TRUE);
    gst_harness_set_upstream_latency(each->harness(), 5 * GST_MSECOND);
  }
  tracker.Track({kThing});
  EXPECT_EQ(gst_harness_query_latency(tracker.harness()), 5 * GST_MSECOND + kFrameTime);
  without.Track({kThing});
  EXPECT_EQ(gst_harness_query_latency(without.harness()), 5 * GST_MSECOND);
}

TEST(LookAhead, LatencyCountsTheWaitSeenWhereTheRateIsUnknown) {
  Ahead tracker;
  tracker.ChangeCaps("video/x-raw,format=GRAY8,width=160,height=120,framerate=0/1");
  gst_harness_set_live(tracker.harness(), TRUE);
  tracker.Track({kThing});
  tracker.Messages();
  const GstClockTime before = gst_harness_query_latency(tracker.harness());
  tracker.Track({kThing});
  EXPECT_GE(gst_harness_query_latency(tracker.harness()), before + kFrameTime);
  EXPECT_FALSE(Only(tracker.Messages(), GST_MESSAGE_LATENCY).empty());
  tracker.SetTime(GST_SECOND * 3600);     // a gap is no wait
  tracker.Track({kThing});
  EXPECT_LE(gst_harness_query_latency(tracker.harness()), GST_SECOND * 2);
  tracker.ChangeCaps("video/x-raw,format=GRAY8,width=160,height=120,framerate=25/1");
  EXPECT_LE(gst_harness_query_latency(tracker.harness()), before + GST_SECOND / 25);
}

TEST(LookAhead, SkippedFramesAreForgotten) {
  Ahead tracker(LookingAhead({{"box", "40,30,20,20"}, {"live-policy", "skip"}}));
  gst_harness_set_live(tracker.harness(), TRUE);
  gst_harness_set_time(tracker.harness(), GST_SECOND);
  for (int i = 0; i < 12; ++i) {
    const auto record = tracker.Track({kThing});
    EXPECT_EQ(IdsOf(record), i > 0 ? Ids({1}) : Ids()) << i;
  }
  EXPECT_TRUE(Only(tracker.Messages(), GST_MESSAGE_ERROR).empty());
}

}  // namespace
}  // namespace gstsam2::testing
