// SPDX-License-Identifier: Apache-2.0
#include "predictor/confidence.h"

#include <gtest/gtest.h>

namespace sam2 {
namespace {

Confidence Usual(float logit, float iou) {
  Confidence confidence;
  for (int i = 0; i < 10; ++i) confidence.Update({.logit = logit, .iou = iou});
  return confidence;
}

TEST(Confidence, NothingIsDemandedBeforeAnythingIsKnown) {
  const Confidence confidence;
  EXPECT_TRUE(confidence.IsFound({.logit = 0.1F, .iou = 0.05F}));
  EXPECT_FALSE(confidence.IsFound({.logit = -0.1F, .iou = 0.9F}));
  EXPECT_FALSE(confidence.IsFoundAfterCut({.logit = 1, .iou = 0.9F}));  // but across a cut
}

TEST(Confidence, WhatIsUsualIsEnough) {
  for (const float iou : {0.3F, 0.9F}) {
    const Confidence confidence = Usual(3, iou);
    const Sight sight{.logit = 3, .iou = iou};
    EXPECT_TRUE(confidence.IsStillThere(sight));
    EXPECT_TRUE(confidence.IsFoundAfterCut(sight));
    EXPECT_TRUE(confidence.IsWorthRemembering(sight));
  }
}

TEST(Confidence, RemnantsAreNotTheObject) {
  const Confidence confidence = Usual(5, 0.75F);
  EXPECT_FALSE(confidence.IsStillThere({.logit = 0.4F, .iou = 0.7F}));
  EXPECT_FALSE(confidence.IsStillThere({.logit = 5, .iou = 0.1F}));
}

TEST(Confidence, DemandsGrowFromFollowingToRememberingToCuts) {
  const Confidence confidence = Usual(4, 0.8F);
  const Sight poor{.logit = 2, .iou = 0.42F}, fair{.logit = 2.8F, .iou = 0.6F};
  EXPECT_TRUE(confidence.IsStillThere(poor));
  EXPECT_FALSE(confidence.IsFound(poor));
  EXPECT_FALSE(confidence.IsWorthRemembering(poor));
  EXPECT_TRUE(confidence.IsFound(fair));
  EXPECT_TRUE(confidence.IsWorthRemembering(fair));
  EXPECT_FALSE(confidence.IsFoundAfterCut(fair));
}

TEST(Confidence, WhatJumpsIsNotRemembered) {
  const Confidence confidence = Usual(4, 0.8F);
  const Sight jumped{.logit = 4, .iou = 0.8F, .agreement = 0.1F, .weight = 1};
  EXPECT_FALSE(confidence.IsOnPath(jumped));
  EXPECT_FALSE(confidence.IsWorthRemembering(jumped));
  Sight unknown = jumped;
  unknown.weight = 0;  // nothing is known of its motion
  EXPECT_TRUE(confidence.IsWorthRemembering(unknown));
}

TEST(Confidence, AnchorsNeedARivalAndCertainty) {
  const Confidence confidence = Usual(4, 0.8F);
  const Sight good{.logit = 4, .iou = 0.8F, .agreement = 0.9F, .weight = 1, .rival = 0.5F};
  EXPECT_TRUE(confidence.IsAnchor(good));
  Sight alone = good, unsure = good, moved = good;
  alone.rival = 0.05F;
  unsure.iou = 0.6F;
  moved.agreement = 0.5F;
  EXPECT_FALSE(confidence.IsAnchor(alone));
  EXPECT_FALSE(confidence.IsAnchor(unsure));
  EXPECT_FALSE(confidence.IsAnchor(moved));
}

TEST(Confidence, GetsUsedToAChangeForGood) {
  Confidence confidence = Usual(4, 0.9F);
  const Sight changed{.logit = 4, .iou = 0.5F};
  EXPECT_FALSE(confidence.IsWorthRemembering(changed));
  for (int i = 0; i < 50; ++i) confidence.Update(changed);
  EXPECT_TRUE(confidence.IsWorthRemembering(changed));
}

}  // namespace
}  // namespace sam2
