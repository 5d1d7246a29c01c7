// SPDX-License-Identifier: Apache-2.0
#include "predictor/cut_detector.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace sam2 {
namespace {

using at::Tensor;

// A scene larger than a frame, smooth at the scale of thumbnails.
Tensor World(int seed) {
  at::manual_seed(seed);
  return at::upsample_bicubic2d(at::randn({1, 3, 24, 24}), {512, 512}, false);
}

// The frame of 256 x 256 that begins at (x, y).
Tensor View(const Tensor& world, int64_t x, int64_t y) {
  return CutDetector::Thumbnail(world.slice(2, y, y + 256).slice(3, x, x + 256));
}

TEST(CutDetector, FirstFrameIsNoCut) {
  CutDetector cuts;
  EXPECT_FALSE(cuts.See(View(World(1), 0, 0)));
}

TEST(CutDetector, AnotherSceneIsACutEachWay) {
  CutDetector cuts;
  const Tensor a = View(World(1), 40, 40), b = View(World(2), 40, 40);
  cuts.See(a);
  EXPECT_FALSE(cuts.See(a));
  EXPECT_TRUE(cuts.See(b));
  EXPECT_FALSE(cuts.See(b));
  EXPECT_TRUE(cuts.See(a));
}

TEST(CutDetector, BlackPictureIsACut) {
  CutDetector cuts;
  const Tensor scene = View(World(1), 0, 0), black = at::full_like(scene, -2.0);
  cuts.See(scene);
  EXPECT_TRUE(cuts.See(black));
  EXPECT_FALSE(cuts.See(black));
  EXPECT_FALSE(cuts.See(black + 0.005 * at::randn_like(black)));  // noise
  EXPECT_TRUE(cuts.See(scene));
}

TEST(CutDetector, WhatAMissedFrameHidIsNotTold) {
  CutDetector cuts;
  const Tensor a = View(World(1), 40, 40), b = View(World(2), 40, 40);
  cuts.See(a);
  cuts.MissFrame();
  EXPECT_FALSE(cuts.See(b));
  EXPECT_TRUE(cuts.See(a));
}

TEST(CutDetector, PanIsNoCut) {
  CutDetector cuts;
  const Tensor world = World(3);
  for (int64_t x = 0; x <= 240; x += 24) EXPECT_FALSE(cuts.See(View(world, x, x / 2))) << x;
}

TEST(CutDetector, LightAndNoiseAreNoCut) {
  CutDetector cuts;
  const Tensor scene = View(World(4), 0, 0);
  cuts.See(scene);
  EXPECT_FALSE(cuts.See(scene * 1.5 + 0.4));
  EXPECT_FALSE(cuts.See(scene * 0.8 - 0.3 + 0.2 * at::randn_like(scene)));
}

TEST(CutDetector, LargeObjectPassingIsNoCut) {
  CutDetector cuts;
  const Tensor world = World(5);
  for (int x = -100; x < 256; x += 20) {
    Tensor frame = world.slice(2, 0, 256).slice(3, 0, 256).clone();
    frame.slice(3, std::max(x, 0), std::min(x + 100, 256)).fill_(1.5);
    EXPECT_FALSE(cuts.See(CutDetector::Thumbnail(frame))) << x;
  }
}

}  // namespace
}  // namespace sam2
