// SPDX-License-Identifier: Apache-2.0
//
// The image predictor with the built-in model on drawn pictures.
#include "predictor/image_predictor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "builtin_engine.h"
#include "operator_log.h"

namespace sam2 {
namespace {

// Packed RGB with a bright disc on dark ground.
struct Drawing {
  int width, height, stride;
  std::vector<std::uint8_t> pixels;

  Drawing(int w, int h, float cx, float cy, float radius, int padding = 0)
      : width(w), height(h), stride(3 * w + padding),
        pixels(static_cast<std::size_t>(stride) * h, static_cast<std::uint8_t>(padding)) {
    for (int y = 0; y < h; ++y) {
      for (int x = 0; x < w; ++x) {
        const bool inside = std::hypot(x + 0.5F - cx, y + 0.5F - cy) < radius;
        std::uint8_t* pixel = &pixels[static_cast<std::size_t>(y) * stride + 3 * x];
        pixel[0] = inside ? 230 : 40;
        pixel[1] = inside ? 190 : 60;
        pixel[2] = inside ? 60 : 80;
      }
    }
  }

  FrameView view() const {
    return {.format = PixelFormat::kRGB, .width = width, .height = height,
            .plane = {pixels.data()}, .stride = {stride}};
  }
};

Drawing Disc() { return {160, 120, 80, 60, 30}; }
constexpr Box kDiscBox = {50, 30, 110, 90};

Prompt BoxPrompt(const Box& box, int id = 0, PromptAction action = PromptAction::kAdd) {
  Prompt prompt;
  prompt.id = id;
  prompt.action = action;
  prompt.box = box;
  return prompt;
}

Prompt PointPrompt(std::vector<Point> points, int id = 0,
                   PromptAction action = PromptAction::kAdd) {
  Prompt prompt;
  prompt.id = id;
  prompt.action = action;
  prompt.points = std::move(points);
  return prompt;
}

Prompt Action(PromptAction action, int id) {
  Prompt prompt;
  prompt.id = id;
  prompt.action = action;
  return prompt;
}

std::int64_t Area(const Mask& mask) { return std::ranges::count(mask.pixels, 255); }

bool Same(const Mask& a, const Mask& b) {
  return a.x == b.x && a.y == b.y && a.width == b.width && a.pixels == b.pixels;
}

// A predictor that shows the disc.
class ImagePredictorTest : public ::testing::Test {
 protected:
  ImagePredictorTest() { predictor_.SetImage(picture_.view()); }

  StepResult Step(const std::vector<Prompt>& prompts) { return predictor_.Step(prompts); }
  std::string ErrorOf(const Prompt& prompt) { return Step({prompt}).outcomes.at(0).error; }

  Drawing picture_ = Disc();
  StillsPredictor predictor_{BuiltinEngine(), {}};
};

TEST_F(ImagePredictorTest, ABoxGivesTheMaskOfWhatIsInIt) {
  const StepResult result = Step({BoxPrompt(kDiscBox)});
  ASSERT_EQ(result.objects.size(), 1U);
  const Object& object = result.objects[0];
  EXPECT_EQ(object.id, 1);
  EXPECT_EQ(object.state, ObjectState::kTracked);
  EXPECT_FALSE(object.accepted);
  const double disc = 30 * 30 * M_PI;
  EXPECT_NEAR(static_cast<double>(Area(object.mask)), disc, 0.25 * disc);
  ASSERT_TRUE(object.box);
  EXPECT_EQ(object.box->x0, static_cast<float>(object.mask.x));
  EXPECT_EQ(object.box->x1, static_cast<float>(object.mask.x + object.mask.width));
}

TEST_F(ImagePredictorTest, ObjectsStayWithTheSamePixelsAndGoWithOthers) {
  Step({BoxPrompt(kDiscBox)});
  EXPECT_FALSE(predictor_.SetImage(picture_.view()));
  const Drawing padded(160, 120, 80, 60, 30, /*padding=*/7);
  EXPECT_FALSE(predictor_.SetImage(padded.view()));
  EXPECT_EQ(Step({}).objects.size(), 1U);
  Drawing other = Disc();
  other.pixels.back() ^= 1;
  EXPECT_TRUE(predictor_.SetImage(other.view()));
  EXPECT_TRUE(Step({}).objects.empty());
  EXPECT_EQ(Step({BoxPrompt(kDiscBox)}).outcomes[0].id, 2);
}

TEST_F(ImagePredictorTest, BatchesSayTheSameAsSinglePrompts) {
  std::vector<Prompt> prompts;
  for (int i = 0; i < 21; ++i) {
    const float x = static_cast<float>(2 * i);
    prompts.push_back(BoxPrompt({x, 20, x + 80, 100}));
  }
  const StepResult together = Step(prompts);
  ASSERT_EQ(together.objects.size(), prompts.size());
  StillsPredictor single(BuiltinEngine(), {});
  single.SetImage(picture_.view());
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const Object alone = single.Step({&prompts[i], 1}).objects.back();
    EXPECT_EQ(alone.id, together.objects[i].id);
    EXPECT_NEAR(alone.iou, together.objects[i].iou, 1e-4);
    EXPECT_NEAR(static_cast<double>(Area(alone.mask)),
                static_cast<double>(Area(together.objects[i].mask)), 5);
  }
}

TEST_F(ImagePredictorTest, AutomaticIsNegativeInsideAndPositiveOutside) {
  const auto after = [&](Point point) {
    StillsPredictor predictor(BuiltinEngine(), {});
    predictor.SetImage(picture_.view());
    const Prompt prompts[] = {BoxPrompt(kDiscBox, 1),
                              PointPrompt({point}, 1, PromptAction::kRefine)};
    return predictor.Step(prompts).objects.at(0).mask;
  };
  const Mask inside = after({.x = 80, .y = 60, .automatic = true});
  EXPECT_TRUE(Same(inside, after({.x = 80, .y = 60, .positive = false})));
  EXPECT_FALSE(Same(inside, after({.x = 80, .y = 60, .positive = true})));
  const Mask outside = after({.x = 150, .y = 110, .automatic = true});
  EXPECT_TRUE(Same(outside, after({.x = 150, .y = 110, .positive = true})));
  EXPECT_FALSE(Same(outside, after({.x = 150, .y = 110, .positive = false})));
}

TEST_F(ImagePredictorTest, UndoBringsTheFormerMaskBack) {
  const Mask first = Step({BoxPrompt(kDiscBox)}).objects[0].mask;
  const Mask second =
      Step({PointPrompt({{.x = 80, .y = 60, .positive = false}}, 1, PromptAction::kRefine)})
          .objects[0].mask;
  EXPECT_FALSE(Same(first, second));
  EXPECT_TRUE(Same(first, Step({Action(PromptAction::kUndo, 1)}).objects[0].mask));
  EXPECT_TRUE(Step({Action(PromptAction::kUndo, 1)}).objects.empty());
  EXPECT_EQ(ErrorOf(Action(PromptAction::kUndo, 1)), "object 1 does not exist");
}

TEST_F(ImagePredictorTest, AStepThatIsGivenUpLeavesTheObjectsAsTheyWere) {
  const Mask first = Step({BoxPrompt(kDiscBox)}).objects[0].mask;
  const std::vector<Prompt> prompts = {
      PointPrompt({{.x = 80, .y = 60, .positive = false}}, 1, PromptAction::kRefine),
      BoxPrompt({0, 0, 40, 40})};
  std::stop_source stop;
  stop.request_stop();
  const StepResult given_up = predictor_.Step(prompts, stop.get_token());
  EXPECT_TRUE(given_up.objects.empty());
  EXPECT_TRUE(given_up.outcomes.empty());
  const StepResult now = Step({});
  ASSERT_EQ(now.objects.size(), 1U);
  EXPECT_TRUE(Same(first, now.objects[0].mask));
  EXPECT_EQ(Step(prompts).outcomes[1].id, 2);
}

TEST_F(ImagePredictorTest, ReplaceForgetsTheClicks) {
  Step({PointPrompt({{.x = 5, .y = 5}})});
  const Mask replaced = Step({BoxPrompt(kDiscBox, 1, PromptAction::kReplace)}).objects[0].mask;
  StillsPredictor fresh(BuiltinEngine(), {});
  fresh.SetImage(picture_.view());
  const Prompt prompt = BoxPrompt(kDiscBox);
  EXPECT_TRUE(Same(replaced, fresh.Step({&prompt, 1}).objects[0].mask));
}

TEST_F(ImagePredictorTest, AcceptFreezes) {
  const Mask mask = Step({BoxPrompt(kDiscBox)}).objects[0].mask;
  EXPECT_TRUE(Step({Action(PromptAction::kAccept, 1)}).objects[0].accepted);
  for (const Prompt& prompt :
       {PointPrompt({{.x = 3, .y = 3}}, 1, PromptAction::kRefine),
        BoxPrompt({0, 0, 9, 9}, 1, PromptAction::kReplace), Action(PromptAction::kAccept, 1)}) {
    EXPECT_NE(ErrorOf(prompt).find("is accepted"), std::string::npos);
  }
  EXPECT_TRUE(Same(mask, Step({}).objects[0].mask));
  EXPECT_TRUE(Step({Action(PromptAction::kRemove, 1)}).objects.empty());
}

TEST_F(ImagePredictorTest, UndoOpensAnAcceptedObjectAgain) {
  const Mask mask = Step({BoxPrompt(kDiscBox)}).objects[0].mask;
  Step({Action(PromptAction::kAccept, 1)});
  const Object opened = Step({Action(PromptAction::kUndo, 1)}).objects.at(0);
  EXPECT_FALSE(opened.accepted);
  EXPECT_TRUE(Same(mask, opened.mask));
  EXPECT_EQ(ErrorOf(PointPrompt({{.x = 3, .y = 3}}, 1, PromptAction::kRefine)), "");
}

TEST_F(ImagePredictorTest, MaskChoiceGoesByArea) {
  Step({PointPrompt({{.x = 80, .y = 60}})});
  std::vector<std::int64_t> areas;
  for (const MaskChoice choice : {MaskChoice::kWhole, MaskChoice::kPart, MaskChoice::kSubpart}) {
    predictor_.SetMaskChoice(choice);
    areas.push_back(Area(Step({}).objects[0].mask));
  }
  EXPECT_GT(areas[0], areas[2]);
  EXPECT_GE(areas[0], areas[1]);
  EXPECT_GE(areas[1], areas[2]);
  predictor_.SetMaskChoice(MaskChoice::kBest);
  EXPECT_EQ(std::ranges::count(areas, Area(Step({}).objects[0].mask)) > 0, true);
}

TEST_F(ImagePredictorTest, MaskChoiceLeavesAcceptedObjectsAlone) {
  const Mask mask = Step({PointPrompt({{.x = 80, .y = 60}})}).objects[0].mask;
  Step({Action(PromptAction::kAccept, 1)});
  for (const MaskChoice choice : {MaskChoice::kWhole, MaskChoice::kPart, MaskChoice::kSubpart}) {
    predictor_.SetMaskChoice(choice);
    EXPECT_TRUE(Same(mask, Step({}).objects[0].mask));
  }
}

// A ring of background around a disc.
Mask GivenMask() {
  Mask mask{.x = 40, .y = 20, .width = 80, .height = 80, .pixels = {}};
  for (int y = 0; y < 80; ++y) {
    for (int x = 0; x < 80; ++x) {
      mask.pixels.push_back(std::hypot(x - 39.5, y - 39.5) < 30 ? 1 : 0);
    }
  }
  return mask;
}

Prompt MaskPrompt(int id = 0, PromptAction action = PromptAction::kAdd) {
  Prompt prompt;
  prompt.id = id;
  prompt.action = action;
  prompt.mask = GivenMask();
  return prompt;
}

TEST_F(ImagePredictorTest, AGivenMaskIsTheMask) {
  const Object object = Step({BoxPrompt({0, 0, 20, 20}), MaskPrompt()}).objects.at(1);
  EXPECT_EQ(object.id, 2);
  EXPECT_EQ(object.state, ObjectState::kTracked);
  EXPECT_EQ(object.mask.x, 50);
  EXPECT_EQ(object.mask.width, 60);
  EXPECT_EQ(Area(object.mask), std::ranges::count(GivenMask().pixels, 1));
}

TEST_F(ImagePredictorTest, ClicksCorrectAGivenMask) {
  const Mask given = Step({MaskPrompt()}).objects[0].mask;
  const Object object =
      Step({PointPrompt({{.x = 80, .y = 60, .automatic = true}}, 1, PromptAction::kRefine)})
          .objects[0];
  EXPECT_FALSE(Same(object.mask, given));
  EXPECT_TRUE(Same(Step({Action(PromptAction::kUndo, 1)}).objects[0].mask, given));
}

TEST_F(ImagePredictorTest, AGivenMaskIsNotTakenBack) {
  Step({MaskPrompt()});
  EXPECT_NE(ErrorOf(Action(PromptAction::kUndo, 1)).find("given mask"), std::string::npos);
  EXPECT_EQ(Step({}).objects.size(), 1U);
  EXPECT_EQ(ErrorOf(Action(PromptAction::kRemove, 1)), "");
}

TEST_F(ImagePredictorTest, AGivenMaskReplacesWhatWasThere) {
  Step({BoxPrompt({0, 0, 20, 20})});
  const Mask replaced = Step({MaskPrompt(1, PromptAction::kReplace)}).objects[0].mask;
  EXPECT_EQ(replaced.x, 50);
  EXPECT_NE(ErrorOf(Action(PromptAction::kUndo, 1)), "");
}

TEST_F(ImagePredictorTest, AHundredAndContradictoryClicks) {
  Step({BoxPrompt(kDiscBox)});
  for (int i = 0; i < 100; ++i) {
    const Point point{.x = static_cast<float>(i), .y = 60, .positive = i % 2 == 0};
    const StepResult result = Step({PointPrompt({point}, 1, PromptAction::kRefine)});
    ASSERT_EQ(result.outcomes[0].error, "");
    ASSERT_TRUE(std::isfinite(result.objects[0].iou));
  }
  const StepResult both = Step({PointPrompt({{.x = 80, .y = 60}, {.x = 80, .y = 60, .positive = false}})});
  EXPECT_EQ(both.outcomes[0].error, "");
  EXPECT_EQ(both.objects.size(), 2U);
}

TEST_F(ImagePredictorTest, BadPromptsAreRefusedAndTheOthersGoOn) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const StepResult result = Step({
      BoxPrompt({200, 10, 260, 50}), BoxPrompt({10, 10, 10, 50}), BoxPrompt({nan, 0, 5, 5}),
      PointPrompt({}), PointPrompt({{.x = nan, .y = 0}}), BoxPrompt(kDiscBox, -1),
      BoxPrompt(kDiscBox, 9, PromptAction::kRefine), Action(PromptAction::kUndo, 9),
      Action(PromptAction::kAccept, 9), Action(PromptAction::kRemove, 9), BoxPrompt(kDiscBox, 5),
      BoxPrompt(kDiscBox, 5)});
  for (std::size_t i = 0; i < 12; ++i) {
    EXPECT_EQ(result.outcomes[i].error.empty(), i == 10) << i << result.outcomes[i].error;
  }
  ASSERT_EQ(result.objects.size(), 1U);
  EXPECT_EQ(result.objects[0].id, 5);
}

TEST_F(ImagePredictorTest, IdsHaveAnEnd) {
  const StepResult result =
      Step({BoxPrompt(kDiscBox, std::numeric_limits<int>::max()),
            BoxPrompt(kDiscBox, kMaxObjectId), BoxPrompt(kDiscBox)});
  EXPECT_NE(result.outcomes[0].error.find("ids end at 1000000000"), std::string::npos);
  EXPECT_EQ(result.outcomes[1].error, "");
  EXPECT_EQ(result.outcomes[2].id, kMaxObjectId + 1);
}

// Operators on the caller's thread would neither heed the engine's number of
// threads nor wait for their turn. Views compute nothing, nor does room for a copy.
TEST_F(ImagePredictorTest, OperatorsRunInTheEnginesTurn) {
  using testing::AnyOf, testing::Each;
  StillsPredictor windowed(BuiltinEngine(), {.max_hole_area = 8, .search_window = 1.5F,
                                             .refine_edges = true});
  windowed.SetImage(picture_.view());
  const Prompt box = BoxPrompt(kDiscBox, 1);
  const Prompt outside = PointPrompt({{.x = 5, .y = 5}}, 1, PromptAction::kRefine);
  OperatorLog log;
  windowed.Step({&box, 1});
  windowed.Step({&outside, 1});  // moves the window
  Step({PointPrompt({{.x = 80, .y = 60}}), MaskPrompt()});
  Step({PointPrompt({{.x = 5, .y = 5, .positive = false}}, 1, PromptAction::kRefine)});
  Step({PointPrompt({{.x = 80, .y = 60}})});
  predictor_.SetMaskChoice(MaskChoice::kWhole);
  Step({});
  predictor_.Everything({.points_per_side = 2, .pred_iou_thresh = 0, .stability_score_thresh = 0,
                         .min_mask_region_area = 4});
  std::vector<std::string> seen;
  for (const Operator& op : log.operators()) seen.push_back(op.name);
  EXPECT_THAT(seen, Each(AnyOf("aten::select", "aten::unsqueeze", "aten::as_strided", "aten::empty")));
  EXPECT_FALSE(seen.empty());
}

TEST_F(ImagePredictorTest, AClickOutsideIsClipped) {
  const StepResult result = Step({PointPrompt({{.x = -50, .y = 500}})});
  EXPECT_TRUE(result.outcomes[0].clipped);
  EXPECT_EQ(result.outcomes[0].error, "");
}

TEST(ImagePredictorLimits, ObjectsAreCounted) {
  StillsPredictor predictor(BuiltinEngine(), {.max_objects = 2});
  const Drawing picture = Disc();
  predictor.SetImage(picture.view());
  const std::vector<Prompt> prompts(3, BoxPrompt(kDiscBox));
  const StepResult result = predictor.Step(prompts);
  EXPECT_EQ(result.objects.size(), 2U);
  EXPECT_NE(result.outcomes[2].error.find("2 objects already"), std::string::npos);
}

TEST(ImagePredictorLimits, WhatIsRefinedCountsOnce) {
  StillsPredictor predictor(BuiltinEngine(), {.max_objects = 2});
  const Drawing picture = Disc();
  predictor.SetImage(picture.view());
  const Prompt first = BoxPrompt(kDiscBox, 1);
  predictor.Step({&first, 1});
  const Prompt prompts[] = {BoxPrompt(kDiscBox, 1, PromptAction::kRefine), BoxPrompt(kDiscBox, 2),
                            BoxPrompt(kDiscBox, 3)};
  const StepResult result = predictor.Step(prompts);
  EXPECT_EQ(result.outcomes[0].error, "");
  EXPECT_EQ(result.outcomes[1].error, "");
  EXPECT_NE(result.outcomes[2].error.find("2 objects already"), std::string::npos);
}

TEST(ImagePredictorLimits, NothingWithoutAPicture) {
  StillsPredictor predictor(BuiltinEngine(), {});
  EXPECT_THROW(predictor.Step({}), Error);
  EXPECT_THROW(predictor.Everything({}), Error);
  EXPECT_THROW(predictor.SetImage({}), Error);
  const Drawing picture = Disc();
  FrameView elsewhere = picture.view();
  elsewhere.memory = FrameMemory::kCuda;
  EXPECT_THROW(predictor.SetImage(elsewhere), Error);
}

TEST(ImagePredictorLimits, PicturesOfOnePixelAndOfManyMillions) {
  StillsPredictor predictor(BuiltinEngine(), {});
  const Drawing tiny(1, 1, 0, 0, 5);
  predictor.SetImage(tiny.view());
  const Prompt whole = BoxPrompt({0, 0, 1, 1});
  EXPECT_EQ(predictor.Step({&whole, 1}).outcomes[0].error, "");

  const int width = 20'000, height = 2'000;
  const std::vector<std::uint8_t> grey(static_cast<std::size_t>(width) * height, 90);
  predictor.SetImage({.format = PixelFormat::kGRAY8, .width = width, .height = height,
                      .plane = {grey.data()}, .stride = {width}});
  const Prompt box = BoxPrompt({5000, 500, 9000, 1900});
  const StepResult result = predictor.Step({&box, 1});
  EXPECT_EQ(result.outcomes[0].error, "");
  EXPECT_EQ(result.objects.size(), 1U);
}

TEST(ImagePredictorLimits, HolesAndSpecksCanBeRemoved) {
  const Drawing picture = Disc();
  const Prompt click = PointPrompt({{.x = 5, .y = 5}});
  StillsPredictor plain(BuiltinEngine(), {}), clean(BuiltinEngine(), {.max_hole_area = 1 << 20});
  plain.SetImage(picture.view());
  clean.SetImage(picture.view());
  const Mask before = plain.Step({&click, 1}).objects[0].mask;
  const Mask after = clean.Step({&click, 1}).objects[0].mask;
  // Every hole is filled, and even the ground, for which nothing is too large.
  EXPECT_GT(Area(after), Area(before));
  EXPECT_EQ(Area(after), 160 * 120);
}

}  // namespace
}  // namespace sam2
