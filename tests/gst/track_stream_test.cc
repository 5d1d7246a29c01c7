// SPDX-License-Identifier: Apache-2.0
//
// sam2track over everything that may happen to a stream.
#include <gtest/gtest.h>

#include "tracker_harness.h"

namespace gstsam2::testing {
namespace {

Props Following(const char* on_discont = "auto") {
  return {{"box", "40,30,20,20"}, {"on-discont", on_discont}, {"lost-timeout", "2000000000"}};
}

// ---------------------------------------------------------------- size

TEST(SizeChange, KeepsTheObjects) {
  Tracker tracker(Following());
  tracker.Track({kThing});
  tracker.ChangeCaps(VideoCaps("RGB", 320, 240));
  const auto record = tracker.Track({{80, 60, 40, 40}});
  ASSERT_EQ(IdsOf(record), Ids({1}));
  EXPECT_EQ(record->frame_width, 320);
  EXPECT_EQ(record->objects[0].box->x, 80);
  EXPECT_EQ(record->objects[0].box->width, 40);
  tracker.ChangeCaps(kCaps);
  EXPECT_EQ(tracker.Track({kThing})->objects[0].box->x, 40);
}

TEST(SizeChange, ADetectionStillMatchesItsObject) {
  Tracker tracker;
  tracker.Detect({kThing}, {kThing});
  tracker.ChangeCaps(VideoCaps("NV12", 320, 240));
  EXPECT_EQ(IdsOf(tracker.Detect({{80, 60, 40, 40}}, {{80, 60, 40, 40}})), Ids({1}));
}

// ---------------------------------------------------------------- breaks

// What happens between two frames, and which policies drop the objects for it.
struct Happening {
  const char* name;
  std::function<void(Tracker&)> happen;
  bool auto_drops, reset_drops;
};

class Breaks : public ::testing::TestWithParam<Happening> {};

TEST_P(Breaks, DropObjectsByPolicy) {
  for (const std::string policy : {"keep", "auto", "reset"}) {
    const bool drops = (policy == "auto" && GetParam().auto_drops) ||
                       (policy == "reset" && GetParam().reset_drops);
    Tracker tracker(Following(policy.c_str()));
    tracker.Track({kThing});
    EXPECT_EQ(IdsOf(tracker.Track({kThing})), Ids({1}));
    tracker.Messages();
    GetParam().happen(tracker);
    const auto record = tracker.Track({kThing});
    ASSERT_TRUE(record.has_value()) << policy;
    EXPECT_EQ(IdsOf(record), drops ? Ids() : Ids({1})) << policy;
    EXPECT_EQ(Only(tracker.Messages(), GST_MESSAGE_ELEMENT).size(), drops ? 1U : 0U) << policy;
    // A new object has a new id.
    EXPECT_EQ(tracker.AddBox(0, kThing), 2);
    EXPECT_EQ(IdsOf(tracker.Track({kThing})), drops ? Ids({2}) : Ids({1, 2})) << policy;
  }
}

void SendTag(Tracker& tracker, const char* tag, const char* value) {
  tracker.Send(gst_event_new_tag(gst_tag_list_new(tag, value, nullptr)));
}

INSTANTIATE_TEST_SUITE_P(
    Everything, Breaks,
    ::testing::Values(
        Happening{"Nothing", [](Tracker&) {}, false, false},
        Happening{"Flush", [](Tracker& t) { t.Flush(); }, false, true},
        Happening{"Seek", [](Tracker& t) { t.Flush(), t.SetTime(GST_SECOND * 100); }, false, true},
        Happening{"SeekBack",
                  [](Tracker& t) {
                    for (int i = 0; i < 50; ++i) t.Track({kThing});
                    t.Messages();
                    t.Flush();
                    t.SetTime(0);
                  },
                  false, true},
        Happening{"Loop",
                  [](Tracker& t) {
                    for (int i = 0; i < 50; ++i) t.Track({kThing});
                    t.Messages();
                    t.SendSegment();
                    t.SetTime(0);
                  },
                  false, true},
        Happening{"Hole", [](Tracker& t) { t.SetTime(GST_SECOND * 2 - 1); }, false, true},
        Happening{"ShortHole", [](Tracker& t) { t.SetTime(GST_SECOND); }, false, false},
        Happening{"Gap",
                  [](Tracker& t) {
                    t.Send(gst_event_new_gap(2 * kFrameTime, GST_SECOND + 500 * GST_MSECOND));
                    t.SetTime(GST_SECOND + 500 * GST_MSECOND + 2 * kFrameTime);
                  },
                  false, false},
        Happening{"OutOfOrder", [](Tracker& t) { t.SetTime(kFrameTime); }, false, false},
        Happening{"Discont", [](Tracker& t) { t.SetNextFlags(GST_BUFFER_FLAG_DISCONT); }, false,
                  false},
        Happening{"NoTime", [](Tracker& t) { t.SetTime(GST_CLOCK_TIME_NONE); }, false, false},
        Happening{"OtherStream",
                  [](Tracker& t) {
                    t.Send(gst_event_new_stream_start("another"));
                    t.SendSegment();
                  },
                  true, true},
        Happening{"Bigger", [](Tracker& t) { t.ChangeCaps(VideoCaps("GRAY8", 164, 122)); }, false,
                  false},
        Happening{"OtherShape", [](Tracker& t) { t.ChangeCaps(VideoCaps("GRAY8", 120, 160)); },
                  true, true},
        Happening{"Rotation", [](Tracker& t) { SendTag(t, GST_TAG_IMAGE_ORIENTATION, "rotate-90"); },
                  false, false}),
    [](const auto& info) { return info.param.name; });

TEST(Breaks, AreSeenOnlyOnce) {
  Tracker tracker(Following("reset"));
  tracker.Track({kThing});
  tracker.Flush();
  tracker.Track({kThing});
  tracker.AddBox(0, kThing);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(IdsOf(tracker.Track({kThing})), Ids({2}));
}

TEST(Breaks, PromptsThatWaitForLaterFramesAreKept) {
  const TemporaryFolder folder;
  const std::string path =
      folder.Write("p.jsonl", "{\"frame\": 2, \"id\": 5, \"box\": [40, 30, 20, 20]}\n");
  Tracker tracker(Props{{"prompts-location", path}, {"on-discont", "reset"}});
  tracker.Track({kThing});
  tracker.Flush();
  tracker.Track({kThing});
  EXPECT_EQ(IdsOf(tracker.Track({kThing})), Ids({5}));
}

TEST(Breaks, TheFirstDetectionsOfAnotherStreamCount) {
  Tracker tracker(Props{{"prompt-policy", "first"}});
  EXPECT_EQ(IdsOf(tracker.Detect({kThing, kOther}, {kThing})), Ids({1}));
  EXPECT_EQ(IdsOf(tracker.Detect({kThing, kOther}, {kOther})), Ids({1}));
  tracker.Send(gst_event_new_stream_start("another"));
  tracker.SendSegment();
  EXPECT_EQ(IdsOf(tracker.Detect({kThing, kOther}, {kOther})), Ids({2}));
}

// ---------------------------------------------------------------- time

TEST(Time, OfASeekDoesNotLoseAnOccludedObject) {
  Tracker tracker(Following());
  tracker.Track({kThing});
  tracker.Track({});
  tracker.Flush();
  tracker.SetTime(1000 * GST_SECOND);
  EXPECT_EQ(tracker.Track({})->objects[0].state, sam2::ObjectState::kOccluded);
}

TEST(Time, OfAGapCounts) {
  Tracker tracker(Following());
  tracker.Track({kThing});
  tracker.Track({});
  tracker.Send(gst_event_new_gap(2 * kFrameTime, 10 * GST_SECOND));
  tracker.SetTime(10 * GST_SECOND + 2 * kFrameTime);
  EXPECT_EQ(tracker.Track({})->objects[0].state, sam2::ObjectState::kLost);
}

TEST(Time, GoesOnInALoop) {
  Tracker tracker(Following());
  tracker.Track({kThing});
  for (int round = 0; round < 3; ++round) {
    tracker.SendSegment();
    tracker.SetTime(0);
    for (int i = 0; i < 20; ++i) tracker.Track({});  // 0.8 s
  }
  EXPECT_EQ(tracker.Track({})->objects[0].state, sam2::ObjectState::kLost);
}

TEST(Time, IsCountedInFramesWithoutAny) {
  Tracker tracker(Props{{"box", "40,30,20,20"}, {"lost-timeout", "100000000"}});
  std::optional<ObjectsRecord> record;
  for (int i = 0; i < 5; ++i) {
    const Buffer out = tracker.Process(MakeFrame(
        kCaps, GST_CLOCK_TIME_NONE, i == 0 ? std::vector{kThing} : std::vector<PixelRect>{}));
    record = ReadObjects(out.get());
  }
  ASSERT_EQ(IdsOf(record), Ids({1}));
  EXPECT_EQ(record->objects[0].state, sam2::ObjectState::kLost);
}

// ---------------------------------------------------------------- ends

TEST(End, BeforeAnyFrame) {
  Tracker tracker;
  EXPECT_TRUE(tracker.Send(gst_event_new_eos()));
  EXPECT_TRUE(tracker.Messages().empty());
}

TEST(End, AndASeekGoesOnWithTheObjects) {
  Tracker tracker(Following());
  tracker.Track({kThing});
  tracker.Send(gst_event_new_eos());
  tracker.Flush();
  tracker.SetTime(0);
  EXPECT_EQ(IdsOf(tracker.Track({kThing})), Ids({1}));
  EXPECT_TRUE(tracker.Warnings().empty());
}

TEST(End, APromptWaitsOnForWhatFollowsASeek) {
  Tracker tracker;
  tracker.Track({kThing});
  tracker.Send(PromptEvent("pts=(gint64)1000000000, box=(string)\"40,30,20,20\""));
  tracker.Send(gst_event_new_eos());
  const auto warnings = tracker.Warnings();
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_TRUE(Contains(warnings[0].text, "Prompt not used")) << warnings[0].text;
  tracker.Flush();
  tracker.SetTime(GST_SECOND - kFrameTime);
  EXPECT_FALSE(tracker.Track({kThing}).has_value());
  EXPECT_EQ(IdsOf(tracker.Track({kThing})), Ids({1}));
  EXPECT_TRUE(tracker.Warnings().empty());
}

TEST(Restart, AfterReadyBeginsAnew) {
  Tracker tracker(Following());
  EXPECT_EQ(IdsOf(tracker.Track({kThing})), Ids({1}));
  for (int i = 0; i < 3; ++i) {
    gst_element_set_state(tracker.element(), GST_STATE_READY);
    gst_element_set_state(tracker.element(), GST_STATE_PLAYING);
    tracker.Send(gst_event_new_stream_start("again"));
    tracker.ChangeCaps(kCaps);
    tracker.SendSegment();
    EXPECT_EQ(IdsOf(tracker.Track({kThing})), Ids({1}));
  }
}

TEST(Pause, AndBackKeepsTheObjects) {
  Tracker tracker(Following("reset"));
  EXPECT_EQ(IdsOf(tracker.Track({kThing})), Ids({1}));
  for (int i = 0; i < 3; ++i) {
    gst_element_set_state(tracker.element(), GST_STATE_PAUSED);
    gst_element_set_state(tracker.element(), GST_STATE_PLAYING);
    EXPECT_EQ(IdsOf(tracker.Track({kThing})), Ids({1}));
  }
}

}  // namespace
}  // namespace gstsam2::testing
