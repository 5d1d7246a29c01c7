// SPDX-License-Identifier: Apache-2.0
#include "mask_overlap.h"

#include <gtest/gtest.h>

namespace gstsam2 {
namespace {

sam2::Mask Full(int x, int y, int width, int height) {
  return {.x = x, .y = y, .width = width, .height = height,
          .pixels = std::vector<std::uint8_t>(static_cast<std::size_t>(width) * height, 255)};
}

TEST(Iou, OfBoxesIsSharedOverJoint) {
  EXPECT_FLOAT_EQ(Iou(sam2::Box{0, 0, 10, 10}, {0, 0, 10, 10}), 1);
  EXPECT_FLOAT_EQ(Iou(sam2::Box{0, 0, 10, 10}, {5, 0, 15, 10}), 1.F / 3);
  EXPECT_FLOAT_EQ(Iou(sam2::Box{0, 0, 10, 10}, {10, 0, 20, 10}), 0);
  EXPECT_FLOAT_EQ(Iou(sam2::Box{0, 0, 0, 0}, {0, 0, 0, 0}), 0);
  EXPECT_FLOAT_EQ(Iou(sam2::Box{10, 10, 0, 0}, {10, 10, 0, 0}), 0);
}

TEST(Iou, OfMasksCountsPixels) {
  EXPECT_FLOAT_EQ(Iou(Full(0, 0, 10, 10), Full(0, 0, 10, 10)), 1);
  EXPECT_FLOAT_EQ(Iou(Full(0, 0, 10, 10), Full(5, 0, 10, 10)), 1.F / 3);
  EXPECT_FLOAT_EQ(Iou(Full(0, 0, 10, 10), Full(10, 0, 10, 10)), 0);
  sam2::Mask left = Full(0, 0, 4, 1), right = left;
  left.pixels = {255, 255, 0, 0};
  right.pixels = {0, 0, 255, 255};
  EXPECT_FLOAT_EQ(Iou(left, right), 0);
}

TEST(Iou, WithoutPixelsIsNone) {
  EXPECT_FLOAT_EQ(Iou(sam2::Mask{}, sam2::Mask{}), 0);
  EXPECT_FLOAT_EQ(Iou(Full(0, 0, 10, 10), sam2::Mask{}), 0);
}

TEST(Area, InABoxIsCutAtTheBox) {
  const sam2::Mask mask = Full(10, 10, 10, 10);
  EXPECT_EQ(Area(mask), 100);
  EXPECT_EQ(AreaIn(mask, {0, 0, 100, 100}), 100);
  EXPECT_EQ(AreaIn(mask, {15, 10, 30, 12}), 10);
  EXPECT_EQ(AreaIn(mask, {30, 30, 40, 40}), 0);
  EXPECT_EQ(AreaIn(mask, {-1e30F, -1e30F, 1e30F, 1e30F}), 100);
  EXPECT_EQ(AreaIn(mask, {18, 18, 12, 12}), 0);
}

}  // namespace
}  // namespace gstsam2
