// SPDX-License-Identifier: Apache-2.0
#include "image/frame.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "image/color.h"
#include "image_pictures.h"

namespace sam2::test {
namespace {

constexpr float kMean[3] = {0.485f, 0.456f, 0.406f};
constexpr float kStd[3] = {0.229f, 0.224f, 0.225f};

at::Tensor ToTensor(const Picture& picture, int size, Resize mode = Resize::kVideo) {
  return FrameToTensor(picture.view, size, mode, at::kCPU);
}

// [3, S, S], 0..255
at::Tensor Levels(const at::Tensor& input) {
  const at::Tensor mean = at::tensor({kMean[0], kMean[1], kMean[2]}).view({3, 1, 1});
  const at::Tensor std = at::tensor({kStd[0], kStd[1], kStd[2]}).view({3, 1, 1});
  return (input[0] * std + mean) * 255;
}

double LargestDifference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

nlohmann::json Golden() {
  std::ifstream file(std::string(SAM2_TEST_DATA) + "/image/golden.json");
  return nlohmann::json::parse(file);
}

// tests/data/image/make.py: Pillow's resize for video, torchvision's for stills.
TEST(FrameToTensor, EqualsTheReference) {
  const nlohmann::json all = Golden();
  for (const auto& golden : all.at("frames")) {
    const bool video = golden.at("mode") == "video";
    const Picture picture =
        MakePicture(PixelFormat::kRGB, "RGB", golden.at("width"), golden.at("height"));
    const at::Tensor input = ToTensor(picture, golden.at("size"),
                                      video ? Resize::kVideo : Resize::kStills);
    double largest = 0;
    for (const auto& sample : golden.at("samples")) {
      const int c = sample[0];
      const double actual = input[0][c][sample[1].get<int>()][sample[2].get<int>()].item<double>();
      const double levels = std::abs(actual - sample[3].get<double>()) * kStd[c] * 255;
      largest = std::max(largest, levels);
    }
    EXPECT_LE(largest, 1e-3) << golden.at("width") << "x" << golden.at("height");
  }
}

TEST(FrameToTensor, IsFloatAndChannelsLast) {
  for (const Resize mode : {Resize::kVideo, Resize::kStills}) {
    for (const auto& picture : {MakePicture(PixelFormat::kRGB, "RGB", 20, 10),
                                MakePicture(PixelFormat::kBGRx, "BGRx", 20, 10)}) {
      const at::Tensor input = ToTensor(picture, 32, mode);
      EXPECT_EQ(input.sizes(), at::IntArrayRef({1, 3, 32, 32}));
      EXPECT_EQ(input.scalar_type(), at::kFloat);
      EXPECT_TRUE(input.is_contiguous(at::MemoryFormat::ChannelsLast));
    }
  }
}

TEST(FrameToTensor, OrderOfChannelsDoesNotMatter) {
  const struct {
    PixelFormat format;
    const char* layout;
  } kFormats[] = {{PixelFormat::kBGR, "BGR"},   {PixelFormat::kRGBx, "RGBx"},
                  {PixelFormat::kBGRx, "BGRx"}, {PixelFormat::kxRGB, "xRGB"},
                  {PixelFormat::kxBGR, "xBGR"}};
  for (const Resize mode : {Resize::kVideo, Resize::kStills}) {
    const at::Tensor rgb = ToTensor(MakePicture(PixelFormat::kRGB, "RGB", 37, 23), 32, mode);
    for (const auto& [format, layout] : kFormats) {
      const at::Tensor other = ToTensor(MakePicture(format, layout, 37, 23), 32, mode);
      EXPECT_LE(LargestDifference(Levels(rgb), Levels(other)), 1e-3) << layout;
    }
  }
}

TEST(FrameToTensor, PaddingBytesAreNotSeen) {
  const at::Tensor zeros = ToTensor(MakePicture(PixelFormat::kxRGB, "xRGB", 16, 9, 0, 0), 8);
  const at::Tensor ones = ToTensor(MakePicture(PixelFormat::kxRGB, "xRGB", 16, 9, 0, 255), 8);
  EXPECT_TRUE(at::equal(zeros, ones));
}

TEST(FrameToTensor, RowsMayBeLongerThanTheirPixels) {
  for (const Resize mode : {Resize::kVideo, Resize::kStills}) {
    const at::Tensor packed = ToTensor(MakePicture(PixelFormat::kRGB, "RGB", 31, 17), 32, mode);
    for (const int spare : {1, 3, 64}) {
      const Picture wide = MakePicture(PixelFormat::kRGB, "RGB", 31, 17, spare, 255);
      EXPECT_TRUE(at::equal(ToTensor(wide, 32, mode), packed)) << spare;
    }
  }
}

TEST(FrameToTensor, GreyIsThreeEqualChannels) {
  Picture grey = MakePicture(PixelFormat::kGRAY8, "G", 30, 20, 2);
  const at::Tensor levels = Levels(ToTensor(grey, 16));
  EXPECT_LE(LargestDifference(levels[0], levels[1]), 1e-3);
  EXPECT_LE(LargestDifference(levels[0], levels[2]), 1e-3);
  EXPECT_GT(levels[0].std().item<float>(), 1);
}

TEST(FrameToTensor, TakesAnySizeUpTo8K) {
  for (const auto& [width, height] :
       {std::pair{1, 1}, {1, 50}, {50, 1}, {16, 16}, {17, 33}, {7680, 4320}, {4320, 7680}}) {
    Picture picture;
    picture.bytes.assign(static_cast<std::size_t>(width) * height, 100);
    picture.view = {.format = PixelFormat::kGRAY8, .width = width, .height = height,
                    .plane = {picture.bytes.data()}, .stride = {width}};
    const at::Tensor levels = Levels(ToTensor(picture, 64));
    EXPECT_LE((levels - 100).abs().max().item<float>(), 0.01) << width << "x" << height;
  }
}

// ---------------------------------------------------------------- Y'CbCr

// A frame of one colour, as NV12 and as I420, seen at 1x1.
void ExpectColor(int y, int cb, int cr, ColorMatrix matrix, bool full_range,
                 std::array<double, 3> expected) {
  const std::vector<std::uint8_t> luma(15, y), blue(6, cb), red(6, cr);
  std::vector<std::uint8_t> both;
  for (int i = 0; i < 6; ++i) both.insert(both.end(), {blue[i], red[i]});
  FrameView nv12{.format = PixelFormat::kNV12, .width = 5, .height = 3,
                 .plane = {luma.data(), both.data()}, .stride = {5, 6},
                 .matrix = matrix, .full_range = full_range};
  FrameView i420{.format = PixelFormat::kI420, .width = 5, .height = 3,
                 .plane = {luma.data(), blue.data(), red.data()}, .stride = {5, 3, 3},
                 .matrix = matrix, .full_range = full_range};
  for (const FrameView& frame : {nv12, i420}) {
    const at::Tensor levels = Levels(FrameToTensor(frame, 4, Resize::kVideo, at::kCPU));
    for (int c = 0; c < 3; ++c) {
      EXPECT_NEAR(levels[c].min().item<double>(), expected[c], 1.01) << c;
      EXPECT_NEAR(levels[c].max().item<double>(), expected[c], 1.01) << c;
    }
  }
}

// The standards' own colour bars: 100 % red, green, blue in each matrix.
TEST(YCbCr, PrimariesComeOut) {
  ExpectColor(81, 90, 240, ColorMatrix::kBT601, false, {255, 0, 0});
  ExpectColor(145, 54, 34, ColorMatrix::kBT601, false, {0, 255, 0});
  ExpectColor(41, 240, 110, ColorMatrix::kBT601, false, {0, 0, 255});
  ExpectColor(63, 102, 240, ColorMatrix::kBT709, false, {255, 0, 0});
  ExpectColor(173, 42, 26, ColorMatrix::kBT709, false, {0, 255, 0});
  ExpectColor(32, 240, 118, ColorMatrix::kBT709, false, {0, 0, 255});
  ExpectColor(74, 97, 240, ColorMatrix::kBT2020, false, {255, 0, 1});
  ExpectColor(76, 85, 255, ColorMatrix::kBT601, true, {254, 0, 0});
}

TEST(YCbCr, GreysAndRangeLimits) {
  ExpectColor(16, 128, 128, ColorMatrix::kBT709, false, {0, 0, 0});
  ExpectColor(235, 128, 128, ColorMatrix::kBT709, false, {255, 255, 255});
  ExpectColor(126, 128, 128, ColorMatrix::kBT601, false, {128, 128, 128});
  ExpectColor(126, 128, 128, ColorMatrix::kBT601, true, {126, 126, 126});
  ExpectColor(0, 128, 128, ColorMatrix::kBT601, false, {0, 0, 0});          // clamped
  ExpectColor(255, 128, 128, ColorMatrix::kBT601, false, {255, 255, 255});  // clamped
}

TEST(YCbCr, EachChromaSampleServesItsFourPixels) {
  const std::vector<std::uint8_t> luma(4 * 3 + 2, 128);             // 3x3, stride 4
  const std::vector<std::uint8_t> chroma = {128, 128, 128, 240, 0,  // 2x2 pairs, stride 5
                                            128, 20,  128, 128};
  const FrameView frame{.format = PixelFormat::kNV12, .width = 3, .height = 3,
                        .plane = {luma.data(), chroma.data()}, .stride = {4, 5},
                        .full_range = true};
  std::vector<std::uint8_t> rgbx(3 * 3 * 4);
  YCbCrToRgbx(frame, rgbx.data());
  const auto red = [&](int x, int y) { return rgbx[(y * 3 + x) * 4]; };
  EXPECT_EQ(red(0, 0), 128);
  EXPECT_EQ(red(1, 1), 128);
  EXPECT_EQ(red(2, 0), 255);
  EXPECT_EQ(red(2, 1), 255);
  EXPECT_EQ(red(0, 2), 0);
  EXPECT_EQ(red(1, 2), 0);
  EXPECT_EQ(red(2, 2), 128);
}

// ---------------------------------------------------------------- refused

TEST(FrameToTensor, RefusesImpossibleViews) {
  const std::vector<std::uint8_t> bytes(1000, 0);
  const FrameView good{.format = PixelFormat::kI420, .width = 10, .height = 10,
                       .plane = {bytes.data(), bytes.data(), bytes.data()},
                       .stride = {10, 5, 5}};
  ASSERT_NO_THROW(FrameToTensor(good, 8, Resize::kVideo, at::kCPU));
  std::vector<FrameView> bad(8, good);
  bad[0].width = 0;
  bad[1].height = -3;
  bad[2].plane[0] = nullptr;
  bad[3].plane[2] = nullptr;
  bad[4].stride[0] = 9;
  bad[5].stride[1] = 4;
  bad[6].stride[0] = -10;
  bad[7].format = PixelFormat::kNV12;  // whose second plane needs 10 bytes a row
  for (std::size_t i = 0; i < bad.size(); ++i) {
    try {
      FrameToTensor(bad[i], 8, Resize::kVideo, at::kCPU);
      ADD_FAILURE() << i;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kBadSettings);
    }
  }
}

}  // namespace
}  // namespace sam2::test
