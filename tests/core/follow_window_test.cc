// SPDX-License-Identifier: Apache-2.0
//
// Where an object is looked for on the next frame, by where it was seen.
#include "predictor/follow_window.h"

#include <gtest/gtest.h>

namespace sam2 {
namespace {

constexpr int kWidth = 1000, kHeight = 600;
constexpr float kFactor = 2.5F;
constexpr Window kWhole{0, 0, kWidth, kHeight};

Box Square(float x, float y, float side) {
  return {x - side / 2, y - side / 2, x + side / 2, y + side / 2};
}

class FollowWindowTest : public ::testing::Test {
 protected:
  Window Next(float factor = kFactor) const { return window_.Next(factor, kWidth, kHeight); }
  // Looks there, and sees the object or does not.
  Window Look(const std::optional<Box>& box, bool anew = false) {
    const Window window = Next();
    window_.Update(window, box, anew, kWidth, kHeight);
    return window;
  }

  FollowWindow window_;
};

TEST_F(FollowWindowTest, WithoutAFactorOrBeforeItIsSeenItIsTheWholeFrame) {
  EXPECT_EQ(Next(), kWhole);
  Look(std::nullopt);
  EXPECT_EQ(Next(), kWhole);
  Look(Square(500, 300, 40));
  EXPECT_EQ(Next(0), kWhole);
}

TEST_F(FollowWindowTest, ItIsASquareAroundTheObject) {
  Look(Square(500, 300, 80));
  EXPECT_EQ(Next(), WindowAround(Square(500, 300, 80), kFactor, kWidth, kHeight));
  EXPECT_EQ(Next(), (Window{400, 200, 200, 200}));
  EXPECT_EQ(Next(4).width, 320);
}

TEST_F(FollowWindowTest, ItIsNotMovedForLittle) {
  Look(Square(500, 300, 80));
  const Window first = Next();
  for (const float x : {502.0F, 506.0F, 510.0F, 512.0F}) {
    EXPECT_EQ(Look(Square(x, 300, 80)), first);
  }
  EXPECT_EQ(Look(Square(514, 300, 80)), first);
  EXPECT_EQ(Next(), WindowAround(Square(514, 300, 80), kFactor, kWidth, kHeight));
}

TEST_F(FollowWindowTest, AtTheFramesEdgeItStays) {
  Look(Square(60, 300, 80));
  const Window first = Next();
  EXPECT_EQ(first.x, 0);
  Look(Square(40, 300, 80));
  EXPECT_EQ(Next(), first);
}

TEST_F(FollowWindowTest, OnePoorMaskDoesNotTakeItAway) {
  Look(Square(500, 300, 80));
  Look(Square(480, 280, 10));
  const Window after = Next();
  EXPECT_GE(after.width, 160);
  EXPECT_TRUE(after.Contains(Square(500, 300, 80)));
}

TEST_F(FollowWindowTest, ASizeThatLastsIsTakenOver) {
  Look(Square(500, 300, 80));
  for (int i = 0; i < 20; ++i) Look(Square(500, 300, 40));
  EXPECT_LE(Next().width, 130);
  EXPECT_GE(Next().width, 100);
}

TEST_F(FollowWindowTest, WhatAUserSaysIsTakenOverAtOnce) {
  Look(Square(500, 300, 80));
  Look(Square(500, 300, 40), /*anew=*/true);
  EXPECT_EQ(Next().width, 100);
}

TEST_F(FollowWindowTest, ItGrowsWhileTheObjectIsNotSeenAndShrinksWhenItIs) {
  Look(Square(500, 300, 80));
  int side = Next().width;
  for (int i = 0; i < 5; ++i) {
    Look(std::nullopt);
    EXPECT_GT(Next().width, side);
    side = Next().width;
  }
  for (int i = 0; i < 100000; ++i) Look(std::nullopt);
  EXPECT_EQ(Next(), kWhole);
  Look(Square(200, 200, 80));
  EXPECT_EQ(Next(), WindowAround(Square(200, 200, 80), kFactor, kWidth, kHeight));
}

TEST_F(FollowWindowTest, OfALargeObjectItIsTheWholeFrame) {
  EXPECT_EQ(FollowWindow::Around(Square(500, 300, 160), kFactor, kWidth, kHeight), kWhole);
  EXPECT_EQ(FollowWindow::Around(Square(500, 300, 152), kFactor, kWidth, kHeight),
            (Window{310, 110, 380, 380}));
  EXPECT_EQ(FollowWindow::Around(Square(500, 300, 80), 0, kWidth, kHeight), kWhole);
  Look(Square(500, 300, 160));
  EXPECT_EQ(Next(), kWhole);
}

TEST_F(FollowWindowTest, AtThatSizeItDoesNotGoToAndFro) {
  Look(Square(500, 300, 160));
  Look(Square(500, 300, 152), /*anew=*/true);
  EXPECT_EQ(Next(), kWhole);
  Look(Square(500, 300, 130), /*anew=*/true);
  EXPECT_EQ(Next().width, 326);
  Look(Square(500, 300, 152), /*anew=*/true);
  EXPECT_EQ(Next().width, 326);
}

TEST_F(FollowWindowTest, ItGoesWithTheFramesSize) {
  Look(Square(500, 300, 80));
  EXPECT_EQ(window_.Next(kFactor, 2 * kWidth, 2 * kHeight), (Window{800, 400, 400, 400}));
  const Window half = window_.Next(kFactor, kWidth / 2, kHeight / 2);
  EXPECT_TRUE(half.Contains(Square(250, 150, 40)));
  EXPECT_LE(half.x + half.width, kWidth / 2);
  EXPECT_LE(half.y + half.height, kHeight / 2);
  const std::optional<Box> seen = window_.Seen(2 * kWidth, 2 * kHeight);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->x0, 920);
  EXPECT_EQ(seen->y1, 680);
}

TEST_F(FollowWindowTest, AWindowOfTheWholeFrameStaysThatAtAnotherSize) {
  Look(Square(500, 300, 160));
  Look(Square(500, 300, 152), /*anew=*/true);
  EXPECT_EQ(window_.Next(kFactor, 2 * kWidth, 2 * kHeight),
            (Window{0, 0, 2 * kWidth, 2 * kHeight}));
}

TEST_F(FollowWindowTest, WhatIsNotSeenIsNowhere) {
  EXPECT_FALSE(window_.Seen(kWidth, kHeight));
  Look(Square(500, 300, 80));
  EXPECT_TRUE(window_.Seen(kWidth, kHeight));
  Look(std::nullopt);
  EXPECT_FALSE(window_.Seen(kWidth, kHeight));
}

TEST_F(FollowWindowTest, APromptThatFindsNothingForgetsWhereItWas) {
  Look(Square(500, 300, 80));
  Look(std::nullopt, /*anew=*/true);
  EXPECT_EQ(Next(), kWhole);
  EXPECT_TRUE(window_.MayBe(Square(500, 300, 400), kWhole, kWidth, kHeight));
}

class MayBe : public FollowWindowTest {
 protected:
  bool Is(float side, const Window& window) const {
    return window_.MayBe(Square(500, 300, side), window, kWidth, kHeight);
  }
};

TEST_F(MayBe, InWindowsOfOneScaleAnySizeIsBelieved) {
  EXPECT_TRUE(Is(10, kWhole));
  Look(Square(500, 300, 80), /*anew=*/true);
  Look(Square(500, 300, 80));  // in a window of 200
  for (const float side : {8.0F, 80.0F, 290.0F}) EXPECT_TRUE(Is(side, {300, 150, 300, 300}));
}

TEST_F(MayBe, InAMuchLargerOneOnlyItsOwnSizeIs) {
  Look(Square(500, 300, 80));
  Look(Square(500, 300, 80));
  for (const float side : {41.0F, 80.0F, 159.0F}) EXPECT_TRUE(Is(side, kWhole)) << side;
  for (const float side : {39.0F, 161.0F, 500.0F}) EXPECT_FALSE(Is(side, kWhole)) << side;
}

TEST_F(MayBe, TheLongerItWasAwayTheMoreItMayHaveChanged) {
  Look(Square(500, 300, 80));
  Look(Square(500, 300, 80));
  for (int i = 0; i < 40; ++i) Look(std::nullopt);
  EXPECT_TRUE(Is(300, kWhole));
  EXPECT_FALSE(Is(400, kWhole));
}

TEST_F(MayBe, WhatIsFollowedInTheWholeFrameIsAsBefore) {
  Look(Square(500, 300, 300));
  Look(Square(500, 300, 300));
  EXPECT_TRUE(Is(60, kWhole));
  EXPECT_TRUE(window_.MayBe(Square(500, 300, 100), {0, 0, 3 * kWidth, 3 * kHeight}, 3 * kWidth,
                            3 * kHeight));
}

TEST_F(MayBe, ItGoesWithTheFramesSize) {
  Look(Square(500, 300, 80));
  Look(Square(500, 300, 80));
  const Window window{900, 450, 600, 600};  // three times as large a frame
  EXPECT_TRUE(window_.MayBe(Square(1500, 900, 240), window, 3 * kWidth, 3 * kHeight));
  const Window whole{0, 0, 3 * kWidth, 3 * kHeight};
  EXPECT_TRUE(window_.MayBe(Square(1500, 900, 240), whole, 3 * kWidth, 3 * kHeight));
  EXPECT_FALSE(window_.MayBe(Square(1500, 900, 800), whole, 3 * kWidth, 3 * kHeight));
}

}  // namespace
}  // namespace sam2
