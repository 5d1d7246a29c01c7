// SPDX-License-Identifier: Apache-2.0
#include "image/mask.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <tuple>
#include <vector>

#include "image_pictures.h"

namespace sam2::test {
namespace {

// [H, W] bool, the mask as part of its frame
at::Tensor InFrame(const Mask& mask, int frame_width, int frame_height) {
  at::Tensor frame = at::zeros({frame_height, frame_width}, at::kBool);
  if (mask.empty()) return frame;
  const at::Tensor pixels =
      at::from_blob(const_cast<std::uint8_t*>(mask.pixels.data()), {mask.height, mask.width},
                    at::kByte);
  EXPECT_TRUE(((pixels == 0) | (pixels == 255)).all().item<bool>());
  frame.narrow(0, mask.y, mask.height).narrow(1, mask.x, mask.width).copy_(pixels);
  return frame;
}

void ExpectTight(const Mask& mask) {
  if (mask.empty()) return;
  const at::Tensor pixels = InFrame({0, 0, mask.width, mask.height, mask.pixels}, mask.width,
                                    mask.height);
  for (const int dim : {0, 1}) {
    EXPECT_TRUE(pixels.select(dim, 0).any().item<bool>());
    EXPECT_TRUE(pixels.select(dim, -1).any().item<bool>());
  }
}

// [H, W] float, what the reference thresholds
at::Tensor Interpolated(const at::Tensor& logits, int frame_width, int frame_height) {
  return at::upsample_bilinear2d(logits.view({1, 1, logits.size(0), logits.size(1)}),
                                 {frame_height, frame_width}, false)[0][0];
}

struct Sizes {
  int width, height, frame_width, frame_height;
};

class Extraction : public ::testing::TestWithParam<Sizes> {};

TEST_P(Extraction, EqualsInterpolationAndThreshold) {
  const Sizes s = GetParam();
  at::manual_seed(s.width + s.frame_width);
  for (const double shift : {-1.5, 0.0, 1.5}) {
    at::Tensor logits = at::randn({s.height, s.width}) + shift;
    const at::Tensor exact = Interpolated(logits, s.frame_width, s.frame_height);
    const Mask mask = MaskFromLogits(logits, s.frame_width, s.frame_height);
    const at::Tensor differs = InFrame(mask, s.frame_width, s.frame_height) != (exact > 0);
    // Only rounding may decide otherwise.
    EXPECT_FALSE((differs & (exact.abs() > 1e-5)).any().item<bool>());
    ExpectTight(mask);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Extraction,
                         ::testing::Values(Sizes{64, 64, 640, 360}, Sizes{64, 64, 361, 643},
                                           Sizes{64, 64, 64, 64}, Sizes{64, 64, 16, 16},
                                           Sizes{64, 64, 1, 1}, Sizes{1, 1, 20, 30},
                                           Sizes{5, 40, 33, 7}, Sizes{256, 256, 1920, 1080}));

// Every pixel for itself, rows first.
std::vector<Run> PlainRuns(const at::Tensor& logits, int frame_width, int frame_height) {
  const int height = static_cast<int>(logits.size(0)), width = static_cast<int>(logits.size(1));
  const float* in = logits.const_data_ptr<float>();
  const auto place = [](int pixel, int pixels, int count) {
    const float scale = static_cast<float>(count) / static_cast<float>(pixels);
    const float at = std::max(scale * (static_cast<float>(pixel) + 0.5f) - 0.5f, 0.f);
    const int before = std::min(static_cast<int>(at), count - 1);
    return std::tuple(before, std::min(before + 1, count - 1),
                      std::min(at - static_cast<float>(before), 1.f));
  };
  std::vector<Run> runs;
  for (int y = 0; y < frame_height; ++y) {
    const auto [above, below, v] = place(y, frame_height, height);
    for (int x = 0; x < frame_width; ++x) {
      const auto [left, right, u] = place(x, frame_width, width);
      const float a = in[above * width + left] * (1 - v) + in[below * width + left] * v;
      const float b = in[above * width + right] * (1 - v) + in[below * width + right] * v;
      if (!(a * (1 - u) + b * u > 0)) continue;
      if (runs.empty() || runs.back().y != y || runs.back().end != x) runs.push_back({y, x, x});
      runs.back().end = x + 1;
    }
  }
  return runs;
}

std::vector<std::tuple<int, int, int>> Values(const std::vector<Run>& runs) {
  std::vector<std::tuple<int, int, int>> values;
  for (const auto& run : runs) values.emplace_back(run.y, run.begin, run.end);
  return values;
}

TEST_P(Extraction, EqualsEveryPixelForItselfToTheBit) {
  const Sizes s = GetParam();
  at::manual_seed(s.height + s.frame_height);
  for (const double shift : {-2.0, 0.0, 1.5}) {
    at::Tensor logits = at::randn({s.height, s.width}) + shift;
    logits.masked_fill_(at::rand_like(logits) < 0.02, 0);
    logits.masked_fill_(at::rand_like(logits) < 0.02, std::numeric_limits<double>::quiet_NaN());
    EXPECT_EQ(Values(RunsFromLogits(logits, 0, s.frame_width, s.frame_height)),
              Values(PlainRuns(logits, s.frame_width, s.frame_height)))
        << shift;
  }
}

TEST_P(Extraction, AThresholdIsTakenOffTheLogits) {
  const Sizes s = GetParam();
  at::manual_seed(s.height + s.frame_height);
  const at::Tensor logits = at::randn({s.height, s.width}), before = logits.clone();
  const auto runs = [&](const at::Tensor& values, float threshold) {
    return Values(RunsFromLogits(values, threshold, s.frame_width, s.frame_height));
  };
  for (const float threshold : {-1.0f, 0.75f}) {
    EXPECT_EQ(runs(logits, threshold), runs(logits - threshold, 0)) << threshold;
  }
  EXPECT_TRUE(logits.equal(before));
}

TEST(MaskFromLogits, OneLogitGivesASmallRectangleAnywhereIn8K) {
  at::Tensor logits = at::full({64, 64}, -10.f);
  logits[63][0] = 10;
  const Mask mask = MaskFromLogits(logits, 7680, 4320);
  EXPECT_EQ(mask.x, 0);
  EXPECT_EQ(mask.y + mask.height, 4320);
  EXPECT_LT(mask.width, 240);
  ExpectTight(mask);
}

TEST(MaskFromLogits, AllAboveIsTheWholeFrame) {
  const Mask mask = MaskFromLogits(at::full({8, 8}, 1e-30f), 33, 21);
  EXPECT_EQ(mask.width, 33);
  EXPECT_EQ(mask.height, 21);
  EXPECT_TRUE(InFrame(mask, 33, 21).all().item<bool>());
}

TEST(MaskFromLogits, NothingAboveIsEmpty) {
  EXPECT_TRUE(MaskFromLogits(at::zeros({8, 8}), 33, 21).empty());
  EXPECT_TRUE(MaskFromLogits(at::full({8, 8}, -1.f), 33, 21).empty());
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(MaskFromLogits(at::full({8, 8}, nan), 33, 21).empty());
}

TEST(MaskFromLogits, PositiveLogitsThatNoPixelSeesGiveNothing) {
  at::Tensor logits = at::full({64, 64}, -1.f);
  logits[0][0] = 0.1f;  // a frame of 2x2 samples logits 15, 16, 47 and 48 only
  EXPECT_TRUE(MaskFromLogits(logits, 2, 2).empty());
}

// ---------------------------------------------------------------- masks

TEST(AreaOf, CountsWhatIsNotZero) {
  EXPECT_EQ(AreaOf({}), 0);
  EXPECT_EQ(AreaOf({.x = 3, .y = 4, .width = 3, .height = 2, .pixels = {0, 255, 1, 0, 0, 7}}), 3);
}

// ---------------------------------------------------------------- prompts

TEST(MaskToInput, OfTheNetworksOwnSizeIsTheMaskItself) {
  const Mask mask = MakeMask(3, 5, 4, 2, [](int x, int y) { return x != y; });
  const at::Tensor input = MaskToInput(mask, 16, 16, 16);
  EXPECT_EQ(input.sizes(), at::IntArrayRef({1, 1, 16, 16}));
  EXPECT_TRUE(at::equal(input[0][0] > 0, InFrame(mask, 16, 16)));
  EXPECT_EQ(input.sum().item<float>(), 6);
}

// Bilinear with antialias, then >= 0.5, as add_new_mask does.
TEST(MaskToInput, CoversHalfOrMore) {
  const Mask left = MakeMask(0, 0, 20, 10, [](int, int) { return true; });
  const at::Tensor input = MaskToInput(left, 40, 10, 8);
  EXPECT_TRUE((input.narrow(3, 0, 4) == 1).all().item<bool>());
  EXPECT_TRUE((input.narrow(3, 4, 4) == 0).all().item<bool>());
  const Mask dot = MakeMask(11, 3, 1, 1, [](int, int) { return true; });
  EXPECT_EQ(MaskToInput(dot, 40, 10, 8).sum().item<float>(), 0);
  // Enlarged 10 x 40 times it is where (1 - |u|)(1 - |v|) >= 1/2: 2 - 2 ln 2 of 400.
  EXPECT_NEAR(MaskToInput(dot, 40, 10, 400).sum().item<float>(), 245, 8);
}

TEST(MaskToInput, PartsOutsideTheFrameAreCut) {
  const Mask mask = MakeMask(-3, -2, 10, 30, [](int, int) { return true; });
  EXPECT_EQ(MaskToInput(mask, 16, 16, 16).sum().item<float>(), 7 * 16);
  const Mask beside = MakeMask(16, 0, 4, 4, [](int, int) { return true; });
  EXPECT_EQ(MaskToInput(beside, 16, 16, 16).sum().item<float>(), 0);
}

TEST(MaskToInput, NothingStaysNothing) {
  EXPECT_EQ(MaskToInput({}, 16, 16, 16).sum().item<float>(), 0);
}

TEST(MaskToInput, RefusesTheWrongNumberOfPixels) {
  for (const Mask& mask : {Mask{0, 0, 2, 2, {255, 0, 0}}, Mask{0, 0, -1, -1, {255}},
                           Mask{0, 0, 0, 5, {0}}}) {
    EXPECT_THROW(MaskToInput(mask, 16, 16, 16), Error);
  }
}

}  // namespace
}  // namespace sam2::test
