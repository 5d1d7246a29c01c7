// SPDX-License-Identifier: Apache-2.0
#include "predictor/prompt_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace sam2 {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

Prompt BoxPrompt(int id, PromptAction action = PromptAction::kAdd) {
  Prompt prompt;
  prompt.id = id;
  prompt.action = action;
  prompt.box = Box{10, 10, 50, 40};
  return prompt;
}

Prompt Click(int id) {
  Prompt prompt;
  prompt.id = id;
  prompt.action = PromptAction::kRefine;
  prompt.points = {{.x = 20, .y = 20, .positive = true}};
  return prompt;
}

Prompt Remove(int id) {
  Prompt prompt;
  prompt.id = id;
  prompt.action = PromptAction::kRemove;
  return prompt;
}

PromptOutcome Add(PromptPlan& plan, const Prompt& prompt) { return plan.Add(prompt, 320, 180); }

TEST(PromptPlan, GivesTheNextId) {
  PromptPlan plan({}, 10, 5);
  EXPECT_EQ(Add(plan, BoxPrompt(0)).id, 5);
  EXPECT_EQ(Add(plan, BoxPrompt(9)).id, 9);
  EXPECT_EQ(Add(plan, BoxPrompt(0)).id, 10);
  EXPECT_EQ(plan.next_id(), 11);
}

TEST(PromptPlan, ThereIsRoomForChosenIdsAboveTheLargest) {
  PromptPlan plan({}, 10, 1);
  EXPECT_EQ(Add(plan, BoxPrompt(kMaxObjectId)).id, kMaxObjectId);
  EXPECT_EQ(Add(plan, BoxPrompt(0)).id, kMaxObjectId + 1);
  EXPECT_THAT(Add(plan, Click(kMaxObjectId + 1)).error, IsEmpty());
  EXPECT_EQ(plan.next_id(), kMaxObjectId + 2);
}

TEST(PromptPlan, SecondPromptRefinesTheFirst) {
  PromptPlan plan({}, 10, 1);
  Add(plan, BoxPrompt(1));
  EXPECT_THAT(Add(plan, BoxPrompt(1, PromptAction::kRefine)).error, IsEmpty());
  EXPECT_EQ(plan.pending().at(1).action, PromptAction::kAdd);
  EXPECT_EQ(plan.pending().at(1).prompts.size(), 2u);
}

TEST(PromptPlan, ReplaceForgetsWhatWasAskedBefore) {
  PromptPlan plan({{.id = 1}}, 10, 2);
  Add(plan, BoxPrompt(1, PromptAction::kRefine));
  Add(plan, BoxPrompt(1, PromptAction::kReplace));
  EXPECT_EQ(plan.pending().at(1).action, PromptAction::kReplace);
  EXPECT_EQ(plan.pending().at(1).prompts.size(), 1u);
}

TEST(PromptPlan, ABoxIsAnsweredFromScratch) {
  PromptPlan plan({{.id = 1}}, 10, 2);
  Add(plan, Click(1));
  EXPECT_FALSE(plan.pending().at(1).FromScratch());
  Add(plan, BoxPrompt(1, PromptAction::kRefine));
  EXPECT_TRUE(plan.pending().at(1).FromScratch());
  Add(plan, Click(1));
  EXPECT_TRUE(plan.pending().at(1).FromScratch());
  Add(plan, BoxPrompt(2));
  EXPECT_TRUE(plan.pending().at(2).FromScratch());
}

TEST(PromptPlan, AMaskTakesTheBoxsPlace) {
  PromptPlan plan({{.id = 1}}, 10, 2);
  Add(plan, BoxPrompt(1, PromptAction::kRefine));
  Prompt mask = Remove(1);
  mask.action = PromptAction::kRefine;
  mask.mask = Mask{.x = 10, .y = 10, .width = 2, .height = 2, .pixels = {255, 255, 255, 255}};
  EXPECT_THAT(Add(plan, mask).error, IsEmpty());
  EXPECT_FALSE(plan.pending().at(1).FromScratch());
}

TEST(PromptPlan, RemovedAndAddedAgainBeginsAnew) {
  PromptPlan plan({{.id = 1}}, 10, 2);
  Add(plan, Remove(1));
  EXPECT_TRUE(plan.Removes(1));
  Add(plan, BoxPrompt(1));
  EXPECT_FALSE(plan.Removes(1));
  EXPECT_EQ(plan.pending().at(1).action, PromptAction::kReplace);
}

TEST(PromptPlan, AddedAndRemovedOnOneFrameIsNothing) {
  PromptPlan plan({}, 1, 1);
  Add(plan, BoxPrompt(1));
  Add(plan, Remove(1));
  EXPECT_THAT(plan.pending(), IsEmpty());
  EXPECT_FALSE(plan.Removes(1));
  EXPECT_THAT(Add(plan, Remove(1)).error, HasSubstr("does not exist"));
  EXPECT_THAT(Add(plan, BoxPrompt(0)).error, IsEmpty());
}

TEST(PromptPlan, RefusesWhatDoesNotFit) {
  PromptPlan plan({{.id = 1}}, 10, 2);
  EXPECT_THAT(Add(plan, BoxPrompt(1)).error, HasSubstr("object 1 exists already"));
  EXPECT_THAT(Add(plan, BoxPrompt(-1)).error, HasSubstr("id -1 is not allowed"));
  EXPECT_THAT(Add(plan, BoxPrompt(std::numeric_limits<int>::max())).error,
              HasSubstr("ids end at 1000000000"));
  EXPECT_THAT(Add(plan, BoxPrompt(4, PromptAction::kRefine)).error, HasSubstr("does not exist"));
  Prompt outside = BoxPrompt(0);
  outside.box = Box{400, 10, 410, 20};
  EXPECT_THAT(Add(plan, outside).error, HasSubstr("outside"));
  EXPECT_THAT(plan.pending(), IsEmpty());
  EXPECT_EQ(plan.next_id(), 2);
}

TEST(PromptPlan, FullWithoutLostObjectsRefuses) {
  PromptPlan plan({{.id = 1}, {.id = 2}}, 2, 3);
  EXPECT_EQ(Add(plan, BoxPrompt(0)).error,
            "there are 2 objects already, as many as are allowed");
  Add(plan, Remove(2));
  EXPECT_THAT(Add(plan, BoxPrompt(0)).error, IsEmpty());
}

TEST(PromptPlan, LongestLostGivesWay) {
  PromptPlan plan({{.id = 1, .lost = true, .last_seen_ns = 50},
                   {.id = 2},
                   {.id = 3, .lost = true, .last_seen_ns = 20}},
                  3, 4);
  EXPECT_THAT(Add(plan, BoxPrompt(0)).error, IsEmpty());
  EXPECT_TRUE(plan.Removes(3));
  EXPECT_FALSE(plan.Removes(1));
  EXPECT_THAT(Add(plan, BoxPrompt(0)).error, IsEmpty());
  EXPECT_TRUE(plan.Removes(1));
  EXPECT_THAT(Add(plan, BoxPrompt(0)).error, HasSubstr("3 objects already"));
  EXPECT_FALSE(plan.Removes(2));
}

TEST(PromptPlan, LostObjectThatIsPromptedStays) {
  PromptPlan plan({{.id = 1, .lost = true}}, 1, 2);
  Add(plan, BoxPrompt(1, PromptAction::kRefine));
  EXPECT_THAT(Add(plan, BoxPrompt(0)).error, HasSubstr("1 objects already"));
}

TEST(PromptPlan, RefusedPromptTakesNobodysPlace) {
  PromptPlan plan({{.id = 1, .lost = true}}, 1, 2);
  Prompt empty = BoxPrompt(0);
  empty.box = Box{10, 10, 10, 10};
  EXPECT_THAT(Add(plan, empty).error, HasSubstr("is empty"));
  EXPECT_FALSE(plan.Removes(1));
}

}  // namespace
}  // namespace sam2
