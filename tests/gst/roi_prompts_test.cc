// SPDX-License-Identifier: Apache-2.0
#include "roi_prompts.h"

#include <gtest/gtest.h>

#include "support.h"

namespace gstsam2 {
namespace {

constexpr int kWidth = 200, kHeight = 100;
constexpr float kMatchIou = 0.3F;

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

std::vector<PromptRequest> PromptsOf(RoiPrompter& prompter, std::vector<Detection> detections) {
  return prompter.Prompts(detections, kWidth, kHeight);
}

TEST(Iou, IsSharedOverJoint) {
  EXPECT_FLOAT_EQ(Iou({0, 0, 10, 10}, {0, 0, 10, 10}), 1);
  EXPECT_FLOAT_EQ(Iou({0, 0, 10, 10}, {5, 0, 15, 10}), 1.F / 3);
  EXPECT_FLOAT_EQ(Iou({0, 0, 10, 10}, {10, 0, 20, 10}), 0);
  EXPECT_FLOAT_EQ(Iou({0, 0, 0, 0}, {0, 0, 0, 0}), 0);
}

TEST(RoiPrompter, StartsWhatMatchesNothing) {
  RoiPrompter prompter(PromptPolicy::kNew, kMatchIou);
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
  RoiPrompter prompter(PromptPolicy::kNew, kMatchIou);
  const std::vector<sam2::Object> objects = {Tracked(1, {0, 0, 50, 50})};
  prompter.Update(objects, kWidth, kHeight);
  // Both overlap the one object; the better one matches, the other is new.
  const auto prompts = PromptsOf(prompter, {{{20, 0, 70, 50}, "b"}, {{2, 0, 52, 50}, "a"}});
  ASSERT_EQ(prompts.size(), 1U);
  EXPECT_EQ(prompts[0].label, "b");
}

TEST(RoiPrompter, FollowsAnotherFrameSize) {
  RoiPrompter prompter(PromptPolicy::kNew, kMatchIou);
  const std::vector<sam2::Object> objects = {Tracked(1, {0, 0, 50, 50})};
  prompter.Update(objects, kWidth, kHeight);
  const std::vector<Detection> detections = {{{0, 0, 100, 100}, "car"}};
  EXPECT_TRUE(prompter.Prompts(detections, 2 * kWidth, 2 * kHeight).empty());
}

TEST(RoiPrompter, KeepsOccludedObjectsButNotLostOnes) {
  RoiPrompter prompter(PromptPolicy::kNew, kMatchIou);
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
  RoiPrompter prompter(PromptPolicy::kFirst, kMatchIou);
  EXPECT_TRUE(PromptsOf(prompter, {}).empty());
  EXPECT_EQ(PromptsOf(prompter, {{{0, 0, 50, 50}, "car"}}).size(), 1U);
  EXPECT_TRUE(PromptsOf(prompter, {{{100, 0, 150, 50}, "dog"}}).empty());
}

TEST(RoiPrompter, AlwaysRefinesWhereDetectionAndObjectDisagree) {
  RoiPrompter prompter(PromptPolicy::kAlways, kMatchIou);
  const std::vector<sam2::Object> objects = {Tracked(4, {0, 0, 50, 50})};
  prompter.Update(objects, kWidth, kHeight);
  EXPECT_TRUE(PromptsOf(prompter, {{{1, 0, 51, 50}, "car"}}).empty());  // agrees
  const auto prompts = PromptsOf(prompter, {{{20, 0, 70, 50}, "car"}});
  ASSERT_EQ(prompts.size(), 1U);
  EXPECT_EQ(prompts[0].prompt.id, 4);
  EXPECT_EQ(prompts[0].prompt.action, sam2::PromptAction::kRefine);
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
