// SPDX-License-Identifier: Apache-2.0
//
// The streaming tracker by its public face, with the built-in model in fp32.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "error_of.h"
#include "prompts.h"
#include "sam2.h"
#include "scene.h"

namespace sam2 {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kWidth = 320, kHeight = 180;
constexpr std::int64_t kFrameNs = 40'000'000;
constexpr char kAbsent[] = "absent.safetensors";

Disc RedDisc(int frame) { return {80.0f + 3 * static_cast<float>(frame), 80, 30, 230, 50, 40}; }
constexpr Disc kBlueDisc{230, 110, 26, 40, 70, 235};

Picture Scene(int frame) { return Picture(kWidth, kHeight, {RedDisc(frame), kBlueDisc}); }

std::shared_ptr<Engine> Open(const std::string& model = SAM2_BUILTIN_MODEL, int threads = 1) {
  return sam2_core(kInterfaceVersion)
      ->OpenEngine({.model = model, .device = "cpu", .precision = "fp32", .threads = threads});
}

// The built-in model with an object score that always says "absent".
std::string AbsentModel() {
  static const std::string path = [] {
    const auto file = std::filesystem::temp_directory_path() /
                      (std::to_string(getpid()) + kAbsent);
    std::ifstream in(SAM2_BUILTIN_MODEL, std::ios::binary);
    std::string bytes(std::istreambuf_iterator<char>(in), {});
    std::uint64_t length = 0;
    std::memcpy(&length, bytes.data(), 8);
    const auto header = nlohmann::json::parse(bytes.substr(8, length));
    const auto& bias = header.at("sam_mask_decoder.pred_obj_score_head.layers.2.bias");
    const std::size_t at = 8 + length + bias.at("data_offsets")[0].get<std::size_t>();
    const float value = -1000;
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, 4);
    if (bias.at("dtype") == "F32") {
      std::memcpy(&bytes[at], &bits, 4);
    } else {
      EXPECT_EQ(bias.at("dtype"), "BF16");
      const std::uint16_t upper = static_cast<std::uint16_t>(bits >> 16);
      std::memcpy(&bytes[at], &upper, 2);
    }
    std::ofstream(file, std::ios::binary) << bytes;
    return file.string();
  }();
  return path;
}

class VideoTrackerTest : public ::testing::Test {
 protected:
  static void TearDownTestSuite() {
    std::filesystem::remove(std::filesystem::temp_directory_path() /
                            (std::to_string(getpid()) + kAbsent));
  }

  StepResult Step(const Picture& picture, const std::vector<Prompt>& prompts = {}) {
    return tracker_->Step(picture.view(), kFrameNs * frame_++, prompts);
  }
  std::string Refusal(const Prompt& prompt) {
    return Step(Scene(frame_), {prompt}).outcomes.at(0).error;
  }
  void Use(const std::string& model, const TrackerOptions& options = {}) {
    tracker_ = Open(model)->CreateVideoTracker(options);
  }

  // The red disc from frame 0 and the blue one, as `blue_prompt` has it, from
  // frame 3, in the fixture's tracker and in one of these options for each.
  void ExpectTogetherAsAlone(const TrackerOptions& options, const Prompt& blue_prompt) {
    const auto red = Open()->CreateVideoTracker(options);
    const auto blue = Open()->CreateVideoTracker(options);
    for (int f = 0; f < 8; ++f) {
      std::vector<Prompt> first, later;
      if (f == 0) first = {BoxPrompt(1, BoxOf(RedDisc(0)))};
      if (f == 3) later = {blue_prompt};
      std::vector<Prompt> both = first;
      both.insert(both.end(), later.begin(), later.end());
      const Picture picture = Scene(f);
      const auto together = Step(picture, both);
      const auto one = red->Step(picture.view(), kFrameNs * f, first);
      const auto two = blue->Step(picture.view(), kFrameNs * f, later);
      ASSERT_EQ(together.objects.size(), f < 3 ? 1u : 2u);
      EXPECT_GE(Iou(together.objects[0].mask, one.objects[0].mask), 0.999) << f;
      EXPECT_NEAR(together.objects[0].score, one.objects[0].score, 1e-3);
      if (f >= 3) {
        EXPECT_GE(Iou(together.objects[1].mask, two.objects[0].mask), 0.999) << f;
      }
    }
  }

  std::unique_ptr<VideoTracker> tracker_ = Open()->CreateVideoTracker({});
  int frame_ = 0;
};

TEST_F(VideoTrackerTest, BoxGivesTheObjectInIt) {
  const StepResult result = Step(Scene(0), {BoxPrompt(0, BoxOf(RedDisc(0)))});
  ASSERT_EQ(result.objects.size(), 1u);
  EXPECT_EQ(result.outcomes.at(0).id, 1);
  EXPECT_EQ(result.objects[0].id, 1);
  EXPECT_EQ(result.objects[0].state, ObjectState::kTracked);
  EXPECT_GT(Iou(result.objects[0].mask, RedDisc(0), kWidth, kHeight), 0.6);
  ASSERT_TRUE(result.objects[0].box.has_value());
  EXPECT_EQ(result.objects[0].box->x0, static_cast<float>(result.objects[0].mask.x));
}

TEST_F(VideoTrackerTest, NothingIsFoundWithoutPrompts) {
  EXPECT_THAT(Step(Scene(0)).objects, IsEmpty());
}

TEST_F(VideoTrackerTest, IdsGoOnFromTheLargestAndAreNotUsedAgain) {
  EXPECT_EQ(Step(Scene(0), {BoxPrompt(7, BoxOf(kBlueDisc))}).outcomes[0].id, 7);
  EXPECT_EQ(Step(Scene(1), {BoxPrompt(0, BoxOf(RedDisc(1)))}).outcomes[0].id, 8);
  tracker_->Reset();
  EXPECT_THAT(Step(Scene(2)).objects, IsEmpty());
  EXPECT_EQ(Step(Scene(3), {BoxPrompt(0, BoxOf(RedDisc(3)))}).outcomes[0].id, 9);
}

TEST_F(VideoTrackerTest, RefusesWhatDoesNotFit) {
  Step(Scene(0), {BoxPrompt(1, BoxOf(RedDisc(0)))});
  EXPECT_EQ(Refusal(BoxPrompt(1, BoxOf(RedDisc(1)))),
            "object 1 exists already: use refine or replace to prompt it again");
  EXPECT_EQ(Refusal(ClickPrompt(2, 5, 5, PromptAction::kRefine)), "object 2 does not exist");
  EXPECT_EQ(Refusal(ClickPrompt(2, 5, 5, PromptAction::kReplace)), "object 2 does not exist");
  EXPECT_EQ(Refusal(BarePrompt(2, PromptAction::kRemove)), "object 2 does not exist");
  EXPECT_THAT(Refusal(ClickPrompt(-3, 5, 5)), HasSubstr("id -3 is not allowed"));
  EXPECT_THAT(Refusal(BoxPrompt(5, {400, 10, 410, 20})), HasSubstr("outside the 320x180 frame"));
  EXPECT_THAT(Refusal(BarePrompt(5, PromptAction::kAdd)), HasSubstr("neither box nor points"));
  EXPECT_EQ(Step(Scene(frame_)).objects.size(), 1u);  // the stream went on
}

TEST_F(VideoTrackerTest, RefusesMoreObjectsThanAllowed) {
  Use(SAM2_BUILTIN_MODEL, {.max_objects = 1});
  const auto result =
      Step(Scene(0), {BoxPrompt(0, BoxOf(RedDisc(0))), BoxPrompt(0, BoxOf(kBlueDisc))});
  EXPECT_THAT(result.outcomes[0].error, IsEmpty());
  EXPECT_EQ(result.outcomes[1].error, "there are 1 objects already, as many as are allowed");
  EXPECT_EQ(result.objects.size(), 1u);
}

TEST_F(VideoTrackerTest, TellsOfClippedPrompts) {
  const auto result = Step(Scene(0), {BoxPrompt(0, {-5, 20, 120, 120})});
  EXPECT_TRUE(result.outcomes[0].clipped);
  EXPECT_THAT(result.outcomes[0].error, IsEmpty());
}

// ---------------------------------------------------------------- ahead

class AheadTest : public VideoTrackerTest {
 protected:
  static std::unique_ptr<VideoTracker> TwoThreads(const TrackerOptions& options = {}) {
    return Open(SAM2_BUILTIN_MODEL, 2)->CreateVideoTracker(options);
  }
  static std::vector<Prompt> PromptsOf(int frame) {
    if (frame == 0) return {BoxPrompt(1, BoxOf(RedDisc(0)))};
    if (frame == 2) return {ClickPrompt(2, kBlueDisc.x, kBlueDisc.y)};
    return {};
  }
  static void ExpectEqual(const StepResult& one, const StepResult& other) {
    ASSERT_EQ(one.objects.size(), other.objects.size());
    for (std::size_t i = 0; i < one.objects.size(); ++i) {
      EXPECT_EQ(one.objects[i].mask.pixels, other.objects[i].mask.pixels);
      EXPECT_EQ(one.objects[i].score, other.objects[i].score);
    }
  }
};

TEST_F(AheadTest, ExpectedFramesGiveTheSameResults) {
  for (const TrackerOptions& options : {TrackerOptions{}, TrackerOptions{.detect_cuts = true},
                                        TrackerOptions{.search_window = 1.5F}}) {
    const auto plain = TwoThreads(options), ahead = TwoThreads(options);
    auto picture = std::make_unique<Picture>(Scene(0));
    for (int f = 0; f < 6; ++f) {
      auto next = std::make_unique<Picture>(Scene(f + 1));
      const FrameView view = next->view();
      ahead->Expect(&view);
      const StepResult found = ahead->Step(picture->view(), kFrameNs * f, PromptsOf(f));
      ExpectEqual(found, plain->Step(picture->view(), kFrameNs * f, PromptsOf(f)));
      ASSERT_EQ(found.objects.size(), f < 2 ? 1U : 2U);
      picture = std::move(next);
    }
    ahead->Expect(nullptr);
  }
}

TEST_F(AheadTest, AnotherFrameThanExpectedMayCome) {
  const auto plain = TwoThreads(), ahead = TwoThreads();
  const Picture other = Scene(20);
  const FrameView unused = other.view();
  for (int f = 0; f < 4; ++f) {
    if (f != 2) ahead->Expect(&unused);
    ExpectEqual(ahead->Step(Scene(f).view(), kFrameNs * f, PromptsOf(f)),
                plain->Step(Scene(f).view(), kFrameNs * f, PromptsOf(f)));
  }
}

TEST_F(AheadTest, WhatIsExpectedMayBeForgotten) {
  const auto plain = TwoThreads(), ahead = TwoThreads();
  for (int f = 0; f < 4; ++f) {
    const Picture picture = Scene(f);
    {
      const Picture next = Scene(f + 1);
      const FrameView view = next.view();
      ahead->Expect(&view);
      ExpectEqual(ahead->Step(picture.view(), kFrameNs * f, PromptsOf(f)),
                  plain->Step(picture.view(), kFrameNs * f, PromptsOf(f)));
      ahead->Expect(nullptr);
    }
  }
}

TEST_F(AheadTest, AFrameThatCannotBeReadFailsInItsOwnStep) {
  const auto tracker = TwoThreads();
  FrameView broken = Scene(1).view();
  broken.plane = {};
  tracker->Expect(&broken);
  EXPECT_EQ(tracker->Step(Scene(0).view(), 0, PromptsOf(0)).objects.size(), 1U);
  EXPECT_EQ(ErrorOf([&] { tracker->Step(broken, kFrameNs, {}); }).code(), ErrorCode::kBadSettings);
  EXPECT_EQ(tracker->Step(Scene(2).view(), 2 * kFrameNs, {}).objects.size(), 1U);
}

TEST_F(AheadTest, ObjectsMayGoMeanwhile) {
  const auto tracker = TwoThreads();
  const Picture first = Scene(0), second = Scene(1), third = Scene(2);
  const FrameView views[] = {first.view(), second.view(), third.view()};
  tracker->Expect(&views[1]);
  tracker->Step(views[0], 0, PromptsOf(0));
  tracker->Reset();
  tracker->Expect(&views[2]);
  EXPECT_THAT(tracker->Step(views[1], kFrameNs, {}).objects, IsEmpty());
  EXPECT_EQ(tracker->Step(views[2], 2 * kFrameNs, {{BoxPrompt(0, BoxOf(RedDisc(2)))}})
                .objects.size(), 1U);
}

TEST_F(VideoTrackerTest, RemovedObjectsAreGone) {
  Step(Scene(0), {BoxPrompt(1, BoxOf(RedDisc(0))), BoxPrompt(2, BoxOf(kBlueDisc))});
  const auto result = Step(Scene(1), {BarePrompt(1, PromptAction::kRemove)});
  ASSERT_EQ(result.objects.size(), 1u);
  EXPECT_EQ(result.objects[0].id, 2);
}

TEST_F(VideoTrackerTest, ObjectsTogetherAreAsIfEachWereAlone) {
  ExpectTogetherAsAlone({}, ClickPrompt(2, kBlueDisc.x, kBlueDisc.y));
}

TEST_F(VideoTrackerTest, ReplacedObjectIsAsIfNew) {
  Step(Scene(0), {BoxPrompt(1, BoxOf(kBlueDisc))});
  Step(Scene(1), {BoxPrompt(1, BoxOf(RedDisc(1)), PromptAction::kReplace)});
  const auto replaced = Step(Scene(2));
  const auto fresh = Open()->CreateVideoTracker({});
  fresh->Step(Scene(1).view(), 0, std::vector{BoxPrompt(1, BoxOf(RedDisc(1)))});
  const auto expected = fresh->Step(Scene(2).view(), kFrameNs, {});
  EXPECT_GE(Iou(replaced.objects[0].mask, expected.objects[0].mask), 0.999);
}

TEST_F(VideoTrackerTest, RefinedObjectKeepsItsMemoryAndAReplacedOneDoesNot) {
  for (const bool click : {false, true}) {
    // The object as it is prompted again and on the frame after that.
    const auto prompted_by = [&](PromptAction action) {
      const auto tracker = Open()->CreateVideoTracker({});
      tracker->Step(Scene(0).view(), 0, std::vector{BoxPrompt(1, BoxOf(RedDisc(0)))});
      for (int f = 1; f < 4; ++f) tracker->Step(Scene(f).view(), kFrameNs * f, {});
      const Disc disc = RedDisc(4);
      const Prompt prompt =
          click ? ClickPrompt(1, disc.x, disc.y, action) : BoxPrompt(1, BoxOf(disc), action);
      const auto now = tracker->Step(Scene(4).view(), kFrameNs * 4, std::vector{prompt});
      const auto next = tracker->Step(Scene(5).view(), kFrameNs * 5, {});
      return std::pair(now.objects.at(0).iou, next.objects.at(0).iou);
    };
    const auto refined = prompted_by(PromptAction::kRefine);
    const auto replaced = prompted_by(PromptAction::kReplace);
    // A box alone says where the object is, a click only what is wrong with it.
    EXPECT_EQ(refined.first == replaced.first, !click);
    EXPECT_NE(refined.second, replaced.second) << click;
  }
}

TEST_F(VideoTrackerTest, MaskPromptIsTheAnswer) {
  Prompt prompt;
  prompt.mask = Mask{60, 40, 80, 60, std::vector<std::uint8_t>(80 * 60, 255)};
  const auto result = Step(Scene(0), {prompt});
  EXPECT_GT(Iou(result.objects.at(0).mask, *prompt.mask), 0.95);
  EXPECT_EQ(result.objects[0].iou, 1);
}

TEST_F(VideoTrackerTest, ClicksBehindAMaskRefineIt) {
  Prompt mask;
  mask.id = 1;
  mask.mask = Mask{50, 50, 60, 60, std::vector<std::uint8_t>(60 * 60, 255)};
  const Disc disc = RedDisc(0);
  const Prompt click = ClickPrompt(1, disc.x, disc.y, PromptAction::kRefine);
  const auto after = [&](const std::vector<Prompt>& prompts) {
    const auto tracker = Open()->CreateVideoTracker({});
    return tracker->Step(Scene(0).view(), 0, prompts).objects.at(0);
  };
  const Object both = after({mask, click}), alone = after({mask});
  const Object clicked = after({ClickPrompt(1, disc.x, disc.y)});
  EXPECT_NE(both.mask.pixels, alone.mask.pixels);
  EXPECT_NE(both.iou, clicked.iou);
  EXPECT_GT(Iou(both.mask, disc, kWidth, kHeight), 0.7);
  // As from the logits that the mask left, on a frame that is its own.
  const Object boxed = after({mask, BoxPrompt(1, BoxOf(disc), PromptAction::kRefine)});
  EXPECT_EQ(boxed.mask.pixels, after({BoxPrompt(1, BoxOf(disc))}).mask.pixels);
}

// A mask that reaches the tracker with a speck in it, far from the disc.
TEST_F(VideoTrackerTest, SpecksAreRemovedFromWhatIsShownAndNotFromMemory) {
  Prompt prompt;
  prompt.mask = Mask{50, 20, 260, 120, std::vector<std::uint8_t>(260 * 120)};
  const auto fill = [&](int x0, int y0, int size) {
    for (int y = y0; y < y0 + size; ++y) {
      std::fill_n(prompt.mask->pixels.begin() + y * 260 + x0, size, 255);
    }
  };
  fill(0, 30, 60);
  fill(240, 0, 12);  // 12 x 12 of 320 x 180 pixels: about 2.4 x 4.3 of 64 x 64 logits
  Use(SAM2_BUILTIN_MODEL, {.max_sprinkle_area = 16});
  const auto untouched = Open()->CreateVideoTracker({});
  for (int f = 0; f < 4; ++f) {
    const Picture picture = Scene(f);
    const auto prompts = f == 0 ? std::vector{prompt} : std::vector<Prompt>{};
    const auto clean = Step(picture, prompts).objects.at(0);
    const auto all = untouched->Step(picture.view(), kFrameNs * f, prompts).objects.at(0);
    EXPECT_EQ(clean.iou, all.iou) << f;
    EXPECT_EQ(clean.score, all.score) << f;
    if (f > 0) continue;
    EXPECT_GT(all.mask.x + all.mask.width, 290);
    EXPECT_LT(clean.mask.x + clean.mask.width, 130);
    EXPECT_EQ(clean.mask.x, all.mask.x);
  }
}

TEST_F(VideoTrackerTest, AbsentObjectIsOccludedThenLost) {
  constexpr std::int64_t kTimes[] = {0, 10, 20, 30, 40, 99, 100, 101};  // ms, unlike frames
  Use(AbsentModel(), {.lost_timeout_ns = 100'000'000});
  Prompt prompt;  // a mask is taken as seen whatever the object score says
  prompt.mask = Mask{60, 40, 80, 60, std::vector<std::uint8_t>(80 * 60, 255)};
  EXPECT_EQ(Step(Scene(0), {prompt}).objects.at(0).state, ObjectState::kTracked);
  for (int f = 1; f < 8; ++f) {
    const auto result = tracker_->Step(Scene(f).view(), kTimes[f] * 1'000'000, {});
    const Object& object = result.objects.at(0);
    EXPECT_EQ(object.state, kTimes[f] < 100 ? ObjectState::kOccluded : ObjectState::kLost) << f;
    EXPECT_TRUE(object.mask.empty());
    EXPECT_FALSE(object.box.has_value());
    EXPECT_LT(object.score, 0.01);
  }
  prompt.id = 1;
  prompt.action = PromptAction::kRefine;
  EXPECT_EQ(tracker_->Step(Scene(8).view(), 102'000'000, std::vector{prompt}).objects.at(0).state,
            ObjectState::kTracked);
  EXPECT_EQ(tracker_->Step(Scene(9).view(), 103'000'000, {}).objects.at(0).state,
            ObjectState::kOccluded);
}

TEST_F(VideoTrackerTest, AbsentObjectIsOccludedHoweverCloselyItIsLookedFor) {
  for (const float window : {0.F, 1.5F}) {
    for (const bool second_look : {false, true}) {
      Use(AbsentModel(), {.search_window = window, .second_look = second_look});
      const Object object = Step(Scene(0), {BoxPrompt(1, BoxOf(RedDisc(0)))}).objects.at(0);
      EXPECT_EQ(object.state, ObjectState::kOccluded) << window << second_look;
      EXPECT_TRUE(object.mask.empty());
      EXPECT_LT(object.score, 0.5F);
    }
  }
}

TEST_F(VideoTrackerTest, FailedStepLeavesTheTrackerAsItWas) {
  const auto same = Open()->CreateVideoTracker({});
  const std::vector<Prompt> prompts = {BoxPrompt(1, BoxOf(RedDisc(0))),
                                       BoxPrompt(2, BoxOf(kBlueDisc))};
  tracker_->Step(Scene(0).view(), 0, prompts);
  same->Step(Scene(0).view(), 0, prompts);
  FrameView broken = Scene(1).view();
  broken.plane[0] = nullptr;
  const std::vector<Prompt> changes = {BarePrompt(2, PromptAction::kRemove),
                                       BoxPrompt(0, {5, 5, 50, 50})};
  EXPECT_THROW(tracker_->Step(broken, kFrameNs, changes), Error);
  FrameView elsewhere = Scene(1).view();
  elsewhere.memory = FrameMemory::kCuda;
  EXPECT_THROW(tracker_->Step(elsewhere, kFrameNs, changes), Error);
  const auto after = tracker_->Step(Scene(1).view(), kFrameNs, {});
  const auto expected = same->Step(Scene(1).view(), kFrameNs, {});
  ASSERT_EQ(after.objects.size(), 2u);
  for (int i : {0, 1}) {
    EXPECT_EQ(after.objects[i].id, expected.objects[i].id);
    EXPECT_GE(Iou(after.objects[i].mask, expected.objects[i].mask), 0.999);
  }
}

TEST_F(VideoTrackerTest, ManyPromptsOnOneFrameAreAsIfOneByOne) {
  // Of all kinds, and more than one batch.
  std::vector<Prompt> prompts;
  for (int i = 0; i < 250; ++i) {
    const float x = static_cast<float>(5 + 17 * (i % 16)), y = static_cast<float>(4 + 9 * (i / 16));
    prompts.push_back(BoxPrompt(i + 1, {x, y, x + 30, y + 24}));
  }
  prompts.push_back(ClickPrompt(300, 80, 80));
  prompts.push_back(BoxPrompt(301, BoxOf(kBlueDisc)));
  prompts.push_back(ClickPrompt(301, kBlueDisc.x, kBlueDisc.y, PromptAction::kRefine));
  prompts.push_back(BarePrompt(302, PromptAction::kAdd));
  prompts.back().mask = Mask{60, 40, 80, 60, std::vector<std::uint8_t>(80 * 60, 255)};
  prompts.push_back(ClickPrompt(303, kBlueDisc.x, kBlueDisc.y));
  Use(SAM2_BUILTIN_MODEL, {.max_objects = 1000});
  const auto together = Step(Scene(0), prompts);
  ASSERT_EQ(together.objects.size(), 254u);
  for (const int i : {0, 57, 203, 204, 249, 250, 251, 252, 253}) {
    const Object& object = together.objects[i];
    std::vector<Prompt> own;
    std::ranges::copy_if(prompts, std::back_inserter(own),
                         [&](const Prompt& p) { return p.id == object.id; });
    const auto alone = Open()->CreateVideoTracker({})->Step(Scene(0).view(), 0, own);
    EXPECT_NEAR(object.score, alone.objects.at(0).score, 1e-4) << object.id;
    EXPECT_NEAR(object.iou, alone.objects.at(0).iou, 1e-4) << object.id;
    EXPECT_GE(Iou(object.mask, alone.objects.at(0).mask), 0.999) << object.id;
  }
}

TEST_F(VideoTrackerTest, PredictsWhereMotionHasTheObject) {
  const auto scene = [](int f) { return Picture(kWidth, kHeight, {RedDisc(f)}); };
  Step(scene(0), {BoxPrompt(1, BoxOf(RedDisc(0)))});
  Object last;
  for (int f = 1; f < 6; ++f) last = Step(scene(f)).objects.at(0);
  const auto predicted = tracker_->Predict(9 * kFrameNs);
  ASSERT_EQ(predicted.objects.size(), 1u);
  const Object& moved = predicted.objects[0];
  EXPECT_TRUE(moved.predicted);
  EXPECT_EQ(moved.state, ObjectState::kTracked);
  EXPECT_EQ(moved.score, last.score);
  // 3 pixels a frame, 4 frames on.
  EXPECT_NEAR(moved.box->x0 - last.box->x0, 12, 4);
  EXPECT_NEAR(moved.box->y0, last.box->y0, 4);
  EXPECT_GT(Iou(moved.mask, RedDisc(9), kWidth, kHeight),
            Iou(last.mask, RedDisc(9), kWidth, kHeight));
  EXPECT_FALSE(Step(scene(6)).objects[0].predicted);
}

// Its corner is the last of it in the frame, and is empty.
TEST_F(VideoTrackerTest, WhatLeavesTheFrameIsPredictedByItsPixels) {
  const auto disc = [](int f) {
    return Disc{240.0f + 8 * static_cast<float>(f), 100.0f + 8 * static_cast<float>(f), 40, 230, 50,
                40};
  };
  Step(Picture(kWidth, kHeight, {disc(0)}), {BoxPrompt(1, BoxOf(disc(0)))});
  for (int f = 1; f < 5; ++f) Step(Picture(kWidth, kHeight, {disc(f)}));
  int partly = 0;
  bool gone = false;
  for (int f = 5; f < 25; ++f) {
    const Object object = tracker_->Predict(f * kFrameNs).objects.at(0);
    const Mask& mask = object.mask;
    EXPECT_EQ(object.state == ObjectState::kTracked, !mask.empty()) << f;
    gone |= mask.empty();
    if (mask.empty()) continue;
    ++partly;
    EXPECT_NE(std::ranges::count(std::span(mask.pixels).first(mask.width), 255), 0) << f;
    const auto in_first_column = [&](int y) { return mask.pixels[y * mask.width] != 0; };
    bool any = false;
    for (int y = 0; y < mask.height; ++y) any |= in_first_column(y);
    EXPECT_TRUE(any) << f;
  }
  EXPECT_GT(partly, 2);
  EXPECT_TRUE(gone);
}

TEST_F(VideoTrackerTest, PredictedFramesAreAsIfTheyHadNotBeen) {
  const auto plain = Open()->CreateVideoTracker({});
  for (int f = 0; f < 12; f += 2) {
    std::vector<Prompt> prompts;
    if (f == 0) prompts = {BoxPrompt(1, BoxOf(RedDisc(0)))};
    const auto expected = plain->Step(Scene(f).view(), kFrameNs * f, prompts);
    const auto result = tracker_->Step(Scene(f).view(), kFrameNs * f, prompts);
    tracker_->Predict(kFrameNs * (f + 1));
    EXPECT_EQ(result.objects[0].mask.pixels, expected.objects[0].mask.pixels) << f;
    EXPECT_EQ(result.objects[0].score, expected.objects[0].score);
  }
}

TEST_F(VideoTrackerTest, PredictionTimesOut) {
  Use(SAM2_BUILTIN_MODEL, {.lost_timeout_ns = 3 * kFrameNs});
  EXPECT_THAT(tracker_->Predict(0).objects, IsEmpty());
  Step(Scene(0), {BoxPrompt(1, BoxOf(RedDisc(0)))});
  EXPECT_EQ(tracker_->Predict(2 * kFrameNs).objects.at(0).state, ObjectState::kTracked);
  const Object late = tracker_->Predict(3 * kFrameNs).objects.at(0);
  EXPECT_EQ(late.state, ObjectState::kLost);
  EXPECT_TRUE(late.mask.empty());
  EXPECT_FALSE(late.box.has_value());
}

TEST_F(VideoTrackerTest, LostObjectIsLookedForOnlyNowAndThen) {
  const Prompt prompt = [] {
    Prompt p;
    p.mask = Mask{60, 40, 80, 60, std::vector<std::uint8_t>(80 * 60, 255)};
    return p;
  }();
  Use(AbsentModel(), {.lost_timeout_ns = 2 * kFrameNs, .lost_interval_ns = 4 * kFrameNs});
  Step(Scene(0), {prompt});
  std::vector<bool> looked;
  float before = 0;
  for (int f = 1; f < 12; ++f) {
    const float x = 10 + 25 * static_cast<float>(f);
    const Picture other(kWidth, kHeight, {{x, 90, 30, 250, 240, 50}});
    const Object object = tracker_->Step(other.view(), kFrameNs * f, {}).objects.at(0);
    EXPECT_EQ(object.state, f < 2 ? ObjectState::kOccluded : ObjectState::kLost);
    looked.push_back(object.iou != before);  // only a look changes it
    before = object.iou;
  }
  EXPECT_EQ(looked, (std::vector<bool>{1, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0}));
}

TEST_F(VideoTrackerTest, LostObjectCostsNothingBetweenTwoLooks) {
  Use(AbsentModel(), {.lost_timeout_ns = 2 * kFrameNs, .lost_interval_ns = 100 * kFrameNs});
  Prompt prompt;
  prompt.mask = Mask{60, 40, 80, 60, std::vector<std::uint8_t>(80 * 60, 255)};
  Step(Scene(0), {prompt});
  Step(Scene(1));
  const float lost = Step(Scene(2)).objects.at(0).iou;
  FrameView unread = Scene(3).view();
  unread.plane[0] = nullptr;
  EXPECT_NO_THROW(tracker_->Step(unread, 3 * kFrameNs, {}));  // nobody needs the frame
  EXPECT_ANY_THROW(tracker_->Step(unread, 3 * kFrameNs, std::vector{prompt}));
  // Nor is it decoded beside another one.
  frame_ = 4;
  float other = Step(Scene(4), {prompt}).objects.at(1).iou;
  for (int f = 5; f < 8; ++f) {
    const float x = 10 + 25 * static_cast<float>(f);
    const auto objects = Step(Picture(kWidth, kHeight, {{x, 90, 30, 250, 240, 50}})).objects;
    EXPECT_EQ(objects.at(0).iou, lost) << f;
    EXPECT_NE(objects.at(1).iou, other) << f;
    other = objects[1].iou;
    if (objects[1].state == ObjectState::kLost) break;
  }
}

TEST_F(VideoTrackerTest, LostObjectIsLookedForWhenTimeRunsBackwards) {
  Use(AbsentModel(), {.lost_timeout_ns = 0, .lost_interval_ns = 1'000'000'000'000});
  Prompt prompt;
  prompt.mask = Mask{60, 40, 80, 60, std::vector<std::uint8_t>(80 * 60, 255)};
  tracker_->Step(Scene(0).view(), 100 * kFrameNs, std::vector{prompt});
  const float lost = tracker_->Step(Scene(1).view(), 101 * kFrameNs, {}).objects.at(0).iou;
  EXPECT_EQ(tracker_->Step(Scene(9).view(), 102 * kFrameNs, {}).objects.at(0).iou, lost);
  EXPECT_NE(tracker_->Step(Scene(9).view(), 5 * kFrameNs, {}).objects.at(0).iou, lost);
}

TEST_F(VideoTrackerTest, NewObjectTakesThePlaceOfALostOne) {
  Use(AbsentModel(), {.lost_timeout_ns = 2 * kFrameNs, .max_objects = 1});
  Prompt prompt;
  prompt.mask = Mask{60, 40, 80, 60, std::vector<std::uint8_t>(80 * 60, 255)};
  Step(Scene(0), {prompt});
  EXPECT_THAT(Refusal(prompt), HasSubstr("1 objects already"));  // still occluded
  EXPECT_EQ(Step(Scene(2)).objects.at(0).state, ObjectState::kLost);
  const auto result = Step(Scene(3), {prompt});
  EXPECT_THAT(result.outcomes[0].error, IsEmpty());
  ASSERT_EQ(result.objects.size(), 1u);
  EXPECT_EQ(result.objects[0].id, 2);
}

// One disc for ten frames, then nothing or another scene, then the disc again.
class AbsenceTest : public VideoTrackerTest {
 protected:
  static constexpr int kGone = 10, kBack = 25, kEnd = 30;
  static Picture With(int f) { return Picture(kWidth, kHeight, {RedDisc(f / 3)}); }
  static Picture Black() { return Picture(kWidth, kHeight, {{160, 90, 400, 0, 0, 0}}); }

  // Share of the frames of the last stretch on which the disc is held, and how
  // many of those in between have a mask.
  std::pair<double, int> Run(const TrackerOptions& options) {
    Use(SAM2_BUILTIN_MODEL, options);
    int held = 0, junk = 0;
    for (int f = 0; f < kEnd; ++f) {
      std::vector<Prompt> prompts;
      if (f == 0) prompts = {BoxPrompt(1, BoxOf(RedDisc(0)))};
      const bool there = f < kGone || f >= kBack;
      const Object object = Step(there ? With(f) : Black(), prompts).objects.at(0);
      if (!there) junk += !object.mask.empty();
      if (f >= kBack) held += Iou(object.mask, RedDisc(f / 3), kWidth, kHeight) > 0.4;
    }
    return {static_cast<double>(held) / (kEnd - kBack), junk};
  }
};

TEST_F(AbsenceTest, RobustPolicyFindsTheObjectAgainAndClaimsNothingMeanwhile) {
  const auto [held, junk] = Run({.memory_policy = MemoryPolicy::kRobust});
  EXPECT_GE(held, 0.8);
  EXPECT_LE(junk, 1);
}

TEST_F(AbsenceTest, AcrossCutsTheObjectIsOccludedAndFoundAgain) {
  const auto [held, junk] = Run({.detect_cuts = true});
  EXPECT_GE(held, 0.8);
  EXPECT_EQ(junk, 0);
}

TEST_F(AbsenceTest, CutDetectionLeavesAStillSceneAlone) {
  const auto plain = Open()->CreateVideoTracker({});
  Use(SAM2_BUILTIN_MODEL, {.detect_cuts = true});
  for (int f = 0; f < 6; ++f) {
    std::vector<Prompt> prompts;
    if (f == 0) prompts = {BoxPrompt(1, BoxOf(RedDisc(0)))};
    const auto expected = plain->Step(With(f).view(), kFrameNs * f, prompts);
    EXPECT_EQ(Step(With(f), prompts).objects[0].mask.pixels, expected.objects[0].mask.pixels);
  }
}

// Pixels by which an object that was just seen is expected further right five
// frames later.
TEST_F(AbsenceTest, MotionFromBeforeACutIsForgotten) {
  Use(SAM2_BUILTIN_MODEL, {.detect_cuts = true});
  const auto expected_shift = [&](const Object& seen) {
    const Object later = tracker_->Predict(kFrameNs * (frame_ + 4)).objects.at(0);
    return later.box->x0 - seen.box->x0;
  };
  Object seen = Step(Scene(0), {BoxPrompt(1, BoxOf(RedDisc(0)))}).objects.at(0);
  while (frame_ < 8) seen = Step(Scene(frame_)).objects.at(0);
  EXPECT_GT(expected_shift(seen), 5);
  // The disc is back where it would have gone.
  while (frame_ < 10) Step(Black());
  do {
    seen = Step(Scene(frame_)).objects.at(0);
  } while (!seen.box && frame_ < 20);
  ASSERT_TRUE(seen.box);
  EXPECT_EQ(expected_shift(seen), 0);
}

// Another picture with the disc in it, where its motion would not have it.
TEST_F(AbsenceTest, WhatIsSeenOnACutIsNotJudgedByMotionFromBefore) {
  const Disc jumped{180, 100, 30, 230, 50, 40};
  const Picture other(kWidth, kHeight, {{160, -100, 180, 120, 130, 90}, jumped});
  for (const bool detect_cuts : {true, false}) {
    Use(SAM2_BUILTIN_MODEL,
        {.memory_policy = MemoryPolicy::kRobust, .detect_cuts = detect_cuts});
    for (frame_ = 0; frame_ < 8;) {
      std::vector<Prompt> prompts;
      if (frame_ == 0) prompts = {BoxPrompt(1, BoxOf(RedDisc(0)))};
      Step(Picture(kWidth, kHeight, {RedDisc(frame_)}), prompts);
    }
    const Object seen = Step(other).objects.at(0);
    ASSERT_GT(Iou(seen.mask, jumped, kWidth, kHeight), 0.8);
    // A cut begins a new path; within a scene a jump is not believed at once.
    const Object later = tracker_->Predict(kFrameNs * (frame_ + 4)).objects.at(0);
    EXPECT_EQ(later.box->x0 - seen.box->x0 < 5, detect_cuts);
  }
}

TEST_F(AbsenceTest, PromptCountsOnTheFrameOfACut) {
  Use(SAM2_BUILTIN_MODEL, {.detect_cuts = true});
  Step(With(0), {BoxPrompt(1, BoxOf(RedDisc(0)))});
  Step(With(1));
  Prompt prompt;
  prompt.mask = Mask{60, 40, 80, 60, std::vector<std::uint8_t>(80 * 60, 255)};
  const auto result = Step(Black(), {prompt});
  EXPECT_EQ(result.objects.at(0).state, ObjectState::kOccluded);
  EXPECT_EQ(result.objects.at(1).state, ObjectState::kTracked);
}

TEST_F(VideoTrackerTest, RobustObjectsTogetherAreAsIfEachWereAlone) {
  const TrackerOptions robust{.memory_policy = MemoryPolicy::kRobust};
  Use(SAM2_BUILTIN_MODEL, robust);
  ExpectTogetherAsAlone(robust, BoxPrompt(2, BoxOf(kBlueDisc)));
}

TEST_F(VideoTrackerTest, FrameSizeMayChangeAndBeExtreme) {
  Step(Scene(0), {BoxPrompt(1, BoxOf(RedDisc(0)))});
  for (const auto& [width, height] : {std::pair{1, 1}, {7680, 4320}, {3, 999}, {320, 180}}) {
    const Picture picture(width, height, {RedDisc(0)});
    const auto result = Step(picture);
    ASSERT_EQ(result.objects.size(), 1u);
    const Mask& mask = result.objects[0].mask;
    EXPECT_GE(mask.x, 0);
    EXPECT_LE(mask.x + mask.width, width);
    EXPECT_LE(mask.y + mask.height, height);
  }
}

// ---------------------------------------------------------------- engine

ErrorCode CodeOf(const EngineOptions& options) {
  return ErrorOf([&] { sam2_core(kInterfaceVersion)->OpenEngine(options); }).code();
}

TEST(Engine, OtherInterfaceVersionsAreRefused) {
  EXPECT_EQ(sam2_core(kInterfaceVersion + 1), nullptr);
}

TEST(Engine, SameOptionsShareOneEngine) {
  const auto a = Open(), b = Open();
  EXPECT_EQ(a, b);
  const auto other = sam2_core(kInterfaceVersion)
                         ->OpenEngine({.model = SAM2_BUILTIN_MODEL, .device = "cpu",
                                       .precision = "bf16"});
  EXPECT_NE(a, other);
}

// How many threads this process has while a tracker of this engine is at work.
std::ptrdiff_t CountThreads(int threads) {
  const auto engine = sam2_core(kInterfaceVersion)
                          ->OpenEngine({.model = SAM2_BUILTIN_MODEL, .device = "cpu",
                                        .precision = "fp32", .image_size = 512,
                                        .threads = threads});
  const auto tracker = engine->CreateVideoTracker({});
  tracker->Step(Scene(0).view(), 0, std::vector{BoxPrompt(1, BoxOf(RedDisc(0)))});
  tracker->Step(Scene(1).view(), kFrameNs, {});
  using Entries = std::filesystem::directory_iterator;
  return std::distance(Entries("/proc/self/task"), Entries());
}

TEST(Engine, UsesAsManyThreadsAsItIsTold) {
  const auto one = CountThreads(1);
  EXPECT_EQ(CountThreads(4), one + 3);
}

TEST(Engine, TellsWhatItIs) {
  const ModelInfo& info = Open()->info();
  EXPECT_EQ(info.member, "builtin");
  EXPECT_EQ(info.device, "cpu");
  EXPECT_EQ(info.precision, "fp32");
  EXPECT_EQ(info.image_size, 320);
  EXPECT_GT(info.weight_bytes, 100'000);
}

TEST(Engine, BadOptionsAreRefused) {
  const std::string model = SAM2_BUILTIN_MODEL;
  EXPECT_EQ(CodeOf({.model = "/no/such/file.pt", .device = "cpu"}), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf({.model = model, .device = "tpu"}), ErrorCode::kBadSettings);
  EXPECT_EQ(CodeOf({.model = model, .device = "cuda:x"}), ErrorCode::kBadSettings);
  EXPECT_EQ(CodeOf({.model = model, .device = "cpu", .precision = "int8"}),
            ErrorCode::kBadSettings);
  EXPECT_EQ(CodeOf({.model = model, .device = "cpu", .precision = "fp16"}),
            ErrorCode::kBadSettings);
  for (int size : {1, 100, 250, 8192}) {
    EXPECT_EQ(CodeOf({.model = model, .device = "cpu", .image_size = size}),
              ErrorCode::kBadSettings)
        << size;
  }
  EXPECT_EQ(CodeOf({.model = __FILE__, .device = "cpu"}), ErrorCode::kBadCheckpoint);
}

TEST(Engine, OnlyAFileThatIsNotThereIsNotFound) {
  const auto loop = std::filesystem::temp_directory_path() / (std::to_string(getpid()) + "loop");
  std::filesystem::create_symlink(loop, loop);
  const std::string too_long(5000, 'x'), below_a_file = std::string(SAM2_BUILTIN_MODEL) + "/w.pt";
  EXPECT_EQ(CodeOf({.model = loop, .device = "cpu"}), ErrorCode::kBadCheckpoint);
  EXPECT_EQ(CodeOf({.model = too_long, .device = "cpu"}), ErrorCode::kBadCheckpoint);
  EXPECT_EQ(CodeOf({.model = below_a_file, .device = "cpu"}), ErrorCode::kNotFound);
  std::filesystem::remove(loop);
}

TEST(Engine, MissingGpuIsSaid) {
  EXPECT_EQ(CodeOf({.model = SAM2_BUILTIN_MODEL, .device = "cuda:63"}),
            ErrorCode::kDeviceMissing);
}

}  // namespace
}  // namespace sam2
