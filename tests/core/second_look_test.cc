// SPDX-License-Identifier: Apache-2.0
//
// The mean of what the network says of a picture and of its mirror image, with
// the built-in model: left and right must make no difference to it.
#include <gtest/gtest.h>

#include <algorithm>
#include <ranges>

#include "builtin_engine.h"
#include "predictor/image_predictor.h"
#include "predictor/video_tracker.h"

namespace sam2 {
namespace {

constexpr int kWidth = 320, kHeight = 240;

struct Still {
  std::vector<std::uint8_t> pixels = std::vector<std::uint8_t>(3 * kWidth * kHeight);

  std::uint8_t* at(int x, int y) { return &pixels[3 * (y * kWidth + x)]; }
  FrameView view() const {
    return {.format = PixelFormat::kRGB, .width = kWidth, .height = kHeight,
            .plane = {pixels.data()}, .stride = {3 * kWidth}};
  }
};

// An L on ground that becomes lighter to the right: nothing is its own mirror image.
Still Drawn() {
  Still still;
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      const bool upright = x >= 80 && x < 110 && y >= 60 && y < 180;
      const bool foot = x >= 80 && x < 176 && y >= 150 && y < 180;
      const int level = upright || foot ? 190 + y / 6 : 20 + x / 3;
      for (int c : {0, 1, 2}) still.at(x, y)[c] = static_cast<std::uint8_t>(level - 9 * c);
    }
  }
  return still;
}

Still Mirrored(Still still) {
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth / 2; ++x) {
      std::swap_ranges(still.at(x, y), still.at(x, y) + 3, still.at(kWidth - 1 - x, y));
    }
  }
  return still;
}

Prompt Mirrored(Prompt prompt) {
  if (prompt.box) {
    prompt.box = {kWidth - prompt.box->x1, prompt.box->y0, kWidth - prompt.box->x0,
                  prompt.box->y1};
  }
  for (Point& point : prompt.points) point.x = kWidth - point.x;
  return prompt;
}

// Whether each pixel of the picture is the mask's.
std::vector<bool> Pixels(const Mask& mask, bool mirrored) {
  std::vector<bool> pixels(kWidth * kHeight);
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      const int across = mirrored ? kWidth - 1 - mask.x - x : mask.x + x;
      if (mask.pixels[y * mask.width + x] != 0) pixels[(mask.y + y) * kWidth + across] = true;
    }
  }
  return pixels;
}

Prompt BoxPrompt() {
  Prompt prompt;
  prompt.id = 1;
  prompt.box = Box{80, 60, 176, 180};
  return prompt;
}

Prompt Click(PromptAction action, float x, float y, bool positive = true) {
  Prompt prompt;
  prompt.id = 1;
  prompt.action = action;
  prompt.points = {{.x = x, .y = y, .positive = positive}};
  return prompt;
}

struct Case {
  const char* name;
  float search_window;
  std::vector<Prompt> prompts;
};

class SecondLook : public ::testing::TestWithParam<Case> {
 protected:
  // The object after the prompts, one call of Step for each.
  static Object Found(bool second_look, bool mirrored) {
    StillsPredictor predictor(BuiltinEngine(), {.search_window = GetParam().search_window,
                                         .second_look = second_look});
    const Still still = mirrored ? Mirrored(Drawn()) : Drawn();
    predictor.SetImage(still.view());
    Object object;
    for (const Prompt& prompt : GetParam().prompts) {
      const Prompt asked = mirrored ? Mirrored(prompt) : prompt;
      object = predictor.Step({&asked, 1}).objects.at(0);
    }
    return object;
  }
  static std::ptrdiff_t Differing(bool second_look) {
    const std::vector<bool> plain = Pixels(Found(second_look, false).mask, false);
    const std::vector<bool> mirrored = Pixels(Found(second_look, true).mask, true);
    EXPECT_GT(std::ranges::count(plain, true), 1000);
    return std::ranges::count(std::views::iota(0, kWidth * kHeight) |
                                  std::views::transform([&](int i) { return plain[i] != mirrored[i]; }),
                              true);
  }
};

TEST_P(SecondLook, LeftAndRightMakeNoDifference) {
  EXPECT_LE(Differing(/*second_look=*/true), 2);   // rounding
  EXPECT_GT(Differing(/*second_look=*/false), 2);  // or else this could not fail
  const Object plain = Found(true, false), mirrored = Found(true, true);
  EXPECT_NEAR(plain.iou, mirrored.iou, 1e-4);
  EXPECT_NEAR(plain.score, mirrored.score, 1e-4);
  EXPECT_NE(plain.iou, Found(false, false).iou);
}

INSTANTIATE_TEST_SUITE_P(
    Prompts, SecondLook,
    ::testing::Values(
        Case{"Box", 0, {BoxPrompt()}}, Case{"BoxInAWindow", 1.5F, {BoxPrompt()}},
        Case{"Click", 0, {Click(PromptAction::kAdd, 95, 120)}},
        Case{"Corrections", 0,
             {BoxPrompt(), Click(PromptAction::kRefine, 150, 80, false),
              Click(PromptAction::kRefine, 160, 165)}},
        Case{"CorrectionsInAWindow", 1.5F,
             {BoxPrompt(), Click(PromptAction::kRefine, 150, 80, false)}}),
    [](const auto& info) { return info.param.name; });

TEST(SecondLookInVideo, IsWhereAnObjectBegins) {
  const Still still = Drawn();
  const Prompt prompt = BoxPrompt();
  for (const float window : {0.0F, 1.5F}) {
    StillsPredictor stills(BuiltinEngine(), {.search_window = window, .second_look = true});
    stills.SetImage(still.view());
    const Object wanted = stills.Step({&prompt, 1}).objects.at(0);
    StreamingTracker tracker(BuiltinEngine(), {.fill_hole_area = 0, .search_window = window,
                                        .second_look = true});
    const Object found = tracker.Step(still.view(), 0, {&prompt, 1}).objects.at(0);
    EXPECT_EQ(found.iou, wanted.iou);
    EXPECT_TRUE(found.mask.pixels == wanted.mask.pixels);
    EXPECT_EQ(tracker.Step(still.view(), 40'000'000, {}).objects.at(0).state,
              ObjectState::kTracked);
  }
}

TEST(SecondLookWithoutPrompts, EverythingIsAsWithout) {
  const Still still = Drawn();
  std::vector<std::vector<Object>> found;
  for (const bool second_look : {false, true}) {
    StillsPredictor stills(BuiltinEngine(), {.second_look = second_look});
    stills.SetImage(still.view());
    found.push_back(stills.Everything(
        {.points_per_side = 8, .pred_iou_thresh = 0.3F, .stability_score_thresh = 0.3F}));
  }
  ASSERT_FALSE(found[0].empty());
  ASSERT_EQ(found[0].size(), found[1].size());
  for (size_t i = 0; i < found[0].size(); ++i) {
    EXPECT_TRUE(found[0][i].mask.pixels == found[1][i].mask.pixels);
  }
}

}  // namespace
}  // namespace sam2
