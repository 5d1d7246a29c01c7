// SPDX-License-Identifier: Apache-2.0
//
// The way of frames on other devices than the CPU, gone on the CPU.
#include "image/device_frame.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "image/color.h"
#include "image/frame.h"
#include "image/layout.h"
#include "image_pictures.h"

namespace sam2::test {
namespace {

// Any bytes in any format; rows `spare` bytes longer than they need to be.
Picture Noise(PixelFormat format, int width, int height, int spare = 0, unsigned seed = 1) {
  Picture picture;
  FrameView& view = picture.view;
  view = {.format = format, .width = width, .height = height};
  std::vector<std::size_t> starts;
  std::size_t total = 0;
  for (int i = 0; i < PlaneCount(format); ++i) {
    view.stride[i] = static_cast<int>(PlaneRowBytes(view, i)) + spare;
    starts.push_back(total);
    total += static_cast<std::size_t>(view.stride[i]) * PlaneRows(view, i);
  }
  std::mt19937 random(seed);
  picture.bytes.resize(total);
  for (std::uint8_t& byte : picture.bytes) byte = static_cast<std::uint8_t>(random());
  for (std::size_t i = 0; i < starts.size(); ++i) {
    view.plane[i] = picture.bytes.data() + starts[i];
  }
  return picture;
}

bool BothWaysAgree(const FrameView& frame, int size, Resize mode = Resize::kVideo) {
  FrameReader reader(size, mode, at::kCPU);
  const at::Tensor input = reader.ReadByTensors(frame);
  EXPECT_TRUE(input.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_EQ(input.sizes(), at::IntArrayRef({1, 3, size, size}));
  return at::equal(input, reader.Read(frame));
}

constexpr PixelFormat kFormats[] = {PixelFormat::kRGB,  PixelFormat::kBGR,  PixelFormat::kRGBx,
                                    PixelFormat::kBGRx, PixelFormat::kxRGB, PixelFormat::kxBGR,
                                    PixelFormat::kNV12, PixelFormat::kI420, PixelFormat::kGRAY8};

TEST(DeviceFrame, EqualsTheWayOfTheCpuInEveryFormat) {
  for (const PixelFormat format : kFormats) {
    for (const Resize mode : {Resize::kVideo, Resize::kStills}) {
      EXPECT_TRUE(BothWaysAgree(Noise(format, 96, 54).view, 64, mode)) << static_cast<int>(format);
    }
  }
}

TEST(DeviceFrame, OddSizesAndStrides) {
  for (const PixelFormat format : {PixelFormat::kNV12, PixelFormat::kI420, PixelFormat::kBGRx}) {
    for (const auto& [width, height] :
         {std::pair{1, 1}, {2, 1}, {17, 33}, {33, 17}, {101, 57}, {64, 64}, {31, 200}}) {
      for (const int spare : {0, 1, 13, 64}) {
        EXPECT_TRUE(BothWaysAgree(Noise(format, width, height, spare).view, 48))
            << width << "x" << height << " with " << spare << " bytes between rows";
      }
    }
  }
}

TEST(DeviceFrame, EveryMatrixAndRange) {
  Picture picture = Noise(PixelFormat::kNV12, 64, 48);
  for (const ColorMatrix matrix :
       {ColorMatrix::kBT601, ColorMatrix::kBT709, ColorMatrix::kBT2020}) {
    for (const bool full_range : {false, true}) {
      picture.view.matrix = matrix;
      picture.view.full_range = full_range;
      EXPECT_TRUE(BothWaysAgree(picture.view, 40)) << static_cast<int>(matrix) << full_range;
    }
  }
}

TEST(DeviceFrame, TallPicturesAreSqueezedInHeightFirst) {
  EXPECT_TRUE(BothWaysAgree(Noise(PixelFormat::kRGB, 20, 400).view, 32));
  EXPECT_TRUE(BothWaysAgree(Noise(PixelFormat::kRGB, 400, 20).view, 32));
}

TEST(DeviceFrame, LargePicturesAreWorkedThroughInParts) {
  EXPECT_TRUE(BothWaysAgree(Noise(PixelFormat::kGRAY8, 3840, 2160).view, 1024));
  EXPECT_TRUE(BothWaysAgree(Noise(PixelFormat::kGRAY8, 600, 8100).view, 1024));
}

TEST(DeviceFrame, PartOfALargerPicture) {
  const Picture whole = Noise(PixelFormat::kNV12, 80, 60, 16);
  FrameView part = whole.view;
  part.width = 41, part.height = 29;
  part.plane[0] += 10 + 8 * part.stride[0];
  part.plane[1] += 10 + 4 * part.stride[1];
  EXPECT_TRUE(BothWaysAgree(part, 32));
}

TEST(DeviceFrame, OneReaderTakesFramesOfAnySize) {
  FrameReader reader(40, Resize::kVideo, at::kCPU);
  unsigned seed = 0;
  for (const auto& [format, width, height] :
       {std::tuple{PixelFormat::kNV12, 64, 36}, {PixelFormat::kNV12, 36, 64},
        {PixelFormat::kRGB, 64, 36}, {PixelFormat::kGRAY8, 40, 40}, {PixelFormat::kNV12, 64, 36}}) {
    const Picture picture = Noise(format, width, height, 3, ++seed);
    EXPECT_TRUE(at::equal(reader.ReadByTensors(picture.view),
                          FrameToTensor(picture.view, 40, Resize::kVideo, at::kCPU)))
        << width << "x" << height;
  }
}

// The last row of a plane ends with its last pixel: what would pad it may not be there.
TEST(DeviceFrame, ReadsNothingBehindTheLastPixel) {
  const Picture picture = Noise(PixelFormat::kNV12, 30, 20, 10);
  const auto planes = PlanesOn(picture.view, at::kCPU);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(static_cast<std::int64_t>(planes[i].storage().nbytes()),
              picture.view.stride[i] * (PlaneRows(picture.view, i) - 1) + 30);
  }
  EXPECT_FALSE(planes[2].defined());
}

TEST(DeviceFrame, HostMemoryOnTheCpuIsNotCopied) {
  const Picture picture = Noise(PixelFormat::kI420, 16, 16);
  const auto planes = PlanesOn(picture.view, at::kCPU);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(planes[i].data_ptr(), picture.view.plane[i]);
}

TEST(DeviceFrame, RefusesImpossibleViewsAndMemory) {
  const Picture picture = Noise(PixelFormat::kNV12, 16, 16);
  std::vector<FrameView> bad(4, picture.view);
  bad[0].memory = FrameMemory::kCuda;
  bad[1].plane[1] = nullptr;
  bad[2].stride[1] = 15;
  bad[3].width = 0;
  for (std::size_t i = 0; i < bad.size(); ++i) {
    FrameReader reader(32, Resize::kVideo, at::kCPU);
    for (const bool by_tensors : {false, true}) {
      try {
        by_tensors ? reader.ReadByTensors(bad[i]) : reader.Read(bad[i]);
        ADD_FAILURE() << i;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::kBadSettings) << error.what();
      }
    }
  }
}

// Whole numbers stand for the standards' fractions to a thousandth of a level.
TEST(DeviceFrame, ColorsAreThoseOfTheStandards) {
  for (const bool full_range : {false, true}) {
    const ColorWeights k = ColorWeightsOf(ColorMatrix::kBT709, full_range);
    const double luma = full_range ? 1 : 255.0 / 219, chroma = full_range ? 1 : 255.0 / 224;
    double worst = 0;
    for (int y = 0; y < 256; ++y) {
      for (int c = -128; c < 128; ++c) {
        const double black = full_range ? 0 : 16;
        const double red = luma * (y - black) + 1.5748 * chroma * c;
        const double green = luma * (y - black) - (0.187324 + 0.468124) * chroma * c;
        const double fixed_red = k.luma * (y - k.black) + k.red_cr * c;
        const double fixed_green = k.luma * (y - k.black) + (k.green_cb + k.green_cr) * c;
        worst = std::max({worst, std::abs(fixed_red / (1 << kColorFraction) - red),
                          std::abs(fixed_green / (1 << kColorFraction) - green)});
      }
    }
    EXPECT_LT(worst, 1e-3);
  }
}

}  // namespace
}  // namespace sam2::test
