// SPDX-License-Identifier: Apache-2.0
#include "predictor/motion_prior.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace sam2 {
namespace {

constexpr int64_t kSide = 64;

// Logits that are positive in a square of 16 pixels with its corner at (x, y).
Tensor Square(int64_t x, int64_t y, int64_t size = 16) {
  Tensor mask = at::full({kSide, kSide}, -5.0);
  mask.slice(0, y, y + size).slice(1, x, x + size).fill_(5);
  return mask;
}

Tensor Speck() {
  Tensor mask = Square(8, 8);
  mask.slice(0, 60, 62).slice(1, 60, 62).fill_(5);
  return mask;
}

// One object that is expected in the square at (x, y).
MotionPrior Expect(float x, float y, float weight = 1) {
  const float side = kSide;
  return {.boxes = at::tensor({x / side, y / side, (x + 16) / side, (y + 16) / side}).view({1, 4}),
          .areas = at::full({1}, 16 * 16 / (side * side)), .weight = at::full({1}, weight)};
}

// The decoder's answer for one object: a single mask and three, with their IoUs.
DecoderOutput Answer(const Tensor& a, const Tensor& b, const Tensor& c,
                     std::array<float, 3> ious) {
  return {.masks = at::stack({a, a, b, c}).unsqueeze(0),
          .ious = at::tensor({0.99f, ious[0], ious[1], ious[2]}).unsqueeze(0), .mask_tokens = {},
          .object_score_logits = {}};
}

float AgreementOf(const Tensor& mask, const MotionPrior& prior) {
  return Agreement(mask.view({1, 1, kSide, kSide}), prior).item<float>();
}

TEST(MotionPrior, AgreementIsTheOverlap) {
  EXPECT_NEAR(AgreementOf(Square(8, 8), Expect(8, 8)), 1, 1e-5);
  EXPECT_NEAR(AgreementOf(Square(8, 8), Expect(16, 8)), 1.0 / 3, 1e-5);
  EXPECT_NEAR(AgreementOf(Square(8, 8), Expect(12.5, 8)), (16 - 4.5) / (16 + 4.5), 1e-4);
  EXPECT_EQ(AgreementOf(Square(8, 8), Expect(40, 40)), 0);
}

TEST(MotionPrior, AgreementOfWrongSizesFalls) {
  EXPECT_NEAR(AgreementOf(Square(8, 8, 8), Expect(8, 8)), 0.25, 1e-5);
  EXPECT_NEAR(AgreementOf(Square(0, 0, 32), Expect(8, 8)), 0.25, 1e-5);
}

TEST(MotionPrior, SpeckHardlyMatters) {
  EXPECT_GT(AgreementOf(Speck(), Expect(8, 8)), 0.95);
}

TEST(MotionPrior, EmptyMaskAndBoxesOutside) {
  EXPECT_EQ(AgreementOf(at::full({kSide, kSide}, -1.0), Expect(8, 8)), 0);
  EXPECT_EQ(AgreementOf(Square(8, 8), Expect(-300, 900)), 0);
}

TEST(MotionPrior, MotionDecidesBetweenEquals) {
  const DecoderOutput answer = Answer(Square(40, 40), Square(8, 8), Square(0, 40), {.8, .75, .7});
  EXPECT_EQ(BestMaskWithMotion(answer, Expect(8, 8)).item<int64_t>(), 2);
  EXPECT_EQ(BestMaskWithMotion(answer, Expect(40, 40)).item<int64_t>(), 1);
  EXPECT_EQ(BestMaskWithMotion(answer, Expect(8, 8, 0)).item<int64_t>(), 1);
}

TEST(MotionPrior, ClearlyBetterMaskWinsAnywhere) {
  const DecoderOutput answer = Answer(Square(40, 40), Square(8, 8), Square(0, 40), {.9, .5, .4});
  EXPECT_EQ(BestMaskWithMotion(answer, Expect(8, 8)).item<int64_t>(), 1);
}

TEST(MotionPrior, ObjectsDoNotMixInABatch) {
  const DecoderOutput one = Answer(Square(40, 40), Square(8, 8), Square(0, 40), {.8, .75, .7});
  const DecoderOutput two{.masks = at::cat({one.masks, one.masks}),
                          .ious = at::cat({one.ious, one.ious}), .mask_tokens = {},
                          .object_score_logits = {}};
  const MotionPrior a = Expect(8, 8), b = Expect(40, 40);
  const MotionPrior both{.boxes = at::cat({a.boxes, b.boxes}),
                         .areas = at::cat({a.areas, b.areas}),
                         .weight = at::cat({a.weight, b.weight})};
  EXPECT_TRUE(at::equal(BestMaskWithMotion(two, both), at::tensor({2, 1}, at::kLong)));
}

TEST(MotionPrior, RivalIsWhatLiesAway) {
  const Tensor choice = at::tensor({1}, at::kLong);
  const auto rival = [&](const Tensor& other) {
    return RivalShare(Answer(Square(8, 8), other, Square(8, 8), {.8, .7, .7}), choice)
        .item<float>();
  };
  EXPECT_EQ(rival(Square(8, 8)), 0);
  EXPECT_EQ(rival(Square(10, 10, 8)), 0);  // a part of it
  EXPECT_NEAR(rival(Square(40, 40)), 1, 1e-5);
  EXPECT_NEAR(rival(Square(40, 40, 8)), 0.25, 1e-5);
}

TEST(MotionPrior, RivalOfNothingIsFinite) {
  const Tensor none = at::full({kSide, kSide}, -1.0);
  const DecoderOutput answer = Answer(none, none, Square(40, 40), {.8, .7, .7});
  EXPECT_TRUE(std::isfinite(RivalShare(answer, at::tensor({1}, at::kLong)).item<float>()));
}

}  // namespace
}  // namespace sam2
