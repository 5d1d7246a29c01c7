// SPDX-License-Identifier: Apache-2.0
#include "image/refine_edges.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
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
    for (int y = 0; y < side; ++y) {
      for (int x = 0; x < side; ++x) {
        const bool inside = std::hypot((x + 0.5F) / scale - kMiddle, (y + 0.5F) / scale - kMiddle) < kRadius;
        for (int c = 0; c < bytes; ++c) {
          const int noise = (x * 7 + y * 13 + c * 5) % 16;
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

at::Tensor Grown(const at::Tensor& logits) {
  return at::upsample_bilinear2d(logits.unsqueeze(0).unsqueeze(0), {kSide, kSide}, false)[0][0];
}

struct Format {
  PixelFormat format;
  int bytes;
};

class RefineEdgesOf : public ::testing::TestWithParam<Format> {};

TEST_P(RefineEdgesOf, FollowsThePicture) {
  const Picture picture(GetParam().format, GetParam().bytes);
  for (const float radius : {kRadius - 4, kRadius + 4}) {
    EXPECT_LT(IouWithDisc(Grown(Idea(radius, kVague))), 0.8);
    EXPECT_GT(IouWithDisc(RefineEdges(Idea(radius, kVague), picture.view())), 0.94);
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
  EXPECT_GT(IouWithDisc(RefineEdges(Idea(kRadius - 4, kVague), frame)), 0.94);
}

TEST(RefineEdges, OfALargeFrameAreOnItsGridOf512) {
  const Picture picture(PixelFormat::kRGB, 3, /*scale=*/10);
  FrameView wide = picture.view();
  EXPECT_GT(IouWithDisc(RefineEdges(Idea(kRadius - 4, kVague), wide)), 0.94);
  wide.height /= 2;
  EXPECT_EQ(RefineEdges(Idea(kRadius, kVague), wide).sizes(), (std::vector<std::int64_t>{256, 512}));
}

TEST(RefineEdges, AreOneOrMinusOneOfEachPixel) {
  const at::Tensor refined = RefineEdges(Idea(kRadius - 4, kVague), Picture().view());
  EXPECT_EQ(refined.sizes(), (std::vector<std::int64_t>{kSide, kSide}));
  EXPECT_EQ(refined.scalar_type(), at::kFloat);
  EXPECT_TRUE((refined.abs() == 1).all().item<bool>());
}

TEST(RefineEdges, LeaveWhatIsSure) {
  const at::Tensor idea = Idea(kRadius + 12, kVague);  // wrong, and sure of much of it
  const at::Tensor grown = Grown(idea), agreed = (grown > 0) == (RefineEdges(idea, Picture().view()) > 0);
  EXPECT_TRUE(agreed.masked_select(grown.abs() > kSureLogit + 1e-4).all().item<bool>());
  EXPECT_FALSE(agreed.all().item<bool>());
}

TEST(RefineEdges, LeaveAMaskThatIsSure) {
  const at::Tensor sure = at::where(Idea(kRadius - 4, 1, kSide) > 0, 10.0F, -10.0F).to(at::kFloat);
  EXPECT_TRUE(at::equal(RefineEdges(sure, Picture().view()) > 0, sure > 0));
}

TEST(RefineEdges, LeaveAMaskOfNothingOrOfAll) {
  for (const float logit : {-0.1F, 0.1F}) {
    const at::Tensor refined = RefineEdges(at::full({24, 24}, logit), Picture().view());
    EXPECT_TRUE(((refined > 0) == (logit > 0)).all().item<bool>());
  }
}

TEST(RefineEdges, AreTheSameEveryTime) {
  const std::vector<std::uint8_t> noise = [] {
    std::vector<std::uint8_t> bytes;
    for (unsigned i = 0, state = 1; i < 3 * kSide * kSide; ++i) {
      bytes.push_back(static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24));
    }
    return bytes;
  }();
  FrameView frame = Picture().view();
  frame.plane[0] = noise.data();
  EXPECT_TRUE(at::equal(RefineEdges(Idea(kRadius, kVague / 4), frame),
                        RefineEdges(Idea(kRadius, kVague / 4), frame)));
}

TEST(RefineEdges, OfATinyWindowAreOnItsOwnPixels) {
  FrameView tiny = Picture().view();
  tiny.width = tiny.height = 2;
  EXPECT_EQ(RefineEdges(Idea(kRadius, kVague), tiny).sizes(), (std::vector<std::int64_t>{2, 2}));
}

TEST(RefineEdges, RefuseAFrameThatIsNone) {
  const Picture picture;
  FrameView none = picture.view(), narrow = picture.view();
  none.plane[0] = nullptr;
  narrow.stride[0] = kSide;
  EXPECT_THROW(RefineEdges(Idea(kRadius, kVague), none), Error);
  EXPECT_THROW(RefineEdges(Idea(kRadius, kVague), narrow), Error);
}

// ---------------------------------------------------------------- in the predictors

Prompt BoxPrompt() {
  Prompt prompt;
  prompt.id = 1;
  prompt.box = Box{16, 16, 80, 80};
  return prompt;
}

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

TEST(RefinedStills, ACorrectionStartsFromTheNetworksOwnMask) {
  Prompt click;
  click.id = 1;
  click.action = PromptAction::kRefine;
  click.points = {{.x = 50, .y = 40, .positive = true}};
  EXPECT_EQ(Still({}, {BoxPrompt(), click}).iou, Still({.refine_edges = true}, {BoxPrompt(), click}).iou);
}

TEST(RefinedStills, AGivenMaskIsLeft) {
  Prompt given;
  given.id = 1;
  given.mask = Mask{.x = 30, .y = 30, .width = 4, .height = 2, .pixels = std::vector<std::uint8_t>(8, 255)};
  EXPECT_EQ(Still({.refine_edges = true}, {given}).mask.pixels, given.mask->pixels);
}

}  // namespace
}  // namespace sam2
