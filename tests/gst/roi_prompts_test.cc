// SPDX-License-Identifier: Apache-2.0
#include "roi_prompts.h"

#include <gtest/gtest.h>

#include "support.h"

namespace gstsam2 {
namespace {

constexpr int kWidth = 200, kHeight = 100;
constexpr GstClockTime kFrameTime = 40 * GST_MSECOND;

sam2::Object Tracked(int id, sam2::Box box) {
  sam2::Object object;
  object.id = id;
  object.box = box;
  return object;
}

sam2::Object Unseen(int id, sam2::ObjectState state) {
  sam2::Object object;
  object.id = id;
  object.state = state;
  return object;
}

std::vector<PromptRequest> PromptsOf(RoiPrompter& prompter, std::vector<Detection> detections,
                                     GstClockTime time = 0) {
  return prompter.Prompts(detections, kWidth, kHeight, time);
}

void Update(RoiPrompter& prompter, std::vector<sam2::Object> objects) {
  prompter.Update(objects, kWidth, kHeight);
}

// Tracked, with a mask that fills the left part of the box.
sam2::Object HalfFilled(int id, sam2::Box box, float part) {
  sam2::Object object = Tracked(id, box);
  object.mask = {.x = static_cast<int>(box.x0), .y = static_cast<int>(box.y0),
                 .width = static_cast<int>(box.x1 - box.x0),
                 .height = static_cast<int>(box.y1 - box.y0), .pixels = {}};
  for (int i = 0; i < object.mask.width * object.mask.height; ++i) {
    const bool in = static_cast<float>(i % object.mask.width) <
                    part * static_cast<float>(object.mask.width);
    object.mask.pixels.push_back(in ? 255 : 0);
  }
  return object;
}

TEST(RoiPrompter, StartsWhatMatchesNothing) {
  RoiPrompter prompter({});
  const auto first = PromptsOf(prompter, {{{0, 0, 50, 50}, "car"}, {{100, 0, 150, 50}, "dog"}});
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[0].label, "car");
  EXPECT_EQ(first[0].prompt.action, sam2::PromptAction::kAdd);

  const std::vector<sam2::Object> objects = {Tracked(1, {0, 0, 50, 50}),
                                             Tracked(2, {100, 0, 150, 50})};
  prompter.Update(objects, kWidth, kHeight);
  const auto next = PromptsOf(
      prompter, {{{10, 0, 60, 50}, "car"}, {{100, 0, 150, 50}, "dog"}, {{0, 60, 20, 80}, "cat"}});
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].label, "cat");
}

TEST(RoiPrompter, MatchesOneToOneBestFirst) {
  RoiPrompter prompter({});
  const std::vector<sam2::Object> objects = {Tracked(1, {0, 0, 50, 50})};
  prompter.Update(objects, kWidth, kHeight);
  // Both overlap the one object; the better one matches, the other is new.
  const auto prompts = PromptsOf(prompter, {{{20, 0, 70, 50}, "b"}, {{2, 0, 52, 50}, "a"}});
  ASSERT_EQ(prompts.size(), 1U);
  EXPECT_EQ(prompts[0].label, "b");
}

TEST(RoiPrompter, OverlapsBelowMatchIouAreNone) {
  const Detection near = {{30, 0, 80, 50}, "car"};  // IoU 0.25
  for (const float match_iou : {0.24F, 0.26F}) {
    RoiPrompter prompter({.match_iou = match_iou});
    Update(prompter, {Tracked(1, {0, 0, 50, 50})});
    EXPECT_EQ(PromptsOf(prompter, {near}).size(), match_iou > 0.25F ? 1U : 0U) << match_iou;
  }
}

TEST(RoiPrompter, FollowsAnotherFrameSize) {
  RoiPrompter prompter({});
  const std::vector<sam2::Object> objects = {Tracked(1, {0, 0, 50, 50})};
  prompter.Update(objects, kWidth, kHeight);
  const std::vector<Detection> detections = {{{0, 0, 100, 100}, "car"}};
  EXPECT_TRUE(prompter.Prompts(detections, 2 * kWidth, 2 * kHeight, 0).empty());
}

TEST(RoiPrompter, KeepsOccludedObjectsButNotLostOnes) {
  RoiPrompter prompter({});
  const std::vector<Detection> detections = {{{0, 0, 50, 50}, "car"}};
  std::vector<sam2::Object> objects = {Tracked(1, {0, 0, 50, 50})};
  prompter.Update(objects, kWidth, kHeight);
  objects = {Unseen(1, sam2::ObjectState::kOccluded)};
  prompter.Update(objects, kWidth, kHeight);
  EXPECT_TRUE(PromptsOf(prompter, detections).empty());
  objects = {Unseen(1, sam2::ObjectState::kLost)};
  prompter.Update(objects, kWidth, kHeight);
  EXPECT_EQ(PromptsOf(prompter, detections).size(), 1U);
}

TEST(RoiPrompter, FirstTakesOnlyTheFirstFrameThatHasAny) {
  RoiPrompter prompter({.policy = PromptPolicy::kFirst});
  EXPECT_TRUE(PromptsOf(prompter, {}).empty());
  EXPECT_EQ(PromptsOf(prompter, {{{0, 0, 50, 50}, "car"}}).size(), 1U);
  EXPECT_TRUE(PromptsOf(prompter, {{{100, 0, 150, 50}, "dog"}}).empty());
}

TEST(RoiPrompter, FirstIsNotUsedUpByWhatCannotBeUsed) {
  RoiPrompter prompter({.policy = PromptPolicy::kFirst});
  const Detection outside = {{kWidth, 0, kWidth + 50, 50}, "car"}, empty = {{5, 5, 5, 5}, "car"};
  EXPECT_EQ(PromptsOf(prompter, {outside, empty}).size(), 2U);  // for others to refuse
  EXPECT_EQ(PromptsOf(prompter, {outside, {{0, 0, 50, 50}, "car"}}).size(), 2U);
  EXPECT_TRUE(PromptsOf(prompter, {{{100, 0, 150, 50}, "dog"}}).empty());
}

TEST(RoiPrompter, AlwaysRefinesWhereDetectionAndObjectDisagree) {
  RoiPrompter prompter({.policy = PromptPolicy::kAlways});
  const std::vector<sam2::Object> objects = {Tracked(4, {0, 0, 50, 50})};
  prompter.Update(objects, kWidth, kHeight);
  EXPECT_TRUE(PromptsOf(prompter, {{{1, 0, 51, 50}, "car"}}).empty());  // agrees
  const auto prompts = PromptsOf(prompter, {{{20, 0, 70, 50}, "car"}});
  ASSERT_EQ(prompts.size(), 1U);
  EXPECT_EQ(prompts[0].prompt.id, 4);
  EXPECT_EQ(prompts[0].prompt.action, sam2::PromptAction::kRefine);
}

TEST(RoiPrompter, AlwaysRefinesAnObjectAtMostOnceASecondWhileItIsSeen) {
  RoiPrompter prompter({.policy = PromptPolicy::kAlways});
  Update(prompter, {Tracked(4, {0, 0, 50, 50})});
  const Detection drifted = {{20, 0, 70, 50}, "car"};
  EXPECT_EQ(PromptsOf(prompter, {drifted}, 0).size(), 1U);
  EXPECT_TRUE(PromptsOf(prompter, {drifted}, GST_SECOND - 1).empty());
  EXPECT_EQ(PromptsOf(prompter, {drifted}, GST_SECOND).size(), 1U);
}

TEST(RoiPrompter, AlwaysRefinesAnOccludedObjectWhereItWasLastSeen) {
  RoiPrompter prompter({.policy = PromptPolicy::kAlways});
  const Detection same = {{0, 0, 50, 50}, "car"};
  Update(prompter, {Tracked(4, {0, 0, 50, 50})});
  EXPECT_TRUE(PromptsOf(prompter, {same}).empty());
  Update(prompter, {Unseen(4, sam2::ObjectState::kOccluded)});
  const auto prompts = PromptsOf(prompter, {same});
  ASSERT_EQ(prompts.size(), 1U);
  EXPECT_EQ(prompts[0].prompt.id, 4);
}

TEST(RoiPrompter, AnotherObjectsMaskIsNotMatched) {
  // Two boxes of IoU 0.6; the object is in the half that the detection has not.
  RoiPrompter prompter({});
  Update(prompter, {HalfFilled(1, {0, 0, 40, 40}, 0.25F)});
  EXPECT_EQ(PromptsOf(prompter, {{{10, 0, 50, 40}, "b"}}).size(), 1U);
  Update(prompter, {HalfFilled(1, {0, 0, 40, 40}, 1)});
  EXPECT_TRUE(PromptsOf(prompter, {{{10, 0, 50, 40}, "b"}}).empty());
}

TEST(RoiPrompter, ADetectorThatSeesAPartKeepsMatchingTheWhole) {
  // A face detector; the tracker segments the person.
  RoiPrompter prompter({.policy = PromptPolicy::kAlways});
  EXPECT_EQ(PromptsOf(prompter, {{{40, 10, 60, 30}, "face"}}).size(), 1U);
  prompter.Accepted(1, {40, 10, 60, 30});
  Update(prompter, {Tracked(1, {30, 10, 70, 90})});
  EXPECT_TRUE(PromptsOf(prompter, {{{40, 10, 60, 30}, "face"}}).empty());
  Update(prompter, {Tracked(1, {50, 10, 90, 90})});  // they walk on together
  EXPECT_TRUE(PromptsOf(prompter, {{{60, 10, 80, 30}, "face"}}).empty());
  EXPECT_EQ(PromptsOf(prompter, {{{100, 10, 120, 30}, "face"}}).size(), 1U);  // someone else
}

TEST(RoiPrompter, ADetectionWhoseObjectIsNotSeenYetStartsNoSecondOne) {
  RoiPrompter prompter({});
  EXPECT_EQ(PromptsOf(prompter, {{{40, 10, 60, 30}, "a"}}).size(), 1U);
  prompter.Accepted(1, {40, 10, 60, 30});
  Update(prompter, {Unseen(1, sam2::ObjectState::kOccluded)});
  EXPECT_TRUE(PromptsOf(prompter, {{{40, 10, 60, 30}, "a"}}).empty());
}

// ---------------------------------------------------------------- probation

TEST(Probation, ADetectionMustBeSeenOnSoManyFrames) {
  RoiPrompter prompter({.probation = 3});
  EXPECT_TRUE(PromptsOf(prompter, {{{0, 0, 50, 50}, "car"}}, 0).empty());
  EXPECT_TRUE(PromptsOf(prompter, {}, kFrameTime).empty());  // the detector rests
  EXPECT_TRUE(PromptsOf(prompter, {{{4, 0, 54, 50}, "car"}}, 2 * kFrameTime).empty());
  const auto prompts = PromptsOf(prompter, {{{8, 0, 58, 50}, "car"}}, 3 * kFrameTime);
  ASSERT_EQ(prompts.size(), 1U);
  EXPECT_EQ(prompts[0].prompt.box->x0, 8);
  EXPECT_TRUE(PromptsOf(prompter, {{{8, 0, 58, 50}, "car"}}, 4 * kFrameTime).empty());
}

TEST(Probation, StartsAgainElsewhereAndAfterASecond) {
  RoiPrompter prompter({.probation = 2});
  EXPECT_TRUE(PromptsOf(prompter, {{{0, 0, 50, 50}, "car"}}, 0).empty());
  EXPECT_TRUE(PromptsOf(prompter, {{{100, 0, 150, 50}, "car"}}, kFrameTime).empty());
  EXPECT_TRUE(PromptsOf(prompter, {{{0, 0, 50, 50}, "car"}}, 2 * GST_SECOND).empty());
  EXPECT_EQ(PromptsOf(prompter, {{{0, 0, 50, 50}, "car"}}, 3 * GST_SECOND).size(), 1U);
}

TEST(Probation, OneMatchingAnObjectIsNotOnProbation) {
  RoiPrompter prompter({.probation = 2});
  Update(prompter, {Tracked(1, {0, 0, 50, 50})});
  EXPECT_TRUE(PromptsOf(prompter, {{{0, 0, 50, 50}, "car"}}, 0).empty());
  Update(prompter, {Unseen(1, sam2::ObjectState::kLost)});
  EXPECT_TRUE(PromptsOf(prompter, {{{0, 0, 50, 50}, "car"}}, kFrameTime).empty());
  EXPECT_EQ(PromptsOf(prompter, {{{0, 0, 50, 50}, "car"}}, 2 * kFrameTime).size(), 1U);
}

TEST(Probation, TheFirstFrameDoesNotWait) {
  RoiPrompter prompter({.policy = PromptPolicy::kFirst, .probation = 5});
  EXPECT_EQ(PromptsOf(prompter, {{{0, 0, 50, 50}, "car"}}).size(), 1U);
  EXPECT_TRUE(PromptsOf(prompter, {{{100, 0, 150, 50}, "dog"}}).empty());
  prompter.Reset();
  EXPECT_EQ(PromptsOf(prompter, {{{100, 0, 150, 50}, "dog"}}).size(), 1U);
}

TEST(ReadDetections, TakesForeignRegionsOnceAndNeverOurs) {
  testing::Buffer buffer(gst_buffer_new());
  gst_buffer_add_video_region_of_interest_meta(buffer.get(), "car", 1, 2, 3, 4);
  gst_buffer_add_video_region_of_interest_meta(buffer.get(), "car", 1, 2, 3, 4);
  ObjectsRecord record{.frame_width = 100, .frame_height = 100, .objects = {}};
  sam2::Object object = Tracked(1, {10, 10, 20, 20});
  record.objects.push_back(MakeRecord(object, "dog"));
  object = Tracked(2, {30, 30, 40, 40});
  record.objects.push_back(MakeRecord(object, ""));
  WriteObjects(buffer.get(), std::move(record));
  auto detections = ReadDetections(buffer.get());
  ASSERT_EQ(detections.size(), 1U);
  EXPECT_EQ(detections[0].label, "car");
  EXPECT_EQ(detections[0].box.x1, 4);

  // Conversions drop the params of regions.
  for (GstVideoRegionOfInterestMeta* roi : SortRois(buffer.get()).own) {
    g_list_free_full(std::exchange(roi->params, nullptr),
                     reinterpret_cast<GDestroyNotify>(gst_structure_free));
  }
  EXPECT_EQ(ReadDetections(buffer.get()).size(), 1U);
}

}  // namespace
}  // namespace gstsam2
