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

TEST(Detections, WithoutSenseAreRefused) {
  Tracker tracker;
  EXPECT_FALSE(tracker.Detect(kScene, {{500, 500, 10, 10}}).has_value());
  EXPECT_FALSE(tracker.Detect(kScene, {{40, 30, 0, 0}}).has_value());
  EXPECT_EQ(tracker.Warnings().size(), 2U);
  EXPECT_EQ(IdsOf(tracker.Detect(kScene, {kThing})), Ids({1}));  // and used no id up
}

}  // namespace
}  // namespace gstsam2::testing
