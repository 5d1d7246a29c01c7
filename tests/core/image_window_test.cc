// SPDX-License-Identifier: Apache-2.0
#include "image/window.h"

#include <gtest/gtest.h>

#include <tuple>
#include <vector>

namespace sam2 {
namespace {

std::tuple<int, int, int, int> Sides(const Window& w) { return {w.x, w.y, w.width, w.height}; }
using Four = std::tuple<int, int, int, int>;

TEST(Window, StandsAroundTheBox) {
  EXPECT_EQ(Sides(WindowAround({100, 100, 140, 120}, 2, 640, 480)), Four(80, 70, 80, 80));
  EXPECT_EQ(Sides(WindowAround({100, 100, 120, 140}, 2.5, 640, 480)), Four(60, 70, 100, 100));
}

TEST(Window, IsMovedIntoTheFrame) {
  EXPECT_EQ(Sides(WindowAround({0, 0, 40, 40}, 3, 640, 480)), Four(0, 0, 120, 120));
  EXPECT_EQ(Sides(WindowAround({600, 440, 640, 480}, 3, 640, 480)), Four(520, 360, 120, 120));
}

TEST(Window, IsCutWhereTheFrameIsTooSmall) {
  EXPECT_EQ(Sides(WindowAround({100, 10, 300, 90}, 2, 640, 101)), Four(0, 0, 400, 101));
  EXPECT_EQ(Sides(WindowAround({0, 0, 640, 480}, 10, 640, 480)), Four(0, 0, 640, 480));
  EXPECT_EQ(Sides(WindowAround({0, 0, 1, 1}, 1, 1, 1)), Four(0, 0, 1, 1));
}

TEST(Window, IsNeverTooSmallToSeeAnything) {
  EXPECT_EQ(Sides(WindowAround({200, 200, 203, 201}, 1, 640, 480)), Four(186, 184, 32, 32));
}

TEST(Window, StaysInsideAndBeginsAtEvenPixelsForAnyBoxAndFrame) {
  for (int width : {1, 2, 33, 64, 101}) {
    for (int height : {1, 31, 32, 77}) {
      for (float x = 0; x < static_cast<float>(width); x += 0.7F) {
        for (float factor : {1.0F, 2.3F, 10.0F}) {
          const Box box{x, 0.3F, x + 3.3F, 9.1F};
          const Window window = WindowAround(box, factor, width, height);
          ASSERT_EQ(window.x % 2, 0);
          ASSERT_EQ(window.y % 2, 0);
          ASSERT_GE(window.x, 0);
          ASSERT_GE(window.y, 0);
          ASSERT_GT(window.width, 0);
          ASSERT_GT(window.height, 0);
          ASSERT_LE(window.x + window.width, width);
          ASSERT_LE(window.y + window.height, height);
        }
      }
    }
  }
}

TEST(Window, ContainsItsEdgesAndNothingBeyond) {
  const Window window{10, 20, 30, 40};
  EXPECT_TRUE(window.Contains({.x = 10, .y = 60}));
  EXPECT_FALSE(window.Contains({.x = 9.9F, .y = 30}));
  EXPECT_FALSE(window.Contains({.x = 30, .y = 60.1F}));
}

TEST(Window, GrowsToAClick) {
  const Box box = Union({10, 10, 20, 20}, {.x = 5, .y = 30});
  EXPECT_EQ(box.x0, 5);
  EXPECT_EQ(box.y0, 10);
  EXPECT_EQ(box.x1, 20);
  EXPECT_EQ(box.y1, 30);
}

// Where the window's first pixel lies in each plane.
TEST(Window, PartsOfAFrameBeginAtTheWindowsPixels) {
  const std::vector<std::uint8_t> bytes(100 * 100);
  const std::uint8_t* at = bytes.data();
  const Window window{6, 4, 10, 8};
  const auto offset = [&](PixelFormat format, int plane) {
    const FrameView part = PartOf({.format = format, .width = 40, .height = 30,
                                   .plane = {at, at, at}, .stride = {200, 100, 50}},
                                  window);
    EXPECT_EQ(part.width, 10);
    EXPECT_EQ(part.height, 8);
    return part.plane[plane] - at;
  };
  EXPECT_EQ(offset(PixelFormat::kRGB, 0), 4 * 200 + 18);
  EXPECT_EQ(offset(PixelFormat::kxBGR, 0), 4 * 200 + 24);
  EXPECT_EQ(offset(PixelFormat::kGRAY8, 0), 4 * 200 + 6);
  EXPECT_EQ(offset(PixelFormat::kNV12, 0), 4 * 200 + 6);
  EXPECT_EQ(offset(PixelFormat::kNV12, 1), 2 * 100 + 6);
  EXPECT_EQ(offset(PixelFormat::kI420, 1), 2 * 100 + 3);
  EXPECT_EQ(offset(PixelFormat::kI420, 2), 2 * 50 + 3);
}

TEST(Window, PartsOfOnePlaneBeginAnywhere) {
  const std::vector<std::uint8_t> bytes(100 * 100);
  for (const auto& [format, size] : {std::pair(PixelFormat::kGRAY8, 1), {PixelFormat::kBGR, 3},
                                     {PixelFormat::kRGBx, 4}}) {
    const FrameView part = PartOf({.format = format, .width = 40, .height = 30,
                                   .plane = {bytes.data()}, .stride = {200}},
                                  {7, 5, 9, 3});
    EXPECT_EQ(part.plane[0] - bytes.data(), 5 * 200 + 7 * size);
    EXPECT_EQ(part.stride[0], 200);
    EXPECT_EQ(part.plane[1], nullptr);
  }
}

TEST(Window, MasksGoThereAndBack) {
  const Window window{6, 4, 10, 8};
  const Mask mask{.x = 7, .y = 3, .width = 1, .height = 1, .pixels = {255}};
  const Mask inside = ToWindow(mask, window);
  EXPECT_EQ(inside.x, 1);
  EXPECT_EQ(inside.y, -1);
  EXPECT_EQ(FromWindow(inside, window).y, 3);
}

}  // namespace
}  // namespace sam2
