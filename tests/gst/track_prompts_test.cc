// SPDX-License-Identifier: Apache-2.0
//
// Prompts for a stream that runs: every action by every way, and no object's
// memory touched but the one that is meant. The fake core tells how many frames
// are in an object's memory as its predicted IoU.
#include <gtest/gtest.h>

#include <cmath>

#include "tracker_harness.h"

namespace gstsam2::testing {
namespace {

const std::vector<PixelRect> kScene = {kThing, kOther};

// Frames in the memory of an object; -1: there is none of this id.
int Remembered(const std::optional<ObjectsRecord>& record, int id) {
  if (!record) return -1;
  for (const ObjectRecord& object : record->objects) {
    if (object.id == id) return static_cast<int>(std::lround(object.iou * 100));
  }
  return -1;
}

// How the prompts of a case are said.
using Say = std::function<void(Tracker&, const std::string& action, int id)>;

void SayByEvent(Tracker& tracker, const std::string& action, int id) {
  const std::string box = action == "remove" ? "" : ", box=\"40,30,20,20\"";
  tracker.Send(PromptEvent("id=" + std::to_string(id) + ", action=" + action + box));
}

void SayByApplication(Tracker& tracker, const std::string& action, int id) {
  const std::string box = action == "remove" ? "" : ", points=\"50,40,1\"";
  gst_element_send_event(tracker.element(),
                         PromptEvent("id=" + std::to_string(id) + ", action=" + action + box));
}

void SayBySignal(Tracker& tracker, const std::string& action, int id) {
  if (action == "remove") {
    g_signal_emit_by_name(tracker.element(), "remove-object", id);
  } else {
    EXPECT_EQ(tracker.AddBox(action == "add" ? 0 : id, kThing), id);
  }
}

struct Way {
  const char* name;
  Say say;
};

class WhileRunning : public ::testing::TestWithParam<Way> {};

TEST_P(WhileRunning, EachObjectIsPromptedAlone) {
  const Say say = GetParam().say;
  Tracker tracker(Props{{"box", "100,60,16,16"}});
  for (int i = 0; i < 5; ++i) tracker.Track(kScene);
  say(tracker, "add", 2);
  auto record = tracker.Track(kScene);
  EXPECT_EQ(Remembered(record, 1), 6);
  EXPECT_EQ(Remembered(record, 2), 1);
  tracker.Track(kScene);
  say(tracker, "refine", 2);
  record = tracker.Track(kScene);
  EXPECT_EQ(Remembered(record, 1), 8);
  EXPECT_EQ(Remembered(record, 2), 3);
  say(tracker, "remove", 2);
  record = tracker.Track(kScene);
  EXPECT_EQ(Remembered(record, 1), 9);
  EXPECT_EQ(Remembered(record, 2), -1);
  EXPECT_TRUE(tracker.Warnings().empty());
}

INSTANTIATE_TEST_SUITE_P(Ways, WhileRunning,
                         ::testing::Values(Way{"Event", SayByEvent},
                                           Way{"Application", SayByApplication},
                                           Way{"Signal", SayBySignal}),
                         [](const auto& info) { return info.param.name; });

TEST(ReplaceWhileRunning, ForgetsTheMemoryOfThatObjectAlone) {
  Tracker tracker(Props{{"box", "100,60,16,16;40,30,20,20"}});
  for (int i = 0; i < 5; ++i) tracker.Track(kScene);
  SayByEvent(tracker, "replace", 2);
  const auto record = tracker.Track(kScene);
  EXPECT_EQ(Remembered(record, 1), 6);
  EXPECT_EQ(Remembered(record, 2), 1);
}

TEST(FileWhileRunning, EveryActionAtItsFrameOrTime) {
  const TemporaryFolder folder;
  const std::string path = folder.Write(
      "p.jsonl",
      "{\"frame\": 0, \"id\": 1, \"box\": [100, 60, 16, 16]}\n"
      "{\"frame\": 2, \"id\": 2, \"box\": [40, 30, 20, 20]}\n"
      "{\"pts\": 160000000, \"id\": 2, \"action\": \"refine\", \"points\": [[50, 40, 1]]}\n"
      "{\"pts\": 200000000, \"id\": 2, \"action\": \"replace\", \"box\": [40, 30, 20, 20]}\n"
      "{\"frame\": 6, \"id\": 2, \"action\": \"remove\"}\n");
  Tracker tracker(Props{{"prompts-location", path}});
  std::vector<int> remembered;
  for (int i = 0; i < 7; ++i) {
    const auto record = tracker.Track(kScene);
    EXPECT_EQ(Remembered(record, 1), i + 1);
    remembered.push_back(Remembered(record, 2));
  }
  EXPECT_EQ(remembered, (std::vector{-1, -1, 1, 2, 3, 1, -1}));
  EXPECT_TRUE(tracker.Warnings().empty());
}

TEST(FileWhileRunning, WhatIsNotThereCannotBeChanged) {
  Tracker tracker(Props{{"box", "100,60,16,16"}});
  tracker.Track(kScene);
  for (const char* action : {"refine", "replace", "remove"}) SayByEvent(tracker, action, 7);
  SayByEvent(tracker, "add", 1);  // taken
  const auto record = tracker.Track(kScene);
  EXPECT_EQ(IdsOf(record), Ids({1}));
  EXPECT_EQ(Remembered(record, 1), 2);
  EXPECT_EQ(tracker.Warnings().size(), 4U);
}

TEST(MaximumObjects, AFurtherOneTakesThePlaceOfTheLongestLost) {
  Tracker tracker(Props{{"max-objects", "2"},
                        {"box", "40,30,20,20;100,60,16,16"},
                        {"lost-timeout", "40000000"}});
  tracker.Track(kScene);
  tracker.Track({kOther});
  tracker.Track({});
  tracker.Track({});  // both are lost, 1 for longer
  tracker.AddBox(0, {10, 80, 20, 20});
  EXPECT_EQ(IdsOf(tracker.Track({{10, 80, 20, 20}})), Ids({2, 3}));
  const auto messages = Only(tracker.Messages(), GST_MESSAGE_ELEMENT);
  ASSERT_FALSE(messages.empty());
  EXPECT_TRUE(Contains(messages.back().content, "id=(int)1")) << messages.back().content;
  EXPECT_TRUE(Contains(messages.back().content, "to=(string)none")) << messages.back().content;
}

TEST(MaximumObjects, IsRefusedWhereNoneIsLost) {
  Tracker tracker(Props{{"max-objects", "1"}, {"box", "40,30,20,20"}});
  tracker.Track(kScene);
  tracker.AddBox(0, kOther);
  EXPECT_EQ(IdsOf(tracker.Track(kScene)), Ids({1}));
  EXPECT_EQ(tracker.Warnings().size(), 1U);
}

// What the core is told of the properties.
std::string CoreOptions(const Props& properties) {
  return StartError("sam2track", With(properties, "options")).text;
}

TEST(CoreOptions, OfTheMemoryPolicies) {
  EXPECT_EQ(CoreOptions({}), "lost_interval_ns=0");
  EXPECT_EQ(CoreOptions({{"memory-policy", "robust"}}), "lost_interval_ns=500000000 robust");
  EXPECT_EQ(CoreOptions({{"memory-policy", "robust"}, {"lost-interval", "0"}}),
            "lost_interval_ns=0 robust");
  EXPECT_EQ(CoreOptions({{"lost-interval", "7"}, {"scene-cuts", "true"}}),
            "lost_interval_ns=7 cuts");
}

TEST(CoreOptions, OfTheWindows) {
  EXPECT_EQ(CoreOptions({{"search-window", "2.5"}}), "lost_interval_ns=0 search_window=2.500000");
  EXPECT_EQ(CoreOptions({{"second-look", "true"}}), "lost_interval_ns=0 second_look");
  EXPECT_EQ(CoreOptions({{"follow-window", "2.5"}}), "lost_interval_ns=0 follow_window=2.500000");
}

TEST(CoreOptions, OfTheThreads) {
  EXPECT_EQ(CoreOptions({{"threads", "3"}}), "lost_interval_ns=0 threads=3");
}

}  // namespace
}  // namespace gstsam2::testing
