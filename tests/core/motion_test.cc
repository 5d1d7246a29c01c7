// SPDX-License-Identifier: Apache-2.0
#include "predictor/motion.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace sam2 {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

Box BoxAt(double x, double y, double width = 0.2, double height = 0.1) {
  return {static_cast<float>(x - width / 2), static_cast<float>(y - height / 2),
          static_cast<float>(x + width / 2), static_cast<float>(y + height / 2)};
}

void ExpectNear(const Box& found, const Box& wanted) {
  EXPECT_NEAR(found.x0, wanted.x0, 1e-5);
  EXPECT_NEAR(found.y0, wanted.y0, 1e-5);
  EXPECT_NEAR(found.x1, wanted.x1, 1e-5);
  EXPECT_NEAR(found.y1, wanted.y1, 1e-5);
}

double CentreX(const Box& box) { return (box.x0 + box.x1) / 2.0; }
double Width(const Box& box) { return box.x1 - box.x0; }

// A box at 0.3 of the frame's width a second, seen at these times.
BoxMotion MovingAt(const std::vector<double>& seconds, double noise = 0) {
  std::mt19937 random(7);
  std::normal_distribution<double> normal(0, noise);
  BoxMotion motion;
  for (const double t : seconds) {
    const double x = 0.2 + 0.3 * t + (noise > 0 ? normal(random) : 0);
    motion.Update(BoxAt(x, 0.5), static_cast<std::int64_t>(t * kSecond));
  }
  return motion;
}

TEST(BoxMotion, StaysWhereItWasSeenOnce) {
  BoxMotion motion;
  motion.Update(BoxAt(0.4, 0.6), 5 * kSecond);
  ExpectNear(motion.At(6 * kSecond).box, BoxAt(0.4, 0.6));
}

TEST(BoxMotion, ExtrapolatesBySecondsWhateverTheFramesDistance) {
  const BoxMotion even = MovingAt({0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6});
  const BoxMotion uneven = MovingAt({0, 0.04, 0.08, 0.3, 0.32, 0.55, 0.6});
  for (const BoxMotion& motion : {even, uneven}) {
    EXPECT_NEAR(CentreX(motion.At(9 * kSecond / 10).box), 0.2 + 0.3 * 0.9, 0.01);
    EXPECT_NEAR(Width(motion.At(9 * kSecond / 10).box), 0.2, 0.005);
  }
}

TEST(BoxMotion, GrowsWithTheObject) {
  BoxMotion motion;
  for (int i = 0; i <= 10; ++i) {
    const double size = 0.1 * std::exp(0.05 * i);
    motion.Update(BoxAt(0.5, 0.5, size, size), i * kSecond / 10);
  }
  EXPECT_NEAR(Width(motion.At(kSecond + kSecond / 5).box), 0.1 * std::exp(0.05 * 12), 0.006);
}

TEST(BoxMotion, SmoothsNoise) {
  std::vector<double> times;
  for (int i = 0; i < 40; ++i) times.push_back(i * 0.04);
  const BoxMotion motion = MovingAt(times, 0.01);
  EXPECT_NEAR(CentreX(motion.At(static_cast<std::int64_t>(1.6 * kSecond)).box), 0.2 + 0.3 * 1.6,
              0.02);
}

TEST(BoxMotion, SpreadGrowsWithTimeAndShrinksWithSight) {
  const BoxMotion once = MovingAt({0}), often = MovingAt({0, 0.1, 0.2, 0.3, 0.4});
  EXPECT_LT(often.At(kSecond / 2).spread, once.At(kSecond / 10).spread);
  EXPECT_LT(often.At(kSecond / 2).spread, often.At(kSecond).spread);
}

TEST(BoxMotion, DoesNotRunAwayWhileUnseen) {
  const BoxMotion motion = MovingAt({0, 0.1, 0.2, 0.3});
  const double soon = CentreX(motion.At(3 * kSecond).box);
  EXPECT_EQ(soon, CentreX(motion.At(3000 * kSecond).box));
  EXPECT_LT(soon, 1);
}

TEST(BoxMotion, MovesWhatWasSeenByThePathAlone) {
  const BoxMotion motion = MovingAt({0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6});
  const Box seen = BoxAt(0.1, 0.2, 0.4, 0.4);  // not where the path is
  const Box moved = motion.Moved(seen, 6 * kSecond / 10, kSecond);
  EXPECT_NEAR(CentreX(moved), 0.1 + 0.3 * 0.4, 0.01);
  EXPECT_NEAR(Width(moved), 0.4, 0.01);
  ExpectNear(motion.Moved(seen, kSecond, kSecond), seen);
}

TEST(BoxMotion, TimeThatRunsBackwardsStartsAnew) {
  BoxMotion motion = MovingAt({1, 1.1, 1.2, 1.3});
  motion.Update(BoxAt(0.7, 0.5), kSecond / 2);
  EXPECT_EQ(motion.updates(), 1);
  EXPECT_NEAR(CentreX(motion.At(kSecond).box), 0.7, 1e-6);
}

TEST(BoxMotion, LongGapStartsAnew) {
  BoxMotion motion = MovingAt({0, 0.1, 0.2, 0.3});
  motion.Update(BoxAt(0.9, 0.5), 10 * kSecond);
  EXPECT_EQ(motion.updates(), 1);
  EXPECT_NEAR(CentreX(motion.At(10 * kSecond + kSecond / 2).box), 0.9, 1e-6);
}

TEST(BoxMotion, SameTimeTwiceIsNoSpeed) {
  BoxMotion motion;
  for (int i = 0; i < 5; ++i) motion.Update(BoxAt(0.5, 0.5), kSecond);
  EXPECT_NEAR(CentreX(motion.At(2 * kSecond).box), 0.5, 1e-6);
}

TEST(BoxMotion, EmptyBoxIsSurvived) {
  BoxMotion motion;
  for (int i = 0; i < 5; ++i) motion.Update({0.5F, 0.5F, 0.5F, 0.5F}, i * kSecond / 25);
  EXPECT_TRUE(std::isfinite(motion.At(kSecond).box.x0));
  EXPECT_TRUE(std::isfinite(motion.At(kSecond).spread));
}

// A mask of 4 x 2 pixels with one pixel set.
Mask OnePixel(int x, int y) {
  Mask mask{10, 20, 4, 2, std::vector<std::uint8_t>(8, 0)};
  mask.pixels[y * 4 + x] = 255;
  return mask;
}
constexpr Box kOld{10, 20, 14, 22};

TEST(MoveMask, WithoutMotionItIsTheSame) {
  const Mask moved = MoveMask(OnePixel(3, 1), kOld, kOld, 100, 100);
  EXPECT_EQ(moved.x, 10);
  EXPECT_EQ(moved.y, 20);
  EXPECT_EQ(moved.width, 4);
  EXPECT_EQ(moved.pixels, OnePixel(3, 1).pixels);
}

TEST(MoveMask, ShiftsAndScales) {
  const Mask moved = MoveMask(OnePixel(3, 1), kOld, {30, 40, 38, 44}, 100, 100);
  EXPECT_EQ(moved.x, 30);
  EXPECT_EQ(moved.y, 40);
  ASSERT_EQ(moved.width, 8);
  ASSERT_EQ(moved.height, 4);
  for (int y = 0; y < 4; ++y) {
    for (int x = 0; x < 8; ++x) EXPECT_EQ(moved.pixels[y * 8 + x] != 0, x >= 6 && y >= 2);
  }
}

TEST(MoveMask, IsCutAtTheEdge) {
  const Mask moved = MoveMask(OnePixel(0, 0), kOld, {-2, -1, 2, 1}, 100, 100);
  EXPECT_EQ(moved.x, 0);
  EXPECT_EQ(moved.width, 2);
  EXPECT_EQ(moved.height, 1);
  EXPECT_EQ(moved.pixels, std::vector<std::uint8_t>(2, 0));  // the set pixel is outside
  const Mask right = MoveMask(OnePixel(0, 0), kOld, {98, 20, 102, 22}, 100, 100);
  EXPECT_EQ(right.x + right.width, 100);
  EXPECT_EQ(right.pixels[0], 255);
}

TEST(MoveMask, NothingIsLeftOutside) {
  EXPECT_TRUE(MoveMask(OnePixel(0, 0), kOld, {-20, 20, -16, 22}, 100, 100).empty());
  EXPECT_TRUE(MoveMask(OnePixel(0, 0), kOld, {10, 100, 14, 102}, 100, 100).empty());
  EXPECT_TRUE(MoveMask(OnePixel(0, 0), kOld, {1e9F, 1e9F, 2e9F, 2e9F}, 100, 100).empty());
}

}  // namespace
}  // namespace sam2
