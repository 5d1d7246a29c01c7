// SPDX-License-Identifier: Apache-2.0
//
// sam2segment in a harness, with the fake core.
#include <gst/video/navigation.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <optional>

#include "support.h"

namespace gstsam2::testing {
namespace {

constexpr int kWidth = 64, kHeight = 48;

using Properties = ElementHarness::Properties;

std::string Caps() { return VideoCaps("RGB", kWidth, kHeight); }

Properties With(const Properties& more = {}) {
  Properties all = {{"model", FakeModel("ok")}};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

// sam2segment and pictures with one bright square each.
class Segment : public ElementHarness {
 public:
  explicit Segment(const Properties& properties = {})
      : ElementHarness("sam2segment", With(properties), Caps()) {}

  // The objects of the next frame, which shows the square at `x`.
  std::optional<ObjectsRecord> Next(int x = 10) {
    Buffer out = Process(MakeFrame(Caps(), pts_ += GST_SECOND / 10, {{x, 10, 20, 20}}));
    return out ? ReadObjects(out.get()) : std::nullopt;
  }

  int AddBox(int id, double x, double y, double w, double h) {
    int result = 0;
    g_signal_emit_by_name(element(), "add-box", id, x, y, w, h, "thing", &result);
    return result;
  }
  int AddPoint(int id, double x, double y, int label) {
    int result = 0;
    g_signal_emit_by_name(element(), "add-point", id, x, y, label, &result);
    return result;
  }
  void Emit(const char* signal, int id) { g_signal_emit_by_name(element(), signal, id); }
  void Prompt(const std::string& fields) {
    GstStructure* structure =
        gst_structure_from_string(("sam2-prompt, " + fields).c_str(), nullptr);
    gst_harness_push_event(harness(),
                           gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, structure));
  }
  // The objects of the next frame, where a detector sees something.
  std::optional<ObjectsRecord> Detect(int x, const PixelRect& region) {
    Buffer frame = MakeFrame(Caps(), pts_ += GST_SECOND / 10, {{x, 10, 20, 20}});
    gst_buffer_add_video_region_of_interest_meta(frame.get(), "cat", region.x, region.y,
                                                 region.width, region.height);
    Buffer out = Process(std::move(frame));
    return out ? ReadObjects(out.get()) : std::nullopt;
  }

  void Mouse(GstEvent* event) { gst_harness_push_upstream_event(harness(), event); }
  void Click(double x, double y, int button = 1) {
    Mouse(gst_navigation_event_new_mouse_button_press(button, x, y, GST_NAVIGATION_MODIFIER_NONE));
    Mouse(
        gst_navigation_event_new_mouse_button_release(button, x, y, GST_NAVIGATION_MODIFIER_NONE));
  }
  void Drag(double x0, double y0, double x1, double y1) {
    Mouse(gst_navigation_event_new_mouse_button_press(1, x0, y0, GST_NAVIGATION_MODIFIER_NONE));
    Mouse(gst_navigation_event_new_mouse_button_release(1, x1, y1, GST_NAVIGATION_MODIFIER_NONE));
  }
  void Key(const char* key) {
    Mouse(gst_navigation_event_new_key_press(key, GST_NAVIGATION_MODIFIER_NONE));
  }

  // The text of the only warning since the last call; empty when there is none.
  std::string Warning() {
    const std::vector<Message> warnings = Only(Messages(), GST_MESSAGE_WARNING);
    EXPECT_LE(warnings.size(), 1U);
    return warnings.empty() ? "" : warnings[0].text;
  }

 private:
  GstClockTime pts_ = 0;
};

int Area(const ObjectRecord& object) {
  if (!object.mask) return 0;
  GstMapInfo map;
  gst_buffer_map(object.mask->pixels.get(), &map, GST_MAP_READ);
  int area = 0;
  for (gsize i = 0; i < map.size; ++i) area += map.data[i] != 0;
  gst_buffer_unmap(object.mask->pixels.get(), &map);
  return area;
}

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// ---------------------------------------------------------------- prompts

TEST(SegmentPrompts, BoxPropertyCountsOnEveryNewPicture) {
  Segment segment(Properties{{"box", "0,0,64,48"}});
  const auto first = segment.Next(10);
  ASSERT_TRUE(first);
  ASSERT_EQ(first->objects.size(), 1U);
  EXPECT_EQ(first->objects[0].box->x, 10);
  EXPECT_EQ(Area(first->objects[0]), 400);
  EXPECT_EQ(first->objects[0].accepted, false);
  const auto same = segment.Next(10);
  ASSERT_EQ(same->objects.size(), 1U);
  EXPECT_EQ(same->objects[0].id, first->objects[0].id);
  const auto other = segment.Next(30);
  ASSERT_EQ(other->objects.size(), 1U);
  EXPECT_EQ(other->objects[0].box->x, 30);
  EXPECT_NE(other->objects[0].id, first->objects[0].id);
}

TEST(SegmentPrompts, WithoutAnyABufferStaysAsItIs) {
  Segment segment;
  EXPECT_FALSE(segment.Next());
  EXPECT_TRUE(segment.Messages().empty());
}

TEST(SegmentPrompts, RegionsOfInterestAreTakenOncePerPicture) {
  Segment segment;
  for (int i = 0; i < 3; ++i) {
    Buffer frame = MakeFrame(Caps(), i, {{10, 10, 20, 20}});
    gst_buffer_add_video_region_of_interest_meta(frame.get(), "cat", 5, 5, 30, 30);
    Buffer out = segment.Process(std::move(frame));
    const auto objects = ReadObjects(out.get());
    ASSERT_TRUE(objects);
    ASSERT_EQ(objects->objects.size(), 1U) << i;
    EXPECT_EQ(objects->objects[0].label, "cat");
  }
}

TEST(SegmentPrompts, EventsUndoAndAccept) {
  Segment segment;
  const auto send = [&](const char* text) {
    gst_harness_push_event(segment.harness(),
                           gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM,
                                                gst_structure_from_string(text, nullptr)));
  };
  send("sam2-prompt, id=(int)7, box=(string)\"0,0,64,48\"");
  send("sam2-prompt, id=(int)7, action=(string)refine, points=(string)\"50,40,1\"");
  EXPECT_EQ(Area(segment.Next()->objects.at(0)), 481);
  send("sam2-prompt, id=(int)7, action=(string)undo");
  EXPECT_EQ(Area(segment.Next()->objects.at(0)), 400);
  send("sam2-prompt, id=(int)7, action=(string)accept");
  EXPECT_EQ(segment.Next()->objects.at(0).accepted, true);
}

TEST(SegmentPrompts, ObjectsGoWithThePicture) {
  Segment segment;
  segment.AddBox(0, 0, 0, 64, 48);
  EXPECT_EQ(segment.Next(10)->objects.size(), 1U);
  EXPECT_EQ(segment.Next(30)->objects.size(), 0U);
  EXPECT_EQ(segment.Next(10)->objects.size(), 0U);
}

TEST(SegmentPrompts, RefusedDetectionsAreToldOnceInTenSecondsWithTheirNumber) {
  Segment segment;
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(segment.Detect(i % 2, {500 + i, 5, 9, 9}));
  EXPECT_TRUE(Has(segment.Warning(), "(region of interest): the box at 500."));
  segment.Detect(5, {500, 5, 9, 9});
  EXPECT_TRUE(Has(segment.Warning(), "(and 99 more)"));
  segment.Prompt("box=(string)\"500,5,9,9\"");
  segment.Prompt("box=(string)\"500,5,9,9\"");
  segment.Next(5);
  EXPECT_EQ(Only(segment.Messages(), GST_MESSAGE_WARNING).size(), 2U);
}

TEST(SegmentPrompts, ARefusedBoxOfThePropertyIsToldOnceInTenSeconds) {
  Segment segment(Properties{{"box", "100,0,9,9;200,0,9,9"}});
  for (int i = 0; i < 50; ++i) segment.Next(i % 2);
  const auto warnings = Only(segment.Messages(), GST_MESSAGE_WARNING);
  ASSERT_EQ(warnings.size(), 2U);
  EXPECT_TRUE(Has(warnings[0].text, "the box at 100"));
  EXPECT_TRUE(Has(warnings[1].text, "the box at 200"));
}

TEST(SegmentPrompts, WhatIsRefusedUsesNoIdsUp) {
  Segment segment(Properties{{"box", "100,0,9,9"}});
  for (int i = 0; i < 5; ++i) segment.Detect(i % 2, {500, 5, 9, 9});
  EXPECT_EQ(segment.AddBox(0, 0, 0, 64, 48), 1);
}

TEST(SegmentPrompts, IdsBeginAnewOnANewPictureWhenTheyAreUsedUp) {
  Segment segment(Properties{{"box", "0,0,64,48"}});
  segment.Prompt("id=(int)500000000, box=(string)\"0,0,64,48\"");
  auto objects = segment.Next(10);
  ASSERT_EQ(objects->objects.size(), 2U);
  EXPECT_EQ(segment.Next(30)->objects.at(0).id, 1);
  EXPECT_EQ(segment.Next(10)->objects.at(0).id, 2);
}

TEST(SegmentPrompts, IdsDoNotBeginAnewWhileAPromptWaits) {
  Segment segment(Properties{{"box", "0,0,64,48"}});
  segment.Prompt("id=(int)500000000, box=(string)\"0,0,64,48\"");
  segment.Prompt("id=(int)1, frame=(int)2, box=(string)\"0,0,64,48\"");
  segment.Next(10);
  EXPECT_EQ(segment.Next(30)->objects.at(0).id, 500'000'002);
  const auto objects = segment.Next(10);
  ASSERT_EQ(objects->objects.size(), 2U);
  EXPECT_EQ(objects->objects[0].id, 1);
  EXPECT_EQ(objects->objects[1].id, 500'000'003);
  EXPECT_EQ(segment.Warning(), "");
}

TEST(SegmentPrompts, ALabelGoesWithItsObject) {
  Segment segment;
  EXPECT_EQ(segment.AddBox(0, 0, 0, 64, 48), 1);  // "thing"
  segment.Emit("discard", 1);
  EXPECT_TRUE(segment.Next()->objects.empty());
  segment.Prompt("id=(int)1, box=(string)\"0,0,64,48\"");
  EXPECT_EQ(segment.Next()->objects.at(0).label, "");
  segment.Prompt("id=(int)1, action=(string)refine, label=(string)dog, points=(string)\"5,5,1\"");
  EXPECT_EQ(segment.Next()->objects.at(0).label, "dog");
  EXPECT_EQ(segment.Next()->objects.at(0).label, "dog");
}

// ---------------------------------------------------------------- refinement

TEST(SegmentRefinement, AutoAddsOutsideAndTakesAwayInside) {
  Segment segment;
  const int id = segment.AddBox(0, 0, 0, 64, 48);
  EXPECT_EQ(Area(segment.Next()->objects.at(0)), 400);
  segment.AddPoint(id, 50, 40, 2);
  EXPECT_EQ(Area(segment.Next()->objects.at(0)), 481);
  segment.AddPoint(id, 50, 40, 2);
  EXPECT_EQ(Area(segment.Next()->objects.at(0)), 400);
  segment.AddPoint(id, 20, 20, 0);
  EXPECT_EQ(Area(segment.Next()->objects.at(0)), 319);
}

TEST(SegmentRefinement, UndoGoesBackToNothing) {
  Segment segment;
  const int id = segment.AddBox(0, 0, 0, 64, 48);
  segment.AddPoint(id, 50, 40, 1);
  EXPECT_EQ(Area(segment.Next()->objects.at(0)), 481);
  segment.Emit("undo", id);
  EXPECT_EQ(Area(segment.Next()->objects.at(0)), 400);
  segment.Emit("undo", 0);
  EXPECT_TRUE(segment.Next()->objects.empty());
  EXPECT_EQ(segment.Warning(), "");
  segment.Emit("undo", id);
  segment.Next();
  EXPECT_TRUE(Has(segment.Warning(), "no such object"));
}

TEST(SegmentRefinement, AcceptedObjectsAreFrozenAndCanBeDiscarded) {
  Segment segment;
  const int id = segment.AddBox(0, 0, 0, 64, 48);
  segment.Emit("accept", 0);
  EXPECT_EQ(segment.Next()->objects.at(0).accepted, true);
  segment.AddPoint(id, 50, 40, 1);
  EXPECT_EQ(Area(segment.Next()->objects.at(0)), 400);
  EXPECT_TRUE(Has(segment.Warning(), "accepted"));
  segment.Emit("undo", id);
  EXPECT_EQ(segment.Next()->objects.at(0).accepted, false);
  segment.Emit("accept", id);
  EXPECT_EQ(segment.Next()->objects.at(0).accepted, true);
  segment.Emit("discard", id);
  EXPECT_TRUE(segment.Next()->objects.empty());
}

TEST(SegmentRefinement, MaskChoiceChangesASingleClickWhilePlaying) {
  Segment segment;
  segment.AddPoint(0, 40, 24, 1);
  EXPECT_EQ(Area(segment.Next()->objects.at(0)), 81);
  gst_util_set_object_arg(G_OBJECT(segment.element()), "mask-choice", "whole");
  EXPECT_EQ(Area(segment.Next()->objects.at(0)), 289);
  gst_util_set_object_arg(G_OBJECT(segment.element()), "mask-choice", "subpart");
  EXPECT_EQ(Area(segment.Next()->objects.at(0)), 25);
}

TEST(SegmentRefinement, ResetDropsEverything) {
  Segment segment;
  segment.AddBox(0, 0, 0, 64, 48);
  segment.Next();
  g_signal_emit_by_name(segment.element(), "reset");
  EXPECT_TRUE(segment.Next()->objects.empty());
}

class UnknownId : public ::testing::TestWithParam<const char*> {};

TEST_P(UnknownId, IsRefusedAndTheStreamGoesOn) {
  Segment segment(Properties{{"box", "0,0,64,48"}});
  segment.Next();
  segment.Emit(GetParam(), 99);
  EXPECT_EQ(segment.Next()->objects.size(), 1U);
  EXPECT_TRUE(Has(segment.Warning(), "no such object"));
}

TEST_P(UnknownId, WithoutAnObjectZeroMeansNone) {
  Segment segment;
  segment.Emit(GetParam(), 0);
  EXPECT_TRUE(Has(segment.Warning(), "no object that it could mean"));
}

INSTANTIATE_TEST_SUITE_P(Signals, UnknownId,
                         ::testing::Values("undo", "accept", "discard", "remove-object"));

// ---------------------------------------------------------------- mouse

TEST(SegmentMouse, DragsABoxClicksAndAccepts) {
  Segment segment;
  segment.Drag(60, 45, 2, 2);  // from the lower right corner
  auto objects = segment.Next();
  ASSERT_EQ(objects->objects.size(), 1U);
  EXPECT_EQ(Area(objects->objects[0]), 400);
  segment.Click(50, 40);
  EXPECT_EQ(Area(segment.Next()->objects.at(0)), 481);
  segment.Click(20, 20, 3);
  EXPECT_EQ(Area(segment.Next()->objects.at(0)), 400);
  segment.Key("u");
  EXPECT_EQ(Area(segment.Next()->objects.at(0)), 481);
  segment.Key("Return");
  EXPECT_EQ(segment.Next()->objects.at(0).accepted, true);
  segment.Click(5, 40);  // nothing is current: a new object
  EXPECT_EQ(segment.Next()->objects.size(), 2U);
  segment.Key("Escape");
  EXPECT_EQ(segment.Next()->objects.size(), 1U);
  EXPECT_EQ(segment.Warning(), "");
}

TEST(SegmentMouse, AClickOnAnObjectChoosesIt) {
  Segment segment;
  segment.Drag(2, 2, 60, 45);
  segment.Click(50, 40);
  EXPECT_EQ(segment.Next()->objects.at(0).selected, true);
  segment.Key("Return");
  auto objects = segment.Next();
  EXPECT_EQ(objects->objects.at(0).accepted, true);
  EXPECT_EQ(objects->objects.at(0).selected, false);
  segment.Click(50, 40);  // opens it again and changes nothing
  objects = segment.Next();
  ASSERT_EQ(objects->objects.size(), 1U);
  EXPECT_EQ(objects->objects[0].accepted, false);
  EXPECT_EQ(objects->objects[0].selected, true);
  EXPECT_EQ(Area(objects->objects[0]), 481);
  segment.Click(50, 40);  // takes away
  EXPECT_EQ(Area(segment.Next()->objects.at(0)), 400);
  segment.Key("Return");
  segment.Next();
  segment.Click(20, 20, 3);  // opens and takes away at once
  EXPECT_EQ(Area(segment.Next()->objects.at(0)), 319);
  EXPECT_EQ(segment.Warning(), "");
}

TEST(SegmentMouse, ClicksDoNotGoToAnObjectOfAFormerPicture) {
  Segment segment;
  const int id = segment.AddBox(0, 0, 0, 64, 48);
  segment.Next(10);
  segment.Next(30);
  segment.AddPoint(id, 50, 40, 1);  // too late
  EXPECT_TRUE(segment.Next(30)->objects.empty());
  EXPECT_TRUE(Has(segment.Warning(), "no such object"));
  segment.Click(5, 40);
  EXPECT_EQ(segment.Next(30)->objects.size(), 1U);
  EXPECT_EQ(segment.Warning(), "");
}

TEST(SegmentMouse, ClicksDoNotGoToAnObjectThatTheApplicationAccepted) {
  Segment segment;
  segment.Drag(2, 2, 60, 45);
  EXPECT_EQ(segment.Next()->objects.at(0).selected, true);
  segment.Prompt("id=(int)1, action=(string)accept");
  EXPECT_EQ(segment.Next()->objects.at(0).selected, false);
  segment.Click(5, 40);
  EXPECT_EQ(segment.Next()->objects.size(), 2U);
  segment.Key("Escape");
  segment.Next();
  segment.Key("Escape");  // nothing is current
  const auto objects = segment.Next();
  ASSERT_EQ(objects->objects.size(), 1U);
  EXPECT_EQ(objects->objects[0].accepted, true);
  EXPECT_EQ(segment.Warning(), "");
}

TEST(SegmentMouse, ClicksGoOnWithAnObjectThatIsOpenedAgainAtOnce) {
  Segment segment;
  segment.Drag(2, 2, 60, 45);
  segment.Next();
  segment.Prompt("id=(int)1, action=(string)accept");
  segment.Prompt("id=(int)1, action=(string)undo");
  EXPECT_EQ(segment.Next()->objects.at(0).selected, true);
}

TEST(SegmentMouse, ARefusedPromptOfAnotherObjectLeavesTheCurrentOne) {
  Segment segment;
  segment.Drag(2, 2, 60, 45);
  segment.Next();
  segment.Prompt("id=(int)9, action=(string)refine, points=(string)\"50,40,1\"");
  EXPECT_EQ(segment.Next()->objects.at(0).selected, true);
  EXPECT_TRUE(Has(segment.Warning(), "no such object"));
  segment.Click(50, 40);
  EXPECT_EQ(Area(segment.Next()->objects.at(0)), 481);
}

TEST(SegmentMouse, CoordinatesFollowTheCaps) {
  Segment segment;
  segment.Drag(5, 5, 35, 35);
  const std::string caps = VideoCaps("RGB", 2 * kWidth, 2 * kHeight);
  segment.SetCaps(caps);
  Buffer out = segment.Process(MakeFrame(caps, GST_SECOND, {{20, 20, 40, 40}}));
  EXPECT_EQ(Area(ReadObjects(out.get())->objects.at(0)), 1600);
  segment.AddBox(0, 5, 5, 30, 30);  // in pixels of the frame, whichever comes
  out = segment.Process(MakeFrame(caps, GST_SECOND, {{20, 20, 40, 40}}));
  EXPECT_EQ(Area(ReadObjects(out.get())->objects.at(1)), 225);
}

TEST(SegmentMouse, ClicksOfAnywhereAreSafe) {
  Segment segment;
  segment.Drag(2, 2, 60, 45);
  segment.Next();
  segment.Key("Return");
  segment.Next();
  for (const double at : {-1e300, 1e300, -1.0, 64.0}) segment.Click(at, at, 3);
  EXPECT_EQ(segment.Next()->objects.size(), 1U);
}

TEST(SegmentMouse, ObjectsOfAFormerPictureCannotBeChosen) {
  Segment segment;
  segment.Drag(2, 2, 60, 45);
  segment.Next(10);
  segment.Key("Return");
  EXPECT_TRUE(segment.Next(30)->objects.empty());
  segment.Click(15, 15);
  EXPECT_EQ(segment.Next(30)->objects.at(0).id, 2);
  EXPECT_EQ(segment.Warning(), "Prompt refused on frame 1 (key): there is no such object.");
}

TEST(SegmentPrompts, OddClicksAreToldAndTaken) {
  Segment segment;
  const auto send = [&](const char* points) {
    gst_harness_push_event(
        segment.harness(),
        gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM,
                             gst_structure_new("sam2-prompt", "points", G_TYPE_STRING, points,
                                               nullptr)));
  };
  send("20,20,1;30,20,0");
  EXPECT_EQ(segment.Next()->objects.size(), 1U);
  EXPECT_EQ(segment.Warning(), "");
  send("20,20,1;20,20,0");
  EXPECT_EQ(segment.Next()->objects.size(), 2U);
  EXPECT_TRUE(Has(segment.Warning(), "the click at 20,20 is both a positive and a negative one"));
  segment.AddPoint(0, 70, 20, 1);
  EXPECT_EQ(segment.Next()->objects.size(), 3U);
  EXPECT_TRUE(Has(segment.Warning(), "70,20 lies outside the frame, which is 64x48"));
}

TEST(SegmentPrompts, AStreamWithoutAnyIsTold) {
  Segment none, some, everything(Properties{{"mode", "everything"}});
  some.AddBox(0, 0, 0, 64, 48);
  for (Segment* segment : {&none, &some, &everything}) {
    segment->Next();
    gst_harness_push_event(segment->harness(), gst_event_new_eos());
  }
  EXPECT_TRUE(Has(none.Warning(), "Nothing was segmented, as no prompt came"));
  EXPECT_EQ(some.Warning(), "");
  EXPECT_EQ(everything.Warning(), "");
}

TEST(SegmentMouse, KeysWithoutAnObjectDoNothing) {
  Segment segment;
  for (const char* key : {"u", "Return", "Escape", "x"}) segment.Key(key);
  segment.Click(5, 5, 3);
  EXPECT_FALSE(segment.Next());
  EXPECT_EQ(segment.Warning(), "");
}

TEST(SegmentMouse, AClickAfterAnEmptyUndoStartsAnew) {
  Segment segment;
  segment.Click(20, 20);
  segment.Next();
  segment.Key("u");
  EXPECT_TRUE(segment.Next()->objects.empty());
  segment.Click(20, 20);
  EXPECT_EQ(segment.Next()->objects.size(), 1U);
  EXPECT_EQ(segment.Warning(), "");
}

TEST(SegmentMouse, CanBeSwitchedOff) {
  Segment segment(Properties{{"navigation", "false"}});
  segment.Drag(2, 2, 60, 45);
  EXPECT_FALSE(segment.Next());
}

// ---------------------------------------------------------------- everything

TEST(SegmentEverything, FindsObjectsWithoutPrompts) {
  Segment segment(Properties{{"mode", "everything"}});
  const auto objects = segment.Next();
  ASSERT_TRUE(objects);
  EXPECT_EQ(objects->objects.size(), 2U);
  EXPECT_FALSE(objects->objects[0].accepted);
}

TEST(SegmentEverything, RefusesPrompts) {
  Segment segment(Properties{{"mode", "everything"}});
  segment.AddBox(0, 0, 0, 64, 48);
  EXPECT_EQ(segment.Next()->objects.size(), 2U);
  EXPECT_TRUE(Has(segment.Warning(), "takes no prompts"));
}

TEST(SegmentEverything, AnOptionThatTheCoreRefusesIsAnError) {
  Segment segment(Properties{{"mode", "everything"}, {"points-per-side", "200"}});
  EXPECT_EQ(segment.Push(MakeFrame(Caps(), 0, {})), GST_FLOW_ERROR);
  const auto errors = Only(segment.Messages(), GST_MESSAGE_ERROR);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_TRUE(Has(errors[0].text, "points-per-side"));
}

class GivenUp : public ::testing::TestWithParam<std::pair<const char*, Properties>> {};

TEST_P(GivenUp, WhenTheStreamIsStopped) {
  Properties properties = GetParam().second;
  properties.emplace_back("model", FakeModel("endless"));
  ElementHarness harness(GetParam().first, properties, Caps());
  std::future<GstFlowReturn> flow =
      std::async(std::launch::async, [&] { return harness.Push(MakeFrame(Caps(), 0, {})); });
  EXPECT_EQ(flow.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  gst_element_set_state(harness.element(), GST_STATE_NULL);
  EXPECT_EQ(flow.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  EXPECT_EQ(flow.get(), GST_FLOW_FLUSHING);
  EXPECT_TRUE(Only(harness.Messages(), GST_MESSAGE_ERROR).empty());
}

INSTANTIATE_TEST_SUITE_P(
    Steps, GivenUp,
    ::testing::Values(std::pair{"sam2segment", Properties{{"mode", "everything"}}},
                      std::pair{"sam2segment", Properties{{"box", "0,0,64,48"}}},
                      std::pair{"sam2track", Properties{{"box", "0,0,64,48"}}}));

// ---------------------------------------------------------------- errors

TEST(SegmentErrors, FailedStep) {
  ElementHarness harness("sam2segment",
                         {{"model", FakeModel("step-failed")}, {"box", "0,0,64,48"}}, Caps());
  EXPECT_TRUE(harness.Process(MakeFrame(Caps(), 0, {{0, 0, 9, 9}})));
  EXPECT_TRUE(harness.Process(MakeFrame(Caps(), 1, {{1, 0, 9, 9}})));
  EXPECT_EQ(harness.Push(MakeFrame(Caps(), 2, {{2, 0, 9, 9}})), GST_FLOW_ERROR);
  const auto errors = Only(harness.Messages(), GST_MESSAGE_ERROR);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].domain, GST_STREAM_ERROR);
}

TEST(SegmentErrors, BadBoxProperty) {
  const Message error = StartError("sam2segment", With({{"box", "1,2,3"}}));
  EXPECT_EQ(error.domain, GST_RESOURCE_ERROR);
  EXPECT_EQ(error.code, GST_RESOURCE_ERROR_SETTINGS);
}

TEST(SegmentErrors, PromptPropertiesBesideEverything) {
  for (const char* property : {"box", "prompts-location"}) {
    const Message error =
        StartError("sam2segment", With({{"mode", "everything"}, {property, "1,2,3,4"}}));
    EXPECT_EQ(error.code, GST_RESOURCE_ERROR_SETTINGS);
    EXPECT_TRUE(Has(error.text, "mode=everything takes no prompts")) << error.text;
    EXPECT_TRUE(Has(error.text, property)) << error.text;
  }
}

TEST(SegmentErrors, MissingPromptsFile) {
  const Message error = StartError("sam2segment", With({{"prompts-location", "/no/such/file"}}));
  EXPECT_EQ(error.code, GST_RESOURCE_ERROR_NOT_FOUND);
}

// ---------------------------------------------------------------- properties

TEST(SegmentProperties, AreKept) {
  ExpectKept("sam2segment",
             {{"model", "edgetam"}, {"device", "cpu"}, {"precision", "bf16"}, {"image-size", "512"},
              {"threads", "3"}, {"box", "1,2,3,4"}, {"prompts-location", "/p.jsonl"},
              {"navigation", "false"}, {"mode", "everything"}, {"mask-choice", "subpart"},
              {"max-objects", "9"}, {"max-hole-area", "5"}, {"max-sprinkle-area", "6"},
              {"search-window", "2.5"}, {"second-look", "true"}, {"refine-edges", "true"}, {"points-per-side", "7"}, {"points-per-batch", "11"},
              {"pred-iou-thresh", "0.5"}, {"stability-score-thresh", "0.25"},
              {"stability-score-offset", "2"}, {"box-nms-thresh", "0.75"}, {"crop-n-layers", "1"},
              {"crop-nms-thresh", "0.125"}, {"crop-overlap-ratio", "0.375"},
              {"crop-n-points-downscale-factor", "3"}, {"min-mask-region-area", "13"}});
}

// The official mask generator's, where it has one.
TEST(SegmentProperties, StartWithTheDocumentedDefaults) {
  ExpectDefaults(
      "sam2segment",
      {{"model", "builtin"}, {"device", "auto"}, {"precision", "auto"}, {"image-size", "0"},
       {"threads", "0"}, {"navigation", "true"}, {"mode", "prompts"}, {"mask-choice", "best"},
       {"max-objects", "10000"}, {"max-hole-area", "0"}, {"max-sprinkle-area", "0"},
       {"search-window", "0"}, {"second-look", "false"}, {"refine-edges", "false"}, {"points-per-side", "32"}, {"points-per-batch", "64"},
       {"pred-iou-thresh", "0.8"}, {"stability-score-thresh", "0.95"},
       {"stability-score-offset", "1"}, {"box-nms-thresh", "0.7"}, {"crop-n-layers", "0"},
       {"crop-nms-thresh", "0.7"}, {"crop-overlap-ratio", "0.341333333"},
       {"crop-n-points-downscale-factor", "1"}, {"min-mask-region-area", "0"}});
}

// What the core is told.
TEST(SegmentOptions, TheSearchWindowReachesTheCore) {
  const auto told = [](const Properties& properties) {
    Properties all = {{"model", FakeModel("options")}};
    all.insert(all.end(), properties.begin(), properties.end());
    return StartError("sam2segment", all).text;
  };
  EXPECT_EQ(told({}), "search_window=0.000000");
  EXPECT_EQ(told({{"search-window", "2.5"}}), "search_window=2.500000");
  EXPECT_EQ(told({{"second-look", "true"}}), "search_window=0.000000 second_look");
  EXPECT_EQ(told({{"refine-edges", "true"}}), "search_window=0.000000 refine_edges");
  EXPECT_EQ(told({{"search-window", "2"}, {"mask-choice", "whole"}}),
            "search_window=2.000000 choice");
}

TEST(SegmentErrors, APictureOfOnePixel) {
  const std::string caps = VideoCaps("RGB", 1, 1);
  ElementHarness harness("sam2segment", With({{"box", "0,0,1,1"}}), caps);
  Buffer out = harness.Process(MakeFrame(caps, 0, {{0, 0, 1, 1}}));
  ASSERT_TRUE(out);
  EXPECT_EQ(ReadObjects(out.get())->objects.size(), 1U);
}

}  // namespace
}  // namespace gstsam2::testing
