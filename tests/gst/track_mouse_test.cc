// SPDX-License-Identifier: Apache-2.0
//
// Mouse and keys of a video sink behind sam2track.
#include <gst/video/navigation.h>
#include <gtest/gtest.h>

#include <cmath>

#include "mouse_prompts.h"
#include "tracker_harness.h"

namespace gstsam2::testing {
namespace {

const std::vector<PixelRect> kScene = {kThing, kOther};

class Window : public Tracker {
 public:
  using Tracker::Tracker;

  void Send(GstEvent* event) { gst_harness_push_upstream_event(harness(), event); }
  void Drag(double x0, double y0, double x1, double y1, int button = 1,
            GstNavigationModifierType keys = GST_NAVIGATION_MODIFIER_NONE) {
    Send(gst_navigation_event_new_mouse_button_press(button, x0, y0, keys));
    Send(gst_navigation_event_new_mouse_button_release(button, x1, y1, keys));
  }
  void Click(double x, double y, int button = 1,
             GstNavigationModifierType keys = GST_NAVIGATION_MODIFIER_NONE) {
    Drag(x, y, x, y, button, keys);
  }
  void Key(const char* key) {
    Send(gst_navigation_event_new_key_press(key, GST_NAVIGATION_MODIFIER_NONE));
  }
  // Whether an event of the window went on upstream.
  bool PassedOn() {
    bool passed = false;
    while (GstEvent* event = gst_harness_try_pull_upstream_event(harness())) {
      passed |= GST_EVENT_TYPE(event) == GST_EVENT_NAVIGATION;
      gst_event_unref(event);
    }
    return passed;
  }
};

int Remembered(const ObjectRecord& object) { return static_cast<int>(std::lround(object.iou * 100)); }

TEST(TrackMouse, DragsABoxAndClicksWhileTheStreamRuns) {
  Window window;
  EXPECT_FALSE(window.Track(kScene).has_value());
  window.Drag(60, 50, 40, 30);  // from the lower right corner
  auto record = window.Track(kScene);
  ASSERT_EQ(IdsOf(record), Ids({1}));
  EXPECT_EQ(record->objects[0].box->x, 40);
  window.Click(108, 68);
  record = window.Track(kScene);
  ASSERT_EQ(IdsOf(record), Ids({1, 2}));
  EXPECT_EQ(record->objects[1].box->x, 100);
  EXPECT_FALSE(record->objects[0].selected);
  EXPECT_EQ(record->objects[1].selected, true);
  EXPECT_FALSE(window.PassedOn());
  EXPECT_TRUE(window.Warnings().empty());
}

TEST(TrackMouse, AClickOnAnObjectCorrectsItAndNoOther) {
  Window window(Props{{"box", "40,30,20,20;100,60,16,16"}});
  for (int i = 0; i < 4; ++i) window.Track(kScene);
  window.Click(50, 40);
  window.Click(108, 68, 3);
  const auto record = window.Track(kScene);
  ASSERT_EQ(IdsOf(record), Ids({1, 2}));  // none was started
  EXPECT_EQ(Remembered(record->objects[0]), 5);
  EXPECT_EQ(Remembered(record->objects[1]), 5);
  EXPECT_TRUE(window.Warnings().empty());
}

TEST(TrackMouse, ClicksBesideGoToTheLastObjectOnlyWithShiftOrTheRightButton) {
  Window window;
  window.Drag(40, 30, 60, 50);
  EXPECT_EQ(IdsOf(window.Track(kScene)), Ids({1}));
  window.Click(66, 40, 1, GST_NAVIGATION_MODIFIER_SHIFT_MASK);
  window.Click(66, 40, 3);
  EXPECT_EQ(IdsOf(window.Track(kScene)), Ids({1}));
  window.Click(66, 40);
  EXPECT_EQ(IdsOf(window.Track(kScene)), Ids({1, 2}));
}

TEST(TrackMouse, KeysRemoveAndLeave) {
  Window window;
  window.Drag(40, 30, 60, 50);
  window.Track(kScene);
  window.Click(108, 68);
  window.Track(kScene);
  window.Key("Return");
  EXPECT_FALSE(window.Track(kScene)->objects[1].selected);
  window.Key("Escape");  // nothing is current
  EXPECT_EQ(IdsOf(window.Track(kScene)), Ids({1, 2}));
  window.Click(108, 68);
  window.Key("Escape");
  EXPECT_EQ(IdsOf(window.Track(kScene)), Ids({1}));
  window.Click(150, 10, 3);  // there is nothing to take away from
  EXPECT_EQ(IdsOf(window.Track(kScene)), Ids({1}));
  EXPECT_TRUE(window.Warnings().empty());
}

TEST(TrackMouse, AnUnsteadyHandClicks) {
  Window window(Props{{"box", "40,30,20,20"}});
  window.Track(kScene);
  window.Drag(50, 40, 52, 42);
  window.Drag(50, 40, 60, 40);    // a line is no box
  const auto record = window.Track(kScene);
  ASSERT_EQ(IdsOf(record), Ids({1}));
  EXPECT_TRUE(window.Warnings().empty());
}

TEST(TrackMouse, AHandIsMoreUnsteadyOnALargeFrameThatIsShownSmall) {
  EXPECT_EQ(MinDrag(640, 360), 4);
  EXPECT_EQ(MinDrag(6000, 4000), 30);
  EXPECT_EQ(MinDrag(4000, 6000), 30);
}

TEST(TrackMouse, CoordinatesFollowTheCaps) {
  Window window;
  window.Track(kScene);
  window.Drag(40, 30, 60, 50);
  window.ChangeCaps(VideoCaps("RGB", 320, 240));
  const auto record = window.Track({{80, 60, 40, 40}});
  ASSERT_EQ(IdsOf(record), Ids({1}));
  EXPECT_EQ(record->objects[0].box->x, 80);
  window.Click(100, 80);  // on it, in the new size
  EXPECT_EQ(IdsOf(window.Track({{80, 60, 40, 40}})), Ids({1}));
}

TEST(TrackMouse, AClickAfterARefusedOneStartsAnew) {
  Window window(Props{{"max-objects", "1"}, {"box", "40,30,20,20"}});
  window.Track(kScene);
  window.Click(108, 68);
  EXPECT_EQ(IdsOf(window.Track(kScene)), Ids({1}));
  EXPECT_EQ(window.Warnings().size(), 1U);
  g_signal_emit_by_name(window.element(), "remove-object", 1);
  window.Track(kScene);
  window.Click(108, 68);
  EXPECT_EQ(IdsOf(window.Track(kScene)).size(), 1U);
  EXPECT_TRUE(window.Warnings().empty());
}

TEST(TrackMouse, AResetAlsoLeavesWhatStillWaits) {
  Window window(Props{{"box", "100,60,16,16"}});
  window.Track(kScene);
  window.Drag(40, 30, 60, 50);
  g_signal_emit_by_name(window.element(), "reset");
  EXPECT_EQ(IdsOf(window.Track(kScene)), Ids());
  window.Click(66, 40, 3);  // there is nothing to take away from
  window.Key("Escape");
  window.Track(kScene);
  EXPECT_TRUE(window.Warnings().empty());
  window.Drag(40, 30, 60, 50);
  EXPECT_EQ(IdsOf(window.Track(kScene)), Ids({3}));
}

TEST(TrackMouse, ABoxOutsideLeavesNothingToClickOn) {
  Window window;
  window.Track(kScene);
  window.Drag(200, 10, 240, 50);
  window.Track(kScene);
  EXPECT_EQ(window.Warnings().size(), 1U);
  window.Click(66, 40, 3);
  window.Track(kScene);
  EXPECT_TRUE(window.Warnings().empty());
}

TEST(TrackMouse, ARefusedPromptOfAnotherObjectLeavesTheCurrentOne) {
  Window window;
  window.Drag(40, 30, 60, 50);
  window.Track(kScene);
  window.Tracker::Send(PromptEvent("id=9, action=refine, points=\"50,40,1\""));
  EXPECT_EQ(window.Track(kScene)->objects.at(0).selected, true);
  EXPECT_EQ(window.Warnings().size(), 1U);
}

TEST(TrackMouse, WhatIsNotForItGoesOnUpstream) {
  Window window;
  window.Track(kScene);
  window.Key("u");
  EXPECT_TRUE(window.PassedOn());
  window.Send(gst_navigation_event_new_mouse_move(3, 4, GST_NAVIGATION_MODIFIER_NONE));
  EXPECT_TRUE(window.PassedOn());
}

TEST(TrackMouse, CanBeSwitchedOffWhileTheStreamRuns) {
  Window window(Props{{"navigation", "false"}});
  window.Drag(40, 30, 60, 50);
  EXPECT_TRUE(window.PassedOn());
  EXPECT_FALSE(window.Track(kScene).has_value());
  g_object_set(window.element(), "navigation", TRUE, nullptr);
  window.Drag(40, 30, 60, 50);
  EXPECT_EQ(IdsOf(window.Track(kScene)), Ids({1}));
}

TEST(TrackMouse, ScaledForAWindowOfAnotherSize) {
  // videoscale brings the coordinates back to those of its input.
  GstHarness* harness = gst_harness_new_parse(
      ("sam2track name=track model=" + FakeModel("ok") +
       " ! videoscale ! capsfilter caps=video/x-raw,width=320,height=240").c_str());
  gst_harness_set_src_caps_str(harness, kCaps);
  const auto push = [&](GstClockTime pts) {
    EXPECT_EQ(gst_harness_push(harness, MakeFrame(kCaps, pts, kScene).release()), GST_FLOW_OK);
    return Buffer(gst_harness_pull(harness));
  };
  push(0);
  gst_harness_push_upstream_event(harness, gst_navigation_event_new_mouse_button_press(
                                               1, 80, 60, GST_NAVIGATION_MODIFIER_NONE));
  gst_harness_push_upstream_event(harness, gst_navigation_event_new_mouse_button_release(
                                               1, 120, 100, GST_NAVIGATION_MODIFIER_NONE));
  const auto record = ReadObjects(push(kFrameTime).get());
  ASSERT_EQ(IdsOf(record), Ids({1}));
  EXPECT_EQ(record->objects[0].box->x, 80);
  gst_harness_teardown(harness);
}

}  // namespace
}  // namespace gstsam2::testing
