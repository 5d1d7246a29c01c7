// SPDX-License-Identifier: Apache-2.0
//
// Objects that are followed in windows of their own, with the built-in model: what is found in a
// window is what a tracker finds that is given the cut-out part of each frame as its video.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "builtin_engine.h"
#include "image/mask.h"
#include "image/window.h"
#include "predictor/video_tracker.h"
#include "prompts.h"
#include "scene.h"

namespace sam2 {
namespace {

constexpr int kWidth = 1280, kHeight = 720;
constexpr float kFactor = 2.5F;
constexpr std::int64_t kFrameNs = 40'000'000;

Disc Red(int frame) { return {400.0F + 9 * static_cast<float>(frame), 300, 11, 230, 50, 40}; }
Disc Blue(int frame) { return {900, 500.0F - 4 * static_cast<float>(frame), 14, 40, 70, 235}; }
constexpr Disc kLarge{640, 360, 250, 200, 190, 60};

Mask MaskOf(const Disc& disc) {
  const Box box = BoxOf(disc);
  Mask mask{.x = static_cast<int>(box.x0), .y = static_cast<int>(box.y0),
            .width = static_cast<int>(box.x1 - box.x0), .height = static_cast<int>(box.y1 - box.y0),
            .pixels = {}};
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      const float dx = static_cast<float>(mask.x + x) + 0.5F - disc.x;
      const float dy = static_cast<float>(mask.y + y) + 0.5F - disc.y;
      mask.pixels.push_back(dx * dx + dy * dy < disc.radius * disc.radius ? 255 : 0);
    }
  }
  return mask;
}

void ExpectSame(const Object& found, const Object& wanted) {
  EXPECT_EQ(found.id, wanted.id);
  EXPECT_EQ(found.state, wanted.state);
  EXPECT_EQ(found.iou, wanted.iou);
  EXPECT_EQ(found.mask.x, wanted.mask.x);
  EXPECT_EQ(found.mask.y, wanted.mask.y);
  EXPECT_TRUE(found.mask.pixels == wanted.mask.pixels);
}

class Stream {
 public:
  explicit Stream(const TrackerOptions& options) : tracker_(BuiltinEngine(), options) {}

  std::vector<Object> Step(const FrameView& frame, const std::vector<Prompt>& prompts = {}) {
    StepResult result = tracker_.Step(frame, kFrameNs * frames_++, prompts);
    for (const PromptOutcome& outcome : result.outcomes) EXPECT_EQ(outcome.error, "");
    return std::move(result.objects);
  }
  std::vector<Object> Step(const std::vector<Disc>& discs, const std::vector<Prompt>& prompts = {}) {
    return Step(Picture(kWidth, kHeight, discs).view(), prompts);
  }
  StreamingTracker& tracker() { return tracker_; }

 private:
  StreamingTracker tracker_;
  int frames_ = 0;
};

// Mean IoU of the red disc over the frames after its box.
double MeanIou(const TrackerOptions& options) {
  Stream stream(options);
  stream.Step({Red(0)}, {BoxPrompt(1, BoxOf(Red(0)))});
  double sum = 0;
  constexpr int kFrames = 10;
  for (int frame = 1; frame <= kFrames; ++frame) {
    sum += Iou(stream.Step({Red(frame)}).at(0).mask, Red(frame), kWidth, kHeight);
  }
  return sum / kFrames;
}

TEST(WindowTracking, SmallThingsInLargeFramesHaveBetterMasks) {
  const double whole = MeanIou({.search_window = 1.5F});
  const double windowed = MeanIou({.search_window = 1.5F, .follow_window = kFactor});
  EXPECT_GT(windowed, whole + 0.1);
  EXPECT_GT(windowed, 0.8);
}

TEST(WindowTracking, SoItIsWithMotionsPart) {
  EXPECT_GT(MeanIou({.memory_policy = MemoryPolicy::kRobust, .search_window = 1.5F,
                     .follow_window = kFactor}),
            0.8);
}

TEST(WindowTracking, AWindowIsAVideoOfItsOwn) {
  const Mask mask = MaskOf(Red(0));
  const Window window = WindowAround(BoxOf(Red(0)), kFactor, kWidth, kHeight);
  Stream windowed({.follow_window = kFactor}), cut({});
  const auto step = [&](const Disc& disc, const std::vector<Prompt>& prompts) {
    const Picture picture(kWidth, kHeight, {disc});
    std::vector<Prompt> moved = prompts;
    for (Prompt& prompt : moved) {
      if (prompt.mask) prompt.mask = ToWindow(*prompt.mask, window);
      for (Point& point : prompt.points) point = ToWindow(point, window);
    }
    const Object found = windowed.Step(picture.view(), prompts).at(0);
    Object wanted = cut.Step(PartOf(picture.view(), window), moved).at(0);
    wanted.mask = FromWindow(wanted.mask, window);
    ASSERT_FALSE(found.mask.empty());
    ExpectSame(found, wanted);
  };
  step(Red(0), {MaskPrompt(1, mask)});
  for (const float by : {1.0F, 2.0F, 3.0F}) {  // too little to move the window
    Disc disc = Red(0);
    disc.y += by;
    step(disc, {});
  }
  step(Red(0), {ClickPrompt(1, Red(0).x + 3, Red(0).y, PromptAction::kRefine)});
  step(Red(0), {});
}

TEST(WindowTracking, LargeThingsAreFollowedInTheWholeFrame) {
  Stream windowed({.follow_window = kFactor}), whole({});
  const Prompt prompt = MaskPrompt(1, MaskOf(kLarge));
  for (int frame = 0; frame < 3; ++frame) {
    const std::vector<Prompt> prompts(frame == 0 ? 1 : 0, prompt);
    ExpectSame(windowed.Step({kLarge}, prompts).at(0), whole.Step({kLarge}, prompts).at(0));
  }
}

TEST(WindowTracking, ManyAreFollowedAsIfEachWereAlone) {
  const auto scene = [](int frame) {
    return std::vector<Disc>{kLarge, Red(frame), Blue(frame)};
  };
  const std::vector<Prompt> prompts = {MaskPrompt(1, MaskOf(kLarge)), MaskPrompt(2, MaskOf(Red(0))),
                                       MaskPrompt(3, MaskOf(Blue(0)))};
  Stream together({.follow_window = kFactor});
  std::vector<std::unique_ptr<Stream>> alone;
  for (int i = 0; i < 3; ++i) {
    alone.push_back(std::make_unique<Stream>(TrackerOptions{.follow_window = kFactor}));
  }
  for (int frame = 0; frame < 4; ++frame) {
    const std::vector<Object> objects =
        together.Step(scene(frame), frame == 0 ? prompts : std::vector<Prompt>{});
    ASSERT_EQ(objects.size(), 3U);
    for (int i = 0; i < 3; ++i) {
      const std::vector<Prompt> one(frame == 0 ? 1 : 0, prompts[i]);
      const Object wanted = alone[i]->Step(scene(frame), one).at(0);
      EXPECT_EQ(objects[i].id, i + 1);
      EXPECT_GT(Iou(objects[i].mask, wanted.mask), 0.999) << "object " << i + 1;
    }
  }
}

TEST(WindowTracking, IdsGoByTheirFirstAppearanceNotByWindow) {
  Stream stream({.follow_window = kFactor});
  // 1 and 3 share the whole frame.
  const std::vector<Object> objects = stream.Step(
      {kLarge, Red(0)}, {MaskPrompt(1, MaskOf(kLarge)), MaskPrompt(2, MaskOf(Red(0))),
                         MaskPrompt(3, MaskOf(kLarge))});
  ASSERT_EQ(objects.size(), 3U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(objects[i].id, i + 1);
}

TEST(WindowTracking, LookAheadGivesTheSame) {
  const TrackerOptions options{.search_window = 1.5F, .follow_window = kFactor};
  Stream plain(options), ahead(options);
  std::vector<Picture> pictures;
  for (int frame = 0; frame < 8; ++frame) {
    pictures.emplace_back(kWidth, kHeight, std::vector<Disc>{kLarge, Red(frame), Blue(frame)});
  }
  for (size_t frame = 0; frame < pictures.size(); ++frame) {
    std::vector<Prompt> prompts;
    if (frame == 0) {
      prompts = {BoxPrompt(1, BoxOf(Red(0))), BoxPrompt(2, BoxOf(kLarge)),
                 BoxPrompt(3, BoxOf(Blue(0)))};
    }
    const FrameView next = frame + 1 < pictures.size() ? pictures[frame + 1].view() : FrameView{};
    ahead.tracker().Expect(frame + 1 < pictures.size() ? &next : nullptr);
    const std::vector<Object> wanted = plain.Step(pictures[frame].view(), prompts);
    const std::vector<Object> found = ahead.Step(pictures[frame].view(), prompts);
    ASSERT_EQ(found.size(), wanted.size());
    for (size_t i = 0; i < found.size(); ++i) ExpectSame(found[i], wanted[i]);
  }
}

TEST(WindowTracking, APromptElsewhereTakesTheWindowAlong) {
  Stream stream({.follow_window = kFactor});
  const std::vector<Disc> discs = {Red(0), Blue(0)};
  stream.Step(discs, {MaskPrompt(1, MaskOf(Red(0)))});
  const Object there =
      stream.Step(discs, {MaskPrompt(1, MaskOf(Blue(0)), PromptAction::kRefine)}).at(0);
  EXPECT_GT(Iou(there.mask, Blue(0), kWidth, kHeight), 0.8);
  EXPECT_GT(Iou(stream.Step(discs).at(0).mask, Blue(0), kWidth, kHeight), 0.6);
}

TEST(WindowTracking, AClickFarFromTheWindowIsHeeded) {
  const std::vector<Disc> discs = {Red(0), Blue(0)};
  Stream clicked({.follow_window = kFactor}), left({.follow_window = kFactor});
  for (Stream* stream : {&clicked, &left}) stream->Step(discs, {MaskPrompt(1, MaskOf(Red(0)))});
  const Object with =
      clicked.Step(discs, {ClickPrompt(1, Blue(0).x, Blue(0).y, PromptAction::kRefine)}).at(0);
  const Object without = left.Step(discs).at(0);
  ASSERT_EQ(with.state, ObjectState::kTracked);
  EXPECT_GT(Iou(without.mask, Red(0), kWidth, kHeight), 0.8);
  EXPECT_LT(Iou(with.mask, without.mask), 0.9);
}

TEST(WindowTracking, WhatIsGoneIsFoundAgainElsewhere) {
  Stream stream({.follow_window = kFactor});
  stream.Step({Red(0)}, {MaskPrompt(1, MaskOf(Red(0)))});
  stream.Step({Red(0)});
  for (int frame = 0; frame < 30; ++frame) {
    const Object gone = stream.Step(std::vector<Disc>{}).at(0);
    // Nothing large is taken for it.
    if (gone.box) EXPECT_LT(gone.box->x1 - gone.box->x0, 100) << frame;
  }
  Disc back = Red(0);
  back.x = 1100, back.y = 600;
  double best = 0;
  for (int frame = 0; frame < 4; ++frame) {
    best = std::max(best, Iou(stream.Step({back}).at(0).mask, back, kWidth, kHeight));
  }
  EXPECT_GT(best, 0.7);
}

TEST(WindowTracking, AnotherFrameSizeIsNoEnd) {
  for (const float times : {0.5F, 1.5F}) {
    Stream stream({.follow_window = kFactor});
    stream.Step({Red(0)}, {MaskPrompt(1, MaskOf(Red(0)))});
    const Disc disc{Red(0).x * times, Red(0).y * times, Red(0).radius * times, 230, 50, 40};
    const int width = static_cast<int>(kWidth * times), height = static_cast<int>(kHeight * times);
    for (int frame = 0; frame < 2; ++frame) {
      const Object found = stream.Step(Picture(width, height, {disc}).view()).at(0);
      EXPECT_GT(Iou(found.mask, disc, width, height), 0.6) << times;
    }
  }
}

TEST(WindowTracking, AReplacedObjectIsSoughtWhereItIsNow) {
  Stream stream({.follow_window = kFactor});
  const std::vector<Disc> discs = {Red(0), Blue(0)};
  stream.Step(discs, {MaskPrompt(1, MaskOf(Red(0)))});
  stream.Step(discs, {MaskPrompt(1, MaskOf(Blue(0)), PromptAction::kReplace)});
  EXPECT_GT(Iou(stream.Step(discs).at(0).mask, Blue(0), kWidth, kHeight), 0.7);
}

TEST(WindowTracking, AFrameThatCannotBeReadChangesNothing) {
  Stream stream({.follow_window = kFactor}), undisturbed({.follow_window = kFactor});
  for (Stream* one : {&stream, &undisturbed}) one->Step({Red(0)}, {MaskPrompt(1, MaskOf(Red(0)))});
  FrameView broken = Picture(kWidth, kHeight).view();
  broken.plane[0] = nullptr;
  EXPECT_THROW(stream.tracker().Step(broken, kFrameNs, {}), Error);
  stream.tracker().Expect(&broken);  // after the next one
  ExpectSame(stream.Step({Red(1)}).at(0), undisturbed.Step({Red(1)}).at(0));
}

TEST(WindowTracking, AFactorThatIsNotAllowedIsNamed) {
  for (const float factor : {1.4F, -1.0F, 10.5F, std::numeric_limits<float>::quiet_NaN()}) {
    try {
      StreamingTracker(BuiltinEngine(), {.follow_window = factor});
      ADD_FAILURE() << factor;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadSettings);
      EXPECT_THAT(error.what(), ::testing::HasSubstr("follow-window"));
      EXPECT_THAT(error.what(), ::testing::HasSubstr("allowed are 0 and 1.5 to 10"));
    }
  }
}

}  // namespace
}  // namespace sam2
