// SPDX-License-Identifier: Apache-2.0
//
// Detections to tracks, in the element. What matches what: roi_prompts_test.cc
// and duplicates_test.cc.
#include <gtest/gtest.h>

#include "tracker_harness.h"

namespace gstsam2::testing {
namespace {

const std::vector<PixelRect> kScene = {kThing, kOther};

TEST(Detections, EveryNthFrameMakeOneTrackEach) {
  Tracker tracker;
  for (int i = 0; i < 30; ++i) {
    const PixelRect moving = {20 + 3 * i, 30, 20, 20};
    const auto record =
        tracker.Detect({moving}, i % 5 == 0 ? std::vector{moving} : std::vector<PixelRect>{});
    ASSERT_EQ(IdsOf(record), Ids({1})) << i;
    EXPECT_EQ(record->objects[0].box->x, moving.x);
  }
}

TEST(Detections, OnProbationStartNothing) {
  Tracker tracker(Props{{"probation", "3"}});
  EXPECT_FALSE(tracker.Detect(kScene, {kThing}).has_value());
  EXPECT_FALSE(tracker.Detect(kScene, {kThing, kOther}).has_value());
  EXPECT_EQ(IdsOf(tracker.Detect(kScene, {kThing})), Ids({1}));
  EXPECT_EQ(IdsOf(tracker.Detect(kScene, {kThing, kOther})), Ids({1}));
  EXPECT_EQ(IdsOf(tracker.Detect(kScene, {kThing, kOther})), Ids({1, 2}));
  EXPECT_TRUE(tracker.Warnings().empty());
}

TEST(Detections, FirstWaitsForOneOfUse) {
  Tracker tracker(Props{{"prompt-policy", "first"}});
  EXPECT_FALSE(tracker.Detect(kScene, {{500, 500, 10, 10}}).has_value());
  EXPECT_EQ(IdsOf(tracker.Detect(kScene, {kThing})), Ids({1}));
  EXPECT_EQ(IdsOf(tracker.Detect(kScene, {kOther})), Ids({1}));
}

TEST(Detections, AnchorADriftingObjectAgainWhenToldSo) {
  for (const std::string policy : {"new", "always"}) {
    Tracker tracker(Props{{"prompt-policy", policy}, {"match-iou", "0.1"}});
    tracker.Detect({kThing}, {kThing});
    // What the detector sees is out of the fake tracker's reach.
    const auto record = tracker.Detect({{76, 30, 4, 20}}, {{50, 30, 30, 20}});
    ASSERT_EQ(IdsOf(record), Ids({1}));
    EXPECT_EQ(record->objects[0].state == sam2::ObjectState::kTracked, policy == "always");
  }
}

TEST(Detections, ThatAnchorAnObjectLeaveItsName) {
  Tracker tracker(Props{{"prompt-policy", "always"}, {"match-iou", "0.1"}});
  tracker.Send(PromptEvent("label=Alice, box=\"40,30,20,20\""));
  ASSERT_EQ(tracker.Track({kThing})->objects[0].label, "Alice");
  const auto record = tracker.Detect({{76, 30, 4, 20}}, {{50, 30, 30, 20}});
  ASSERT_EQ(IdsOf(record), Ids({1}));
  EXPECT_EQ(record->objects[0].state, sam2::ObjectState::kTracked);   // it was prompted
  EXPECT_EQ(record->objects[0].label, "Alice");
}

TEST(Detections, OfAnOccludedObjectFindItAgainUnderItsId) {
  Tracker tracker(Props{{"prompt-policy", "always"}, {"match-iou", "0.05"}});
  tracker.Detect({kThing}, {kThing});
  EXPECT_EQ(tracker.Track({})->objects[0].state, sam2::ObjectState::kOccluded);
  // Too far for the fake core to find it alone.
  const PixelRect away = {52, 42, 20, 20};
  const auto record = tracker.Detect({{70, 60, 6, 6}}, {away});
  ASSERT_EQ(IdsOf(record), Ids({1}));
  EXPECT_EQ(record->objects[0].state, sam2::ObjectState::kTracked);
}

TEST(Detections, OfALostObjectAreANewOne) {
  Tracker tracker(Props{{"lost-timeout", "40000000"}});
  tracker.Detect({kThing}, {kThing});
  tracker.Track({});
  EXPECT_EQ(tracker.Track({})->objects[0].state, sam2::ObjectState::kLost);
  EXPECT_EQ(IdsOf(tracker.Detect({kThing}, {kThing})), Ids({1, 2}));
}

TEST(Detections, DuplicatesAreMerged) {
  Tracker tracker(Props{{"duplicate-time", "100000000"}, {"match-iou", "0.9"}});
  // A low match-iou would have known them as one. Both end on the same thing.
  EXPECT_EQ(IdsOf(tracker.Detect({kThing}, {kThing, {36, 26, 20, 20}})), Ids({1, 2}));
  std::optional<ObjectsRecord> record;
  for (int i = 0; i < 5; ++i) record = tracker.Track({kThing});
  EXPECT_EQ(IdsOf(record), Ids({1}));
  EXPECT_TRUE(tracker.Warnings().empty());
  const auto again = tracker.Detect({kThing}, {kThing});
  EXPECT_EQ(IdsOf(again), Ids({1}));
}

TEST(Detections, WhatWasAskedForIsNeverMerged) {
  Tracker tracker(Props{{"duplicate-time", "0"}, {"box", "40,30,20,20;36,26,20,20"}});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(IdsOf(tracker.Track({kThing})), Ids({1, 2}));
}

TEST(Detections, ADuplicateThatIsRemovedMeanwhileIsNoWarning) {
  Tracker tracker(Props{{"duplicate-time", "0"}, {"match-iou", "0.9"}});
  tracker.Detect({kThing}, {kThing, {36, 26, 20, 20}});
  g_signal_emit_by_name(tracker.element(), "remove-object", 2);
  EXPECT_EQ(IdsOf(tracker.Track({kThing})), Ids({1}));
  EXPECT_TRUE(tracker.Warnings().empty());
}

TEST(Detections, MoreThanAllowedAreRefusedOnceInWords) {
  Tracker tracker(Props{{"max-objects", "1"}});
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(IdsOf(tracker.Detect(kScene, {kThing, kOther})), Ids({1}));
  }
  EXPECT_EQ(tracker.Warnings().size(), 1U);
}

TEST(Detections, RefusedOnesAreToldOnceInTenSecondsWithTheirNumber) {
  Tracker tracker;
  const auto warnings_after = [&](int frames) {
    for (int i = 0; i < frames; ++i) {
      tracker.Detect(kScene, {{500 + i % 7, 500, 10, 10}, {40, 30, 0, 5 + i % 3}});
    }
    return tracker.Warnings();
  };
  EXPECT_EQ(warnings_after(250).size(), 2U);  // 10 s, two kinds
  const auto next = warnings_after(1);
  ASSERT_EQ(next.size(), 2U);
  for (const Message& warning : next) {
    EXPECT_TRUE(Contains(warning.text, "(and 249 more).")) << warning.text;
  }
  EXPECT_TRUE(warnings_after(10).empty());
}

TEST(Detections, OnlyTheyAreToldOnce) {
  const TemporaryFolder folder;
  const std::string line = "{\"box\": [500, 500, 10, 10]}\n";
  Tracker tracker(Props{{"prompts-location", folder.Write("p.jsonl", line + line)}});
  for (int i = 0; i < 3; ++i) {
    tracker.AddBox(0, {500, 500, 10, 10});
    tracker.Send(PromptEvent("box=\"500,500,10,10\""));
  }
  tracker.Track(kScene);
  EXPECT_EQ(tracker.Warnings().size(), 8U);
}

TEST(Detections, OurOwnWithALabelAreNoneBehindAScaler) {
  for (const char* shape : {"width=80,height=60,pixel-aspect-ratio=1/1",    // half
                            "width=320,height=120,pixel-aspect-ratio=1/1",  // with borders
                            "width=160,height=120,pixel-aspect-ratio=1/1"}) {
    const std::string track = "sam2track model=" + FakeModel("ok");
    GstHarness* harness = gst_harness_new_parse(
        (track + " ! videoscale ! capsfilter caps=video/x-raw," + shape + " ! " + track).c_str());
    const std::string caps = std::string(kCaps) + ",pixel-aspect-ratio=1/1";
    gst_harness_set_src_caps_str(harness, caps.c_str());
    gst_harness_push_event(harness, PromptEvent("id=5, label=dog, box=\"41,31,19,17\""));
    for (int i = 0; i < 3; ++i) {
      gst_harness_push(harness, MakeFrame(caps, i * kFrameTime, {{41, 31, 19, 17}}).release());
      const Buffer out(gst_harness_pull(harness));
      // The second element has no object, or there would be its own.
      EXPECT_EQ(IdsOf(ReadObjects(out.get())), Ids({5})) << shape;
      EXPECT_EQ(SortRois(out.get()).own.size(), 1U) << shape;
    }
    gst_harness_teardown(harness);
  }
}

TEST(Detections, WithoutSenseAreRefused) {
  Tracker tracker;
  EXPECT_FALSE(tracker.Detect(kScene, {{500, 500, 10, 10}}).has_value());
  EXPECT_FALSE(tracker.Detect(kScene, {{40, 30, 0, 0}}).has_value());
  EXPECT_EQ(tracker.Warnings().size(), 2U);
  EXPECT_EQ(IdsOf(tracker.Detect(kScene, {kThing})), Ids({1}));  // and used no id up
}

}  // namespace
}  // namespace gstsam2::testing
