// SPDX-License-Identifier: Apache-2.0
#include "predictor/everything.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "predictor/image_predictor.h"

namespace sam2 {
namespace {

// ---------------------------------------------------------------- parts

TEST(CropBoxes, TheWholeAloneWithoutLayers) {
  const auto crops = CropBoxes(640, 480, 0, 0.34F);
  ASSERT_EQ(crops.size(), 1U);
  EXPECT_EQ(crops[0].box.x1, 640);
  EXPECT_EQ(crops[0].box.y1, 480);
}

// Numbers of generate_crop_boxes((480, 640), 1, 512 / 1500).
TEST(CropBoxes, FourOverlappingPartsInTheFirstLayer) {
  const auto crops = CropBoxes(640, 480, 1, 512.0F / 1500);
  ASSERT_EQ(crops.size(), 5U);
  const PixelBox expected[] = {{0, 0, 402, 322}, {0, 159, 402, 480},
                               {239, 0, 640, 322}, {239, 159, 640, 480}};
  for (int i = 0; i < 4; ++i) {
    const PixelBox& box = crops[i + 1].box;
    EXPECT_EQ(box.x0, expected[i].x0) << i;
    EXPECT_EQ(box.y0, expected[i].y0) << i;
    EXPECT_EQ(box.x1, expected[i].x1) << i;
    EXPECT_EQ(box.y1, expected[i].y1) << i;
    EXPECT_EQ(crops[i + 1].layer, 1);
  }
}

TEST(CropBoxes, NoEmptyPartsOfATinyPicture) {
  for (const PictureCrop& crop : CropBoxes(1, 3, 3, 512.0F / 1500)) {
    EXPECT_GT(crop.box.x1, crop.box.x0);
    EXPECT_GT(crop.box.y1, crop.box.y0);
  }
}

TEST(NonMaximumSuppression, KeepsTheBetterOfTwoAlike) {
  const std::vector<PixelBox> boxes = {{0, 0, 100, 100}, {0, 0, 100, 95}, {200, 0, 300, 100}};
  EXPECT_EQ(NonMaximumSuppression(boxes, {0.5F, 0.9F, 0.1F}, 0.7F),
            (std::vector<size_t>{1, 2}));
  EXPECT_EQ(NonMaximumSuppression(boxes, {0.5F, 0.9F, 0.1F}, 0.96F),
            (std::vector<size_t>{1, 0, 2}));
}

TEST(NonMaximumSuppression, EqualScoresGoByOrderAndNothingGivesNothing) {
  const std::vector<PixelBox> boxes = {{0, 0, 10, 10}, {0, 0, 10, 10}};
  EXPECT_EQ(NonMaximumSuppression(boxes, {1, 1}, 0.7F), std::vector<size_t>{0});
  EXPECT_TRUE(NonMaximumSuppression({}, {}, 0.7F).empty());
}

TEST(NonMaximumSuppression, BoxesOfOnePixelDoNotSuppressEachOther) {
  const std::vector<PixelBox> boxes = {{5, 5, 5, 5}, {5, 5, 5, 5}};
  EXPECT_EQ(NonMaximumSuppression(boxes, {1, 1}, 0.7F).size(), 2U);
}

TEST(IsNearCropEdge, OnlyAtEdgesInsideThePicture) {
  const PixelBox crop{0, 0, 400, 300};
  EXPECT_FALSE(IsNearCropEdge({100, 100, 200, 200}, crop, 640, 480));
  EXPECT_FALSE(IsNearCropEdge({0, 0, 200, 200}, crop, 640, 480));
  EXPECT_TRUE(IsNearCropEdge({100, 100, 385, 200}, crop, 640, 480));
  EXPECT_TRUE(IsNearCropEdge({100, 100, 200, 299}, crop, 640, 480));
  EXPECT_FALSE(IsNearCropEdge({0, 0, 639, 479}, {0, 0, 640, 480}, 640, 480));
}

// ---------------------------------------------------------------- options

EverythingOptions Changed(void (*change)(EverythingOptions&)) {
  EverythingOptions options;
  change(options);
  return options;
}

struct BadOption {
  const char* name;
  void (*change)(EverythingOptions&);
};

class BadOptions : public ::testing::TestWithParam<BadOption> {};

TEST_P(BadOptions, AreRefusedByName) {
  try {
    CheckEverythingOptions(Changed(GetParam().change));
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadSettings);
    EXPECT_NE(std::string(error.what()).find(GetParam().name), std::string::npos) << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(
    Each, BadOptions,
    ::testing::Values(
        BadOption{"points-per-side", [](EverythingOptions& o) { o.points_per_side = 0; }},
        BadOption{"points-per-batch", [](EverythingOptions& o) { o.points_per_batch = 0; }},
        BadOption{"pred-iou-thresh", [](EverythingOptions& o) { o.pred_iou_thresh = 1.5F; }},
        BadOption{"stability-score-thresh",
                  [](EverythingOptions& o) {
                    o.stability_score_thresh = std::numeric_limits<float>::quiet_NaN();
                  }},
        BadOption{"box-nms-thresh", [](EverythingOptions& o) { o.box_nms_thresh = -1; }},
        BadOption{"crop-n-layers", [](EverythingOptions& o) { o.crop_n_layers = 5; }},
        BadOption{"crop-overlap-ratio", [](EverythingOptions& o) { o.crop_overlap_ratio = 2; }},
        BadOption{"crop-n-points-downscale-factor",
                  [](EverythingOptions& o) { o.crop_n_points_downscale_factor = 0; }},
        BadOption{"min-mask-region-area",
                  [](EverythingOptions& o) { o.min_mask_region_area = -1; }}));

TEST(EverythingOptionsTest, DefaultsAreAllowed) {
  EXPECT_NO_THROW(CheckEverythingOptions({}));
}

// ---------------------------------------------------------------- the whole

// Two bright rectangles, Y'CbCr, of odd size.
class Everything : public ::testing::Test {
 protected:
  static constexpr int kWidth = 161, kHeight = 121;

  Everything() : luma_(kWidth * kHeight, 60), chroma_(81 * 61 * 2, 128) {
    for (int y = 30; y < 90; ++y) {
      for (int x = 15; x < 60; ++x) luma_[y * kWidth + x] = 220;
      for (int x = 90; x < 140; ++x) luma_[y * kWidth + x] = 150;
    }
    predictor_.SetImage({.format = PixelFormat::kNV12, .width = kWidth, .height = kHeight,
                         .plane = {luma_.data(), chroma_.data()}, .stride = {kWidth, 162}});
  }

  // The drawn picture is far from what the model learned from: all masks count.
  EverythingOptions options_ = {.points_per_side = 4, .points_per_batch = 5,
                                .pred_iou_thresh = 0, .stability_score_thresh = 0};
  std::vector<std::uint8_t> luma_, chroma_;
  StillsPredictor predictor_{
      std::make_shared<ModelEngine>(
          Resolve({.model = SAM2_BUILTIN_MODEL, .device = "cpu", .precision = "fp32"})),
      {}};
};

TEST_F(Everything, GivesMasksLargestFirst) {
  const std::vector<Object> objects = predictor_.Everything(options_);
  ASSERT_GT(objects.size(), 1U);
  std::int64_t last = std::numeric_limits<std::int64_t>::max();
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const Object& object = objects[i];
    EXPECT_EQ(object.id, static_cast<int>(i) + 1);
    const std::int64_t area = std::ranges::count(object.mask.pixels, 255);
    EXPECT_GT(area, 0);
    EXPECT_LE(area, last);
    last = area;
    EXPECT_EQ(object.box->x0, static_cast<float>(object.mask.x));
    EXPECT_EQ(object.box->y1, static_cast<float>(object.mask.y + object.mask.height));
    EXPECT_GE(object.score, 0);
    EXPECT_LE(object.score, 1);
  }
}

TEST_F(Everything, IsGivenUpWhenAsked) {
  options_.crop_n_layers = 1;
  std::stop_source source;
  source.request_stop();
  EXPECT_TRUE(predictor_.Everything(options_, source.get_token()).empty());
  const std::size_t all = predictor_.Everything(options_).size();
  EXPECT_GT(all, 1U);
  // What is there already costs no time.
  EXPECT_EQ(predictor_.Everything(options_, source.get_token()).size(), all);
}

TEST_F(Everything, BatchSizeChangesNothing) {
  const std::size_t count = predictor_.Everything(options_).size();
  options_.points_per_batch = 16;
  EXPECT_EQ(predictor_.Everything(options_).size(), count);
}

TEST_F(Everything, ThresholdsDropMasks) {
  const std::size_t all = predictor_.Everything(options_).size();
  options_.pred_iou_thresh = 1;
  EXPECT_TRUE(predictor_.Everything(options_).empty());
  options_.pred_iou_thresh = 0;
  options_.stability_score_thresh = 1;
  EXPECT_LT(predictor_.Everything(options_).size(), all);
}

TEST_F(Everything, CropsOfAnOddYCbCrPicture) {
  options_.crop_n_layers = 1;
  for (const Object& object : predictor_.Everything(options_)) {
    EXPECT_LE(object.mask.x + object.mask.width, kWidth);
    EXPECT_LE(object.mask.y + object.mask.height, kHeight);
  }
}

TEST_F(Everything, LeavesTheObjectsOfStepAlone) {
  Prompt prompt;
  prompt.box = Box{10, 25, 65, 95};
  predictor_.Step({&prompt, 1});
  predictor_.Everything(options_);
  EXPECT_EQ(predictor_.Step({}).objects.size(), 1U);
}

TEST_F(Everything, RefusesBadOptions) {
  options_.points_per_side = 0;
  EXPECT_THROW(predictor_.Everything(options_), Error);
}

}  // namespace
}  // namespace sam2
