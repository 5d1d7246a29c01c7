// SPDX-License-Identifier: Apache-2.0
//
// Stills with a search window, with the built-in model: what is found in a
// window is what the cut-out part of the picture, segmented as a picture of its
// own, has in it. A tracker begins with what stills find there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "builtin_engine.h"
#include "image/mask.h"
#include "image/window.h"
#include "predictor/image_predictor.h"
#include "predictor/video_tracker.h"

namespace sam2 {
namespace {

constexpr int kWidth = 400, kHeight = 300;
constexpr float kFactor = 2.5F;

// A bright square with a dark one inside, on ground that becomes lighter to the right.
std::vector<std::uint8_t> Draw(int left, int top, int side) {
  std::vector<std::uint8_t> pixels;
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      const auto within = [&](int margin) {
        return x >= left + margin && x < left + side - margin && y >= top + margin &&
               y < top + side - margin;
      };
      const int ground = 30 + x / 8;
      const int level = within(side / 3) ? 60 : within(0) ? 220 : ground;
      for (int offset : {0, 10, -20}) pixels.push_back(static_cast<std::uint8_t>(level + offset));
    }
  }
  return pixels;
}

FrameView View(const std::vector<std::uint8_t>& pixels) {
  return {.format = PixelFormat::kRGB, .width = kWidth, .height = kHeight,
          .plane = {pixels.data()}, .stride = {3 * kWidth}};
}

Prompt BoxPrompt(const Box& box, int id = 0) {
  Prompt prompt;
  prompt.id = id;
  prompt.box = box;
  return prompt;
}

Prompt Click(float x, float y, int id = 0, bool positive = true) {
  Prompt prompt;
  prompt.id = id;
  prompt.action = id == 0 ? PromptAction::kAdd : PromptAction::kRefine;
  prompt.points = {{.x = x, .y = y, .positive = positive}};
  return prompt;
}

Prompt Moved(Prompt prompt, const Window& window) {
  const auto dx = static_cast<float>(window.x), dy = static_cast<float>(window.y);
  if (prompt.box) {
    prompt.box = {prompt.box->x0 - dx, prompt.box->y0 - dy, prompt.box->x1 - dx,
                  prompt.box->y1 - dy};
  }
  for (Point& point : prompt.points) point.x -= dx, point.y -= dy;
  return prompt;
}

// The objects after each prompt by itself, one call of Step for each.
std::vector<Object> Segment(const FrameView& frame, float search_window,
                            const std::vector<Prompt>& prompts) {
  StillsPredictor predictor(BuiltinEngine(), {.search_window = search_window});
  predictor.SetImage(frame);
  std::vector<Object> objects;
  for (const Prompt& prompt : prompts) objects = predictor.Step({&prompt, 1}).objects;
  return objects;
}

void ExpectSame(const Object& found, const Object& wanted) {
  EXPECT_FALSE(wanted.mask.empty());
  EXPECT_EQ(found.state, wanted.state);
  EXPECT_EQ(found.mask.x, wanted.mask.x);
  EXPECT_EQ(found.mask.y, wanted.mask.y);
  EXPECT_EQ(found.mask.width, wanted.mask.width);
  EXPECT_TRUE(found.mask.pixels == wanted.mask.pixels);
  EXPECT_EQ(found.iou, wanted.iou);
}

Object InFrame(Object object, const Window& window) {
  object.mask = FromWindow(object.mask, window);
  return object;
}

class SearchWindow : public ::testing::TestWithParam<std::pair<int, int>> {};

TEST_P(SearchWindow, FindsWhatIsInItAndPutsTheMaskBack) {
  const auto [left, top] = GetParam();
  const std::vector<std::uint8_t> pixels = Draw(left, top, 48);
  const Prompt prompt =
      BoxPrompt({static_cast<float>(left), static_cast<float>(top), static_cast<float>(left + 48),
                 static_cast<float>(top + 48)});
  const Window window = WindowAround(*prompt.box, kFactor, kWidth, kHeight);
  const std::vector<Object> alone =
      Segment(PartOf(View(pixels), window), 0, {Moved(prompt, window)});
  const std::vector<Object> found = Segment(View(pixels), kFactor, {prompt});
  ASSERT_EQ(found.size(), 1U);
  ExpectSame(found[0], InFrame(alone.at(0), window));
  EXPECT_GE(found[0].mask.x, 0);
  EXPECT_LE(found[0].mask.x + found[0].mask.width, kWidth);
  EXPECT_LE(found[0].mask.y + found[0].mask.height, kHeight);
}

INSTANTIATE_TEST_SUITE_P(MiddleEdgesAndCorners, SearchWindow,
                         ::testing::Values(std::pair(171, 123), std::pair(0, 120),
                                           std::pair(kWidth - 48, 0), std::pair(200, kHeight - 48),
                                           std::pair(0, kHeight - 48)));

class SearchWindowTest : public ::testing::Test {
 protected:
  const std::vector<std::uint8_t> pixels_ = Draw(100, 100, 48);
  const Box box_ = {100, 100, 148, 148};
};

TEST_F(SearchWindowTest, OffIsTheWholePicture) {
  const std::vector<Prompt> prompts = {BoxPrompt(box_, 1), Click(124, 124, 1, false)};
  const Window whole{0, 0, kWidth, kHeight};
  StillsPredictor official(BuiltinEngine(), {});
  official.SetImage(View(pixels_));
  const std::vector<Object> wanted = official.Step(prompts).objects;
  ExpectSame(Segment(View(pixels_), 0, prompts).at(0), wanted.at(0));
  // A window that is the whole picture says the same.
  EXPECT_EQ(WindowAround(box_, 10, kWidth, kHeight), whole);
  ExpectSame(Segment(View(pixels_), 10, prompts).at(0), wanted.at(0));
  // And a small one does not: this test could not fail otherwise.
  EXPECT_NE(Segment(View(pixels_), kFactor, prompts).at(0).iou, wanted.at(0).iou);
}

TEST_F(SearchWindowTest, ObjectsTogetherAreAsEachAlone) {
  const Prompt prompts[] = {BoxPrompt(box_), BoxPrompt({110, 90, 160, 150}), Click(124, 110),
                            BoxPrompt({0, 0, kWidth, kHeight}), BoxPrompt({300, 250, 320, 290}),
                            BoxPrompt({350, 10, 370, 40}), BoxPrompt({200, 10, 230, 40})};
  StillsPredictor predictor(BuiltinEngine(), {.search_window = kFactor});
  predictor.SetImage(View(pixels_));
  const std::vector<Object> together = predictor.Step(prompts).objects;
  ASSERT_EQ(together.size(), std::size(prompts));
  for (size_t i = 0; i < together.size(); ++i) {
    const Object alone = Segment(View(pixels_), kFactor, {prompts[i]}).at(0);
    EXPECT_EQ(together[i].id, static_cast<int>(i) + 1);
    EXPECT_EQ(together[i].mask.x, alone.mask.x);
    EXPECT_NEAR(together[i].iou, alone.iou, 1e-5);
  }
  // Their windows are more than are kept: the first is encoded anew.
  const Prompt again = Click(124, 124, 1, false);
  ExpectSame(predictor.Step({&again, 1}).objects.at(0),
             Segment(View(pixels_), kFactor, {BoxPrompt(box_, 1), again}).at(0));
}

TEST_F(SearchWindowTest, ClicksInsideCorrectTheMaskInItsWindow) {
  const Window window = WindowAround(box_, kFactor, kWidth, kHeight);
  std::vector<Prompt> prompts = {BoxPrompt(box_, 1), Click(124, 124, 1, false),
                                 Click(104, 104, 1)};
  std::vector<Prompt> moved;
  for (const Prompt& prompt : prompts) moved.push_back(Moved(prompt, window));
  ExpectSame(Segment(View(pixels_), kFactor, prompts).at(0),
             InFrame(Segment(PartOf(View(pixels_), window), 0, moved).at(0), window));
}

// The mask so far goes along into the new window.
TEST_F(SearchWindowTest, AClickOutsideMovesTheWindow) {
  const Prompt outside = Click(330, 280, 1);
  const std::vector<Object> first = Segment(View(pixels_), kFactor, {BoxPrompt(box_, 1)});
  const std::vector<Object> found = Segment(View(pixels_), kFactor, {BoxPrompt(box_, 1), outside});
  ASSERT_EQ(found.size(), 1U);
  ASSERT_TRUE(found[0].box);
  const Window window = WindowAround(Union(*first.at(0).box, outside.points[0]), kFactor, kWidth, kHeight);
  EXPECT_TRUE(window.Contains(outside.points[0]));
  EXPECT_GE(found[0].mask.x, window.x);
  EXPECT_LE(found[0].mask.y + found[0].mask.height, window.y + window.height);
  EXPECT_TRUE(found[0].mask.pixels != first.at(0).mask.pixels);
}

TEST_F(SearchWindowTest, UndoBringsTheFormerWindowsMaskBack) {
  StillsPredictor predictor(BuiltinEngine(), {.search_window = kFactor});
  predictor.SetImage(View(pixels_));
  const Prompt box = BoxPrompt(box_, 1), outside = Click(330, 280, 1);
  const Object first = predictor.Step({&box, 1}).objects.at(0);
  predictor.Step({&outside, 1});
  Prompt undo;
  undo.id = 1;
  undo.action = PromptAction::kUndo;
  ExpectSame(predictor.Step({&undo, 1}).objects.at(0), first);
}

TEST_F(SearchWindowTest, ClicksAloneAreAskedAgainAroundWhatTheyFound) {
  const Prompt click = Click(124, 110);
  const Object whole = Segment(View(pixels_), 0, {click}).at(0);
  ASSERT_TRUE(whole.box);
  const Window window =
      WindowAround(Union(*whole.box, click.points[0]), kFactor, kWidth, kHeight);
  ASSERT_LT(window.width, kWidth);
  std::vector<Prompt> prompts = {click, Click(124, 124, 1, false)};
  const FrameView part = PartOf(View(pixels_), window);
  ExpectSame(Segment(View(pixels_), kFactor, {click}).at(0),
             InFrame(Segment(part, 0, {Moved(click, window)}).at(0), window));
  ExpectSame(Segment(View(pixels_), kFactor, prompts).at(0),
             InFrame(Segment(part, 0, {Moved(prompts[0], window), Moved(prompts[1], window)}).at(0),
                     window));
}

TEST_F(SearchWindowTest, AnotherPictureIsEncodedAnew) {
  StillsPredictor predictor(BuiltinEngine(), {.search_window = kFactor});
  predictor.SetImage(View(pixels_));
  const Prompt prompt = BoxPrompt(box_);
  predictor.Step({&prompt, 1});
  const std::vector<std::uint8_t> other = Draw(104, 96, 40);
  predictor.SetImage(View(other));
  ExpectSame(predictor.Step({&prompt, 1}).objects.at(0),
             Segment(View(other), kFactor, {prompt}).at(0));
}

// The objects after each frame's prompts, with no holes filled, as with stills.
std::vector<std::vector<Object>> Track(const FrameView& frame, float search_window,
                                       const std::vector<std::vector<Prompt>>& prompts) {
  StreamingTracker tracker(BuiltinEngine(), {.fill_hole_area = 0, .search_window = search_window});
  std::vector<std::vector<Object>> objects;
  for (const std::vector<Prompt>& of_frame : prompts) {
    objects.push_back(tracker.Step(frame, std::ssize(objects) * 40'000'000, of_frame).objects);
  }
  return objects;
}

TEST_F(SearchWindowTest, ATrackerBeginsWithWhatStillsFind) {
  const std::vector<Prompt> prompts = {BoxPrompt(box_, 1), Click(124, 110, 0)};
  const auto tracked = Track(View(pixels_), kFactor, {prompts, {}});
  const std::vector<Object> wanted = Segment(View(pixels_), kFactor, prompts);
  ASSERT_EQ(tracked[0].size(), 2U);
  for (size_t i = 0; i < 2; ++i) ExpectSame(tracked[0][i], wanted.at(i));
  // And it follows from there: with a window or without the next frame's mask differs.
  ASSERT_EQ(tracked[1].size(), 2U);
  EXPECT_EQ(tracked[1][0].state, ObjectState::kTracked);
  const auto without = Track(View(pixels_), 0, {prompts, {}});
  EXPECT_NE(without[0][0].iou, tracked[0][0].iou);
  EXPECT_NE(without[1][0].iou, tracked[1][0].iou);
}

TEST_F(SearchWindowTest, ATrackersBoxAndClicksOnOneFrameBelongTogether) {
  const std::vector<Prompt> prompts = {BoxPrompt(box_, 1), Click(124, 124, 1, false)};
  ExpectSame(Track(View(pixels_), kFactor, {prompts}).at(0).at(0),
             Segment(View(pixels_), kFactor, prompts).at(0));
}

// Clicks on what is followed correct the mask that its memory gave, in the whole frame.
TEST_F(SearchWindowTest, ATrackersCorrectionsNeedNoWindow) {
  const Mask mask = Segment(View(pixels_), kFactor, {BoxPrompt(box_, 1)}).at(0).mask;
  Prompt given = BoxPrompt(box_, 1);
  given.box.reset();
  given.mask = mask;
  const std::vector<std::vector<Prompt>> prompts = {{given}, {Click(124, 124, 1, false)}};
  const auto with = Track(View(pixels_), kFactor, prompts);
  const auto without = Track(View(pixels_), 0, prompts);
  for (size_t frame : {0, 1}) ExpectSame(with[frame].at(0), without[frame].at(0));
}

// A frame so wide that the network's input has a nineteenth of its columns, with
// a bar that is lost there and a square that is not.
class ThinObject : public ::testing::Test {
 protected:
  static constexpr int kFrameWidth = 6000, kFrameHeight = 300;

  ThinObject() : pixels_(kFrameWidth * kFrameHeight, 60) {
    Fill(bar_);
    Fill(square_);
  }

  void Fill(const Box& box) {
    for (int y = static_cast<int>(box.y0); y < static_cast<int>(box.y1); ++y) {
      for (int x = static_cast<int>(box.x0); x < static_cast<int>(box.x1); ++x) {
        pixels_[y * kFrameWidth + x] = 230;
      }
    }
  }
  FrameView view() const {
    return {.format = PixelFormat::kGRAY8, .width = kFrameWidth, .height = kFrameHeight,
            .plane = {pixels_.data()}, .stride = {kFrameWidth}};
  }

  const Box bar_ = {3000, 100, 3006, 160}, square_ = {1000, 50, 1200, 250};
  std::vector<std::uint8_t> pixels_;
};

TEST_F(ThinObject, WhoseMaskIsLostIsAnsweredInTheWholeFrame) {
  const std::vector<Prompt> prompts = {BoxPrompt(bar_, 1), BoxPrompt(square_, 2)};
  const std::vector<Object> seen = Segment(view(), kFactor, prompts);
  const auto is_lost = [&](const Object& object) {
    const auto size = static_cast<int>(BuiltinEngine()->model().image_size());
    return !MaskToInput(object.mask, kFrameWidth, kFrameHeight, size).any().item<bool>();
  };
  ASSERT_TRUE(is_lost(seen.at(0)));
  ASSERT_FALSE(is_lost(seen.at(1)));
  const auto with = Track(view(), kFactor, {prompts, {}});
  const auto without = Track(view(), 0, {prompts, {}});
  ExpectSame(with[0].at(0), without[0].at(0));
  EXPECT_NE(with[0].at(0).iou, seen[0].iou);
  ExpectSame(with[0].at(1), seen[1]);
  // Nor is it remembered as absent.
  EXPECT_EQ(with[1].at(0).state, ObjectState::kTracked);
  EXPECT_EQ(with[1].at(0).iou, without[1].at(0).iou);
}

TEST(SearchWindowOption, WhatIsNotAllowedIsNamed) {
  for (const float factor : {0.5F, -1.0F, 10.5F, std::numeric_limits<float>::quiet_NaN()}) {
    const auto expect_named = [&](auto make) {
      try {
        make();
        ADD_FAILURE() << factor;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kBadSettings);
        EXPECT_THAT(error.what(), ::testing::HasSubstr("allowed are 0 and 1 to 10"));
      }
    };
    expect_named([&] { StillsPredictor(BuiltinEngine(), {.search_window = factor}); });
    expect_named([&] { StreamingTracker(BuiltinEngine(), {.search_window = factor}); });
  }
}

}  // namespace
}  // namespace sam2
