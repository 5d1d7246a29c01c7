// SPDX-License-Identifier: Apache-2.0
#include "predictor/prompt_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace sam2 {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kWidth = 640, kHeight = 360;
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

PromptOutcome Check(Prompt& prompt) {
  PromptOutcome outcome;
  CheckPrompt(prompt, kWidth, kHeight, outcome);
  return outcome;
}

PromptOutcome CheckBox(Box box) {
  Prompt prompt{.box = box};
  return Check(prompt);
}

Mask FullMask(int x, int y, int width, int height) {
  return {x, y, width, height, std::vector<std::uint8_t>(static_cast<size_t>(width) * height, 255)};
}

PromptOutcome CheckMask(const Mask& mask) {
  Prompt prompt{.mask = mask};
  return Check(prompt);
}

TEST(PromptCheck, BoxInsideStaysAsItIs) {
  Prompt prompt{.box = Box{1.5f, 2, 100, 200}};
  const PromptOutcome outcome = Check(prompt);
  EXPECT_THAT(outcome.error, IsEmpty());
  EXPECT_FALSE(outcome.clipped);
  EXPECT_EQ(prompt.box->x0, 1.5f);
  EXPECT_EQ(prompt.box->y1, 200);
}

TEST(PromptCheck, WholeFrameIsNotClipped) {
  const PromptOutcome outcome = CheckBox({0, 0, kWidth, kHeight});
  EXPECT_THAT(outcome.error, IsEmpty());
  EXPECT_FALSE(outcome.clipped);
}

TEST(PromptCheck, BoxOverTheEdgeIsCut) {
  Prompt prompt{.box = Box{-10, -20, 700, 400}};
  const PromptOutcome outcome = Check(prompt);
  EXPECT_THAT(outcome.error, IsEmpty());
  EXPECT_TRUE(outcome.clipped);
  EXPECT_EQ(prompt.box->x0, 0);
  EXPECT_EQ(prompt.box->y0, 0);
  EXPECT_EQ(prompt.box->x1, kWidth);
  EXPECT_EQ(prompt.box->y1, kHeight);
}

TEST(PromptCheck, PointOverTheEdgeIsCut) {
  Prompt prompt{.points = {{-5, 400, true}}};
  const PromptOutcome outcome = Check(prompt);
  EXPECT_THAT(outcome.error, IsEmpty());
  EXPECT_TRUE(outcome.clipped);
  EXPECT_EQ(prompt.points[0].x, 0);
  EXPECT_EQ(prompt.points[0].y, kHeight);
}

TEST(PromptCheck, BoxAndPointsMayComeTogether) {
  Prompt prompt{.box = Box{1, 1, 9, 9}, .points = {{5, 5, true}, {20, 20, false}}};
  EXPECT_THAT(Check(prompt).error, IsEmpty());
}

TEST(PromptCheck, RemovalNeedsNoRegion) {
  Prompt prompt{.id = 3, .action = PromptAction::kRemove};
  EXPECT_THAT(Check(prompt).error, IsEmpty());
}

TEST(PromptCheck, NothingAtAllIsRefused) {
  Prompt prompt;
  EXPECT_EQ(Check(prompt).error, "neither box nor points nor mask are given");
}

TEST(PromptCheck, EmptyBoxesAreRefusedByTheirNumbers) {
  EXPECT_EQ(CheckBox({10, 10, 10, 20}).error,
            "box 10,10,0,10 is empty: width and height must be greater than 0");
  EXPECT_THAT(CheckBox({10, 10, 20, 10}).error, HasSubstr("is empty"));
  EXPECT_THAT(CheckBox({20, 10, 10, 20}).error, HasSubstr("is empty"));
}

TEST(PromptCheck, BoxOutsideTheFrameIsRefused) {
  EXPECT_EQ(CheckBox({700, 10, 710, 20}).error, "box 700,10,10,10 lies outside the 640x360 frame");
  EXPECT_THAT(CheckBox({-20, 10, -10, 20}).error, HasSubstr("outside"));
  EXPECT_THAT(CheckBox({10, 360, 20, 370}).error, HasSubstr("outside"));
}

TEST(PromptCheck, NumbersThatAreNoneAreRefused) {
  EXPECT_THAT(CheckBox({kNan, 0, 5, 5}).error, HasSubstr("not a number"));
  EXPECT_THAT(CheckBox({0, 0, 5, kInf}).error, HasSubstr("not a number"));
  Prompt prompt{.points = {{1, 1, true}, {1, kNan, true}}};
  EXPECT_THAT(Check(prompt).error, HasSubstr("not a number"));
}

TEST(PromptCheck, OneBadPointRefusesTheWholePrompt) {
  Prompt prompt{.box = Box{0, 0, 5, 5}, .points = {{kInf, 0, false}}};
  EXPECT_THAT(Check(prompt).error, HasSubstr("not a number"));
}

TEST(PromptCheck, MaskInsideIsTaken) {
  EXPECT_THAT(CheckMask(FullMask(600, 350, 40, 10)).error, IsEmpty());
}

TEST(PromptCheck, MaskComesAlone) {
  Prompt with_box{.box = Box{0, 0, 5, 5}, .mask = FullMask(0, 0, 4, 4)};
  EXPECT_EQ(Check(with_box).error, "a mask comes alone, without box and points");
  Prompt with_point{.points = {{1, 1, true}}, .mask = FullMask(0, 0, 4, 4)};
  EXPECT_EQ(Check(with_point).error, "a mask comes alone, without box and points");
}

TEST(PromptCheck, MaskOverTheEdgeIsRefused) {
  EXPECT_THAT(CheckMask(FullMask(601, 350, 40, 10)).error, HasSubstr("over the edge"));
  EXPECT_THAT(CheckMask(FullMask(-1, 0, 4, 4)).error, HasSubstr("over the edge"));
  EXPECT_THAT(CheckMask(FullMask(std::numeric_limits<int>::max(), 0, 4, 4)).error,
              HasSubstr("over the edge"));
}

TEST(PromptCheck, MaskWithoutAPixelIsRefused) {
  Mask mask = FullMask(0, 0, 4, 4);
  mask.pixels.assign(16, 0);
  EXPECT_EQ(CheckMask(mask).error, "mask is empty");
}

TEST(PromptCheck, MaskOfTheWrongLengthIsRefused) {
  Mask mask = FullMask(0, 0, 4, 4);
  mask.pixels.pop_back();
  EXPECT_EQ(CheckMask(mask).error, "mask of 4x4 pixels holds 15 bytes");
  EXPECT_THAT(CheckMask({0, 0, -4, -4, {}}).error, HasSubstr("holds 0 bytes"));
  EXPECT_THAT(CheckMask(Mask{}).error, HasSubstr("holds 0 bytes"));
}

std::string IdError(int id, PromptAction action = PromptAction::kAdd) {
  Prompt prompt;
  prompt.id = id;
  prompt.action = action;
  return CheckId(prompt);
}

TEST(PromptCheck, IdsThatMayBeAskedFor) {
  for (const int id : {0, 1, kMaxObjectId}) EXPECT_THAT(IdError(id), IsEmpty()) << id;
  // What was chosen above them can be asked for again.
  EXPECT_THAT(IdError(kMaxObjectId + 1, PromptAction::kRefine), IsEmpty());
}

TEST(PromptCheck, OtherIdsAreRefusedByTheirNumbers) {
  EXPECT_EQ(IdError(-1), "id -1 is not allowed: ids start at 1");
  EXPECT_THAT(IdError(-7, PromptAction::kRemove), HasSubstr("id -7"));
  for (const int id : {kMaxObjectId + 1, std::numeric_limits<int>::max()}) {
    EXPECT_EQ(IdError(id), "id " + std::to_string(id) + " is not allowed: ids end at 1000000000");
  }
}

}  // namespace
}  // namespace sam2
