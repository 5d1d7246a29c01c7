// SPDX-License-Identifier: Apache-2.0
#include "image/refine_edges.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "builtin_engine.h"
#include "predictor/image_predictor.h"

namespace sam2 {
namespace {

constexpr int kSide = 96;            // of the pictures
constexpr float kMiddle = 48, kRadius = 30;  // of the disc

// A disc of one colour on another, both a little noisy.
struct Picture {
  explicit Picture(PixelFormat format = PixelFormat::kRGB, int bytes = 3, int scale = 1)
      : format(format), bytes(bytes), side(kSide * scale) {
    std::mt19937 chance;
    for (int y = 0; y < side; ++y) {
      for (int x = 0; x < side; ++x) {
        const bool inside = std::hypot((x + 0.5F) / scale - kMiddle, (y + 0.5F) / scale - kMiddle) < kRadius;
        for (int c = 0; c < bytes; ++c) {
          const int noise = static_cast<int>(chance() % 16);
          pixels.push_back(static_cast<std::uint8_t>(noise + (inside ? 200 - 40 * c : 40 + 30 * c)));
        }
      }
    }
  }
  FrameView view() const {
    return {.format = format, .width = side, .height = side, .plane = {pixels.data()},
            .stride = {side * bytes}};
  }

  PixelFormat format;
  int bytes, side;
  std::vector<std::uint8_t> pixels;
};

// A network's idea of the disc: 0 at `radius`, falling by `slope` a pixel.
at::Tensor Idea(float radius, float slope, int side = kSide / 4) {
  const at::Tensor at = (at::arange(side) + 0.5) * (static_cast<float>(kSide) / side) - kMiddle;
  return ((radius - (at.square().unsqueeze(0) + at.square().unsqueeze(1)).sqrt()) * slope)
      .to(at::kFloat).contiguous();
}

constexpr float kVague = 0.12F;

double IouWithDisc(const at::Tensor& found) {
  const at::Tensor truth = Idea(kRadius, 1, static_cast<int>(found.size(0))) > 0;
  return (truth & (found > 0)).sum().item<double>() / (truth | (found > 0)).sum().item<double>();
}

at::Tensor Scaled(const at::Tensor& logits, int side) {
  return at::upsample_bilinear2d(logits.unsqueeze(0).unsqueeze(0), {side, side}, false)[0][0];
}

// Of each pixel of the picture, as the mask that is made of them.
at::Tensor Refined(const at::Tensor& idea, const FrameView& frame, const std::optional<Box>& box = {},
                   const std::vector<Point>& clicks = {}) {
  return Scaled(RefineEdges(idea, frame, box, clicks), kSide);
}

struct Format {
  PixelFormat format;
  int bytes;
};

class RefineEdgesOf : public ::testing::TestWithParam<Format> {};

TEST_P(RefineEdgesOf, FollowsThePicture) {
  const Picture picture(GetParam().format, GetParam().bytes);
  for (const float radius : {kRadius - 4, kRadius + 4}) {
    EXPECT_LT(IouWithDisc(Scaled(Idea(radius, kVague), kSide)), 0.9);
    EXPECT_GT(IouWithDisc(RefineEdges(Idea(radius, kVague), picture.view(), {}, {})), 0.94);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, RefineEdgesOf,
                         ::testing::Values(Format{PixelFormat::kRGB, 3}, Format{PixelFormat::kBGR, 3},
                                           Format{PixelFormat::kxRGB, 4}, Format{PixelFormat::kBGRx, 4},
                                           Format{PixelFormat::kGRAY8, 1}),
                         [](const auto& info) { return std::to_string(info.index); });

TEST(RefineEdges, OfYCbCrFollowThePicture) {
  const Picture luma(PixelFormat::kNV12, 1);
  const std::vector<std::uint8_t> chroma(kSide * kSide / 2, 128);
  FrameView frame = luma.view();
  frame.plane[1] = chroma.data();
  frame.stride[1] = kSide;
  EXPECT_GT(IouWithDisc(RefineEdges(Idea(kRadius - 2, kVague), frame, {}, {})), 0.94);
}

TEST(RefineEdges, OfFramesOfAnySizeAreOnOneGrid) {
  for (const int scale : {1, 10}) {
    const Picture picture(PixelFormat::kRGB, 3, scale);
    FrameView wide = picture.view();
    EXPECT_GT(IouWithDisc(RefineEdges(Idea(kRadius - 2, kVague), wide, {}, {})), 0.94);
    wide.height /= 2;
    EXPECT_EQ(RefineEdges(Idea(kRadius, kVague), wide, {}, {}).sizes(),
              (std::vector<std::int64_t>{kRefinedSide / 2, kRefinedSide}));
  }
}

TEST(RefineEdges, AreLogitsOfEachPointOfTheGrid) {
  const at::Tensor idea = Idea(kRadius - 2, kVague), grown = Scaled(idea, kRefinedSide);
  const at::Tensor refined = RefineEdges(idea, Picture().view(), {}, {});
  ASSERT_EQ(refined.sizes(), grown.sizes());
  const at::Tensor changed = (grown > 0) != (refined > 0);
  EXPECT_TRUE(changed.any().item<bool>());
  EXPECT_TRUE(at::allclose(refined, at::where(changed, -grown, grown), 0, 0.011));
}

TEST(RefineEdges, LeaveWhatIsSure) {
  const at::Tensor idea = Idea(kRadius + 12, kVague);  // wrong, and sure of much of it
  const at::Tensor grown = Scaled(idea, kRefinedSide), agreed = (grown > 0) == (RefineEdges(idea, Picture().view(), {}, {}) > 0);
  EXPECT_TRUE(agreed.masked_select(grown.abs() > kSureLogit + 1e-4).all().item<bool>());
  EXPECT_FALSE(agreed.all().item<bool>());
}

TEST(RefineEdges, LeaveAMaskThatIsSure) {
  const at::Tensor sure =
      at::where(Idea(kRadius - 4, 1, kRefinedSide) > 0, 10.0F, -10.0F).to(at::kFloat);
  EXPECT_TRUE(at::equal(RefineEdges(sure, Picture().view(), {}, {}), sure));
}

TEST(RefineEdges, LeaveAMaskOfNothingOrOfAll) {
  for (const float logit : {-0.1F, 0.1F}) {
    const at::Tensor idea = at::full({24, 24}, logit);
    EXPECT_TRUE(at::equal(RefineEdges(idea, Picture().view(), {}, {}), idea));
  }
}

// Into a bridge of its colour of which the network knows nothing.
TEST(RefineEdges, DoNotLeaveTheBox) {
  Picture picture;
  at::Tensor idea = Idea(kRadius - 2, kVague, kSide).clamp_min_(-0.3F);
  const auto right = static_cast<int>(kMiddle + kRadius);
  for (int y = 40; y < 56; ++y) {
    const auto from = picture.pixels.begin() + 3 * (y * kSide + static_cast<int>(kMiddle));
    std::copy_n(from, 3 * (kSide - right), picture.pixels.begin() + 3 * (y * kSide + right));
  }
  const Box box{kMiddle - kRadius, kMiddle - kRadius, kMiddle + kRadius, kMiddle + kRadius};
  const Box wide{0, 0, kSide, kSide};
  const auto reaches = [&](const std::optional<Box>& within) {
    return (Refined(idea, picture.view(), within)[48][kSide - 4] > 0).item<bool>();
  };
  EXPECT_TRUE(reaches(wide));  // or else this could not fail
  EXPECT_FALSE(reaches(box));
  EXPECT_FALSE(reaches({}));  // nor its own, without one
}

// A box that was drawn too small.
TEST(RefineEdges, LeaveTheBoxWhereAClickSaysSo) {
  const at::Tensor idea = Idea(kRadius - 2, kVague);
  const Picture picture;
  const Box half{0, 0, kMiddle + kRadius - 6, kSide};
  const auto y = static_cast<int>(kMiddle), right = static_cast<int>(kMiddle + kRadius - 1);
  const auto reaches = [&](std::vector<Point> clicks) {
    return (Refined(idea, picture.view(), half, clicks)[y - 1][right] > 0).item<bool>();
  };
  const Point beyond{.x = right + 0.5F, .y = y + 2.5F, .positive = true};
  EXPECT_FALSE(reaches({}));
  EXPECT_FALSE(reaches({{.x = beyond.x, .y = beyond.y, .positive = false}}));
  EXPECT_FALSE(reaches({{.x = kMiddle, .y = kMiddle, .positive = true}}));
  EXPECT_TRUE(reaches({beyond}));
}

// An idea of a little thing where the picture has nothing.
TEST(RefineEdges, LeaveNoObjectWithoutAPixel) {
  at::Tensor idea = at::full({kSide, kSide}, -0.2F);
  idea.slice(0, 4, 8).slice(1, 4, 8).fill_(0.05F);
  EXPECT_TRUE((RefineEdges(idea, Picture().view(), {}, {}) > 0).any().item<bool>());
}

TEST(RefineEdges, LeaveWhatWasClickedOn) {
  const at::Tensor idea = Idea(kRadius + 4, kVague);
  const int y = static_cast<int>(kMiddle), x = y + static_cast<int>(kRadius) + 3;  // vague, and no disc
  const Picture picture;
  const auto side = [&](std::vector<Point> clicks) {
    return Refined(idea, picture.view(), {}, clicks)[y][x].item<float>() > 0;
  };
  const Point there{.x = x + 0.5F, .y = y + 0.5F, .positive = true};
  EXPECT_FALSE(side({}));
  EXPECT_TRUE(side({there}));
  const Point inside{.x = kMiddle + kRadius - 2, .y = kMiddle, .positive = false};
  const Point outside{.x = -3, .y = 1e6F, .positive = true};
  EXPECT_LT(Refined(idea, picture.view(), {}, {inside, outside})[y][static_cast<int>(inside.x)].item<float>(), 0);
}

// Where the network is sure of the contrary, a speck would be no help.
TEST(RefineEdges, LeaveWhatIsSureInSpiteOfAClick) {
  const Point middle{.x = kMiddle, .y = kMiddle, .positive = false};
  const auto at = static_cast<int>(kMiddle);
  EXPECT_GT(Refined(Idea(kRadius, kVague), Picture().view(), {}, {middle})[at][at].item<float>(), 0);
}

TEST(RefineEdges, AreTheSameEveryTime) {
  std::vector<std::uint8_t> noise(3 * kSide * kSide);
  std::mt19937 chance;
  std::ranges::generate(noise, [&] { return static_cast<std::uint8_t>(chance()); });
  FrameView frame = Picture().view();
  frame.plane[0] = noise.data();
  EXPECT_TRUE(at::equal(RefineEdges(Idea(kRadius, kVague / 4), frame, {}, {}),
                        RefineEdges(Idea(kRadius, kVague / 4), frame, {}, {})));
}

// One pixel, whichever of a window it is.
TEST(RefineEdges, KeepAClickInAWindowOfAnySize) {
  const Picture picture;
  for (const int side : {7, 96}) {
    FrameView window = picture.view();  // at the disc's right edge
    window.width = window.height = side;
    const int right = std::min(static_cast<int>(kMiddle + kRadius) - side / 2, kSide - side);
    window.plane[0] += (kSide - side) / 2 * window.stride[0] + 3 * right;
    // Sure of a speck in the middle alone.
    const at::Tensor idea = at::where(Idea(8, 1) > 0, 2.0F, Idea(kRadius, kVague / 10)).to(at::kFloat);
    for (const int at : {0, side / 3}) {
      for (const bool positive : {false, true}) {
        const Point click{.x = at + 0.9F, .y = side - 1 - at + 0.1F, .positive = positive};
        const at::Tensor mask = Scaled(RefineEdges(idea, window, {}, {&click, 1}), side) > 0;
        EXPECT_EQ(mask[side - 1 - at][at].item<bool>(), positive) << side << ' ' << at;
      }
    }
  }
}

// Fewer pixels than GrabCut makes clusters of.
TEST(RefineEdges, OfATinyWindowAreFound) {
  const Picture picture;
  for (int side = 1; side <= 6; ++side) {
    FrameView tiny = picture.view();
    tiny.width = tiny.height = side;
    for (const int lit : {0, 1, side, side * side}) {
      const at::Tensor idea = at::full({side, side}, -0.1F);
      idea.view(-1).slice(0, 0, lit).fill_(0.1F);
      const at::Tensor refined = RefineEdges(idea, tiny, {}, {});
      const bool cut = refined.size(0) == kRefinedSide;
      EXPECT_TRUE(cut || at::equal(refined, idea));
      EXPECT_TRUE(lit == 0 || (refined > 0).any().item<bool>());
    }
  }
}

TEST(RefineEdges, RefuseAFrameThatIsNone) {
  const Picture picture;
  FrameView none = picture.view(), narrow = picture.view();
  none.plane[0] = nullptr;
  narrow.stride[0] = kSide;
  EXPECT_THROW(RefineEdges(Idea(kRadius, kVague), none, {}, {}), Error);
  EXPECT_THROW(RefineEdges(Idea(kRadius, kVague), narrow, {}, {}), Error);
}

// ---------------------------------------------------------------- in the predictors

Prompt BoxPrompt() {
  Prompt prompt;
  prompt.id = 1;
  prompt.box = Box{16, 16, 80, 80};
  return prompt;
}

Prompt Click(float x, float y, PromptAction action = PromptAction::kRefine) {
  Prompt prompt;
  prompt.id = 1;
  prompt.action = action;
  prompt.points = {{.x = x, .y = y, .positive = true}};
  return prompt;
}

// The object after the prompts, one call of Step for each.
Object Still(const StillsOptions& options, const std::vector<Prompt>& prompts) {
  StillsPredictor predictor(BuiltinEngine(), options);
  const Picture picture;
  predictor.SetImage(picture.view());
  Object object;
  for (const Prompt& prompt : prompts) object = predictor.Step({&prompt, 1}).objects.at(0);
  return object;
}

TEST(RefinedStills, DifferAtTheEdgeAlone) {
  const Object plain = Still({}, {BoxPrompt()}), refined = Still({.refine_edges = true}, {BoxPrompt()});
  EXPECT_FALSE(plain.mask.pixels == refined.mask.pixels);
  EXPECT_EQ(plain.iou, refined.iou);  // the network's own guess, of its own mask
  EXPECT_NEAR(plain.box->x0, refined.box->x0, 8);
  EXPECT_NEAR(plain.box->y1, refined.box->y1, 8);
}

TEST(RefinedStills, ACorrectionStartsFromTheNetworksOwnLogits) {
  const std::vector<Prompt> prompts = {BoxPrompt(), Click(50, 40)};
  const Object plain = Still({}, prompts), refined = Still({.refine_edges = true}, prompts);
  EXPECT_EQ(plain.iou, refined.iou);
  EXPECT_FALSE(plain.mask.pixels == refined.mask.pixels);
}

TEST(RefinedStills, ACorrectionThatMovesTheWindowStartsFromTheRefinedMask) {
  const std::vector<Prompt> prompts = {BoxPrompt(), Click(90, 40)};
  EXPECT_NE(Still({.search_window = 1}, prompts).iou,
            Still({.search_window = 1, .refine_edges = true}, prompts).iou);
}

TEST(RefinedStills, AcceptingAndUndoingThatLeaveTheMask) {
  Prompt accept = Click(0, 0, PromptAction::kAccept), undo = Click(0, 0, PromptAction::kUndo);
  accept.points.clear();
  undo.points.clear();
  const Object object = Still({.refine_edges = true}, {BoxPrompt()});
  const Object accepted = Still({.refine_edges = true}, {BoxPrompt(), accept});
  const Object open = Still({.refine_edges = true}, {BoxPrompt(), accept, undo});
  EXPECT_TRUE(accepted.accepted);
  EXPECT_FALSE(open.accepted);
  EXPECT_EQ(object.mask.pixels, accepted.mask.pixels);
  EXPECT_EQ(object.mask.pixels, open.mask.pixels);
}

// Between two steps the picture may be away.
TEST(RefinedStills, AnotherMaskChoiceWaitsForThePicture) {
  StillsPredictor predictor(BuiltinEngine(), {.refine_edges = true});
  const Prompt click = Click(48, 48, PromptAction::kAdd);
  {
    const Picture picture;
    predictor.SetImage(picture.view());
    predictor.Step({&click, 1});
  }
  predictor.SetMaskChoice(MaskChoice::kSubpart);
  const Picture again;
  EXPECT_FALSE(predictor.SetImage(again.view()));
  const Mask found = predictor.Step({}).objects.at(0).mask;
  const StillsOptions fresh{.mask_choice = MaskChoice::kSubpart, .refine_edges = true};
  EXPECT_EQ(found.pixels, Still(fresh, {click}).mask.pixels);
}

// The window of an I420 frame of odd size, at its edge.
TEST(RefinedStills, OfAWindowOfAnOddFrame) {
  constexpr int kOdd = kSide - 1, kHalf = kSide / 2;
  const Picture luma(PixelFormat::kGRAY8, 1);
  const std::vector<std::uint8_t> chroma(kHalf * kHalf, 128);
  const FrameView frame{.format = PixelFormat::kI420, .width = kOdd, .height = kOdd,
                        .plane = {luma.pixels.data(), chroma.data(), chroma.data()},
                        .stride = {kSide, kHalf, kHalf}};
  StillsPredictor predictor(BuiltinEngine(), {.search_window = 1, .refine_edges = true});
  predictor.SetImage(frame);
  Prompt corner = BoxPrompt();
  corner.box = Box{50, 50, kOdd, kOdd};
  const Object object = predictor.Step({&corner, 1}).objects.at(0);
  EXPECT_EQ(object.state, ObjectState::kTracked);
  EXPECT_LE(object.box->x1, kOdd);
}

TEST(RefinedStills, AGivenMaskIsLeft) {
  Prompt given;
  given.id = 1;
  given.mask = Mask{.x = 30, .y = 30, .width = 4, .height = 2, .pixels = std::vector<std::uint8_t>(8, 255)};
  EXPECT_EQ(Still({.refine_edges = true}, {given}).mask.pixels, given.mask->pixels);
}

}  // namespace
}  // namespace sam2
