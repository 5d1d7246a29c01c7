// SPDX-License-Identifier: Apache-2.0
#include "canvas.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "label.h"
#include "painter.h"
#include "support.h"

namespace gstsam2 {
namespace {

using testing::Buffer;
using testing::Rgb;

constexpr Color kRed = {255, 0, 0};

// Paints with `paint` on a black frame and returns its pixels as RGB.
template <typename Function>
std::vector<Rgb> Painted(const std::string& caps, int padding, Function paint) {
  const Buffer buffer = testing::MakeFrame(caps, 0, {}, padding);
  GstVideoInfo info;
  GstCaps* parsed = gst_caps_from_string(caps.c_str());
  gst_video_info_from_caps(&info, parsed);
  gst_caps_unref(parsed);
  GstVideoFrame frame;
  EXPECT_TRUE(gst_video_frame_map(&frame, &info, buffer.get(), GST_MAP_READWRITE));
  paint(frame);
  gst_video_frame_unmap(&frame);
  return testing::ToRgb(buffer.get(), caps);
}

bool IsReddish(const Rgb& pixel) { return pixel.r > pixel.g + 60 && pixel.r > pixel.b + 60; }

struct Format {
  const char* name;
  int width, height, padding;
};

class CanvasFormats : public ::testing::TestWithParam<Format> {};

TEST_P(CanvasFormats, PaintARectangleWhereItBelongs) {
  const auto& [name, width, height, padding] = GetParam();
  const int x0 = 4, y0 = 6, x1 = 12, y1 = 14;  // even, so that chroma has sharp edges
  const auto pixels =
      Painted(testing::VideoCaps(name, width, height), padding, [&](GstVideoFrame& frame) {
        Canvas(frame).PaintRect(x0, y0, x1 - x0, y1 - y0, kRed, 1);
      });
  ASSERT_EQ(pixels.size(), static_cast<std::size_t>(width) * height);
  int inside = 0, outside = 0;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      // GStreamer's chroma interpolation blurs the pixels beside an edge.
      const bool edge = (x >= x0 - 2 && x < x1 + 2 && y >= y0 - 2 && y < y1 + 2) &&
                        !(x >= x0 + 2 && x < x1 - 2 && y >= y0 + 2 && y < y1 - 2);
      if (edge) continue;
      const bool in = x >= x0 && x < x1 && y >= y0 && y < y1;
      const Rgb& pixel = pixels[static_cast<std::size_t>(y) * width + x];
      ASSERT_EQ(IsReddish(pixel), in) << name << " at " << x << "," << y << ": " << pixel.r << " "
                                      << pixel.g << " " << pixel.b;
      if (in) {
        EXPECT_GT(pixel.r, 245);
        EXPECT_LT(pixel.g, 10);
      }
      ++(in ? inside : outside);
    }
  }
  EXPECT_GT(inside, 0);
  EXPECT_GT(outside, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Formats, CanvasFormats,
    ::testing::Values(Format{"RGB", 32, 24, 0}, Format{"BGR", 33, 25, 5}, Format{"RGBx", 32, 24, 8},
                      Format{"BGRx", 17, 19, 0}, Format{"RGBA", 32, 24, 0},
                      Format{"BGRA", 31, 24, 4}, Format{"xRGB", 32, 24, 0},
                      Format{"xBGR", 32, 23, 12}, Format{"NV12", 32, 24, 0},
                      Format{"NV12", 33, 25, 7}, Format{"I420", 32, 24, 0},
                      Format{"I420", 35, 27, 16}));

TEST(Canvas, LeavesAlphaAlone) {
  const std::string caps = testing::VideoCaps("RGBA", 16, 16);
  const Buffer buffer = testing::MakeFrame(caps, 0, {});
  GstVideoInfo info;
  gst_video_info_set_format(&info, GST_VIDEO_FORMAT_RGBA, 16, 16);
  GstVideoFrame frame;
  ASSERT_TRUE(gst_video_frame_map(&frame, &info, buffer.get(), GST_MAP_READWRITE));
  const auto* alpha = static_cast<const guint8*>(GST_VIDEO_FRAME_COMP_DATA(&frame, 3));
  const guint8 before = alpha[0];
  Canvas(frame).PaintRect(0, 0, 16, 16, kRed, 1);
  EXPECT_EQ(alpha[0], before);
  gst_video_frame_unmap(&frame);
}

TEST(Canvas, CutsWhatReachesOverTheEdge) {
  for (const char* format : {"RGB", "I420", "NV12"}) {
    const auto pixels =
        Painted(testing::VideoCaps(format, 17, 17), 0, [](GstVideoFrame& frame) {
          Canvas canvas(frame);
          canvas.PaintRect(-100, -100, 300, 300, kRed, 1);
          canvas.PaintRect(17, 0, 5, 5, {0, 255, 0}, 1);
          canvas.PaintRect(-5, -5, 5, 5, {0, 255, 0}, 1);
          canvas.PaintRect(3, 3, 0, 5, {0, 255, 0}, 1);
          canvas.PaintRect(3, 3, -4, 5, {0, 255, 0}, 1);
        });
    for (const Rgb& pixel : pixels) EXPECT_TRUE(IsReddish(pixel)) << format;
  }
}

TEST(Canvas, MixesByOpacity) {
  const auto pixels = Painted(testing::VideoCaps("RGB", 16, 16), 0, [](GstVideoFrame& frame) {
    Canvas(frame).PaintRect(0, 0, 16, 16, {216, 16, 16}, 0.5);
  });
  EXPECT_NEAR(pixels[0].r, 116, 1);  // between 16 and 216
  EXPECT_EQ(pixels[0].g, 16);
}

TEST(Canvas, UsesTheColorimetryOfTheFrame) {
  for (const char* colorimetry : {"bt601", "bt709", "bt2020", "1:4:0:0"}) {
    const auto pixels = Painted(
        testing::VideoCaps("I420", 16, 16) + ",colorimetry=" + colorimetry, 0,
        [](GstVideoFrame& frame) { Canvas(frame).PaintRect(0, 0, 16, 16, {40, 180, 90}, 1); });
    // Another matrix would be off by 10; GStreamer's conversion alone is by 5.
    EXPECT_NEAR(pixels[100].r, 40, 6) << colorimetry;
    EXPECT_NEAR(pixels[100].g, 180, 6) << colorimetry;
    EXPECT_NEAR(pixels[100].b, 90, 6) << colorimetry;
  }
}

// ------------------------------------------------------------ labels

constexpr int kWide = 10'000;  // pixels

TEST(LabelMaker, DrawsTextInsideItsPlate) {
  LabelMaker maker;
  const Label label = maker.Make("dog 1", 20, kWide);
  EXPECT_EQ(label.plate.coverage.size(), label.text.coverage.size());
  int ink = 0;
  for (std::size_t i = 0; i < label.text.coverage.size(); ++i) {
    if (label.text.coverage[i] < 128) continue;
    ++ink;
    EXPECT_GT(label.plate.coverage[i], 128);
  }
  EXPECT_GT(ink, 20);
  EXPECT_GT(maker.Make("dog 1 and a half", 20, kWide).plate.width, label.plate.width);
}

TEST(LabelMaker, TakesAnyText) {
  LabelMaker maker;
  for (const std::string& text : {std::string(), std::string("\xff\xfe"), std::string("a\nb"),
                                 std::string(5000, 'W'), std::string("\u72d7 \U0001F415")}) {
    const Label label = maker.Make(text, 16, kWide);
    EXPECT_EQ(label.plate.coverage.size(),
              static_cast<std::size_t>(label.plate.width) * label.plate.height);
  }
}

std::size_t SizeOf(const Label& label) {
  return label.plate.coverage.size() + label.text.coverage.size();
}

TEST(LabelMaker, KeepsWhatItDrew) {
  LabelMaker maker;
  EXPECT_EQ(maker.kept(), 0U);
  const std::size_t size = SizeOf(maker.Make("dog", 12, kWide));
  EXPECT_EQ(maker.kept(), size + 3);
  for (int i = 0; i < 5; ++i) maker.Make("dog", 12, kWide);
  EXPECT_EQ(maker.kept(), size + 3);
  maker.Make("dog", 14, kWide);
  EXPECT_GT(maker.kept(), 2 * size);
}

TEST(LabelMaker, ForgetsInsteadOfGrowing) {
  LabelMaker maker;
  const Label first = maker.Make("0", 90, kWide);
  std::size_t drawn = 0, most = 0;
  for (int i = 0; drawn < 3 * LabelMaker::kMaxKept; ++i) {
    drawn += SizeOf(maker.Make(std::string(30, 'W') + std::to_string(i), 90, kWide));
    ASSERT_LE(maker.kept(), LabelMaker::kMaxKept);
    most = std::max(most, maker.kept());
  }
  EXPECT_GT(most, LabelMaker::kMaxKept / 2);
  EXPECT_EQ(maker.Make("0", 90, kWide).text.coverage, first.text.coverage);
}

TEST(LabelMaker, ALongTextLosesItsMiddle) {
  LabelMaker maker;
  const Label whole = maker.Make("a dog of a long name 1", 20, kWide);
  const Label cut = maker.Make("a dog of a long name 1", 20, 100);
  EXPECT_GT(whole.plate.width, 150);
  EXPECT_LE(cut.plate.width, 100);
  EXPECT_GT(cut.plate.width, 60);
  EXPECT_LE(maker.Make(std::string(100'000, 'W'), 20, 640).plate.width, 640);
  // What has room is as it was.
  EXPECT_EQ(maker.Make("dog 1", 20, 100).text.coverage,
            maker.Make("dog 1", 20, kWide).text.coverage);
  for (const int width : {0, 1, 5}) EXPECT_LT(maker.Make("dog 1", 20, width).plate.width, 60);
}

// ------------------------------------------------------------ painter

ObjectsRecord Disc(int id, int frame_width, int frame_height) {
  sam2::Object object;
  object.id = id;
  object.score = 0.5F;
  object.box = sam2::Box{20, 20, 60, 60};
  object.mask = {.x = 20, .y = 20, .width = 40, .height = 40, .pixels = {}};
  for (int y = 0; y < 40; ++y) {
    for (int x = 0; x < 40; ++x) {
      object.mask.pixels.push_back(std::hypot(x - 19.5, y - 19.5) <= 20 ? 255 : 0);
    }
  }
  ObjectsRecord record{.frame_width = frame_width, .frame_height = frame_height, .objects = {}};
  record.objects.push_back(MakeRecord(std::move(object), ""));
  return record;
}

constexpr int kSide = 80;

std::vector<Rgb> PaintedDisc(const PainterSettings& settings) {
  return Painted(testing::VideoCaps("RGB", kSide, kSide), 0, [&](GstVideoFrame& frame) {
    Painter().Paint(settings, Disc(1, kSide, kSide), frame);
  });
}

bool IsBlack(const Rgb& pixel) { return pixel.r == 16 && pixel.g == 16 && pixel.b == 16; }

TEST(Painter, PaintsNothingWhenAllIsOff) {
  PainterSettings off{.masks = false, .boxes = false, .labels = false, .scores = false};
  for (const Rgb& pixel : PaintedDisc(off)) ASSERT_TRUE(IsBlack(pixel));
}

TEST(Painter, PaintsEachPartByItsSwitch) {
  const PainterSettings off{.masks = false, .boxes = false, .labels = false, .scores = false};
  PainterSettings masks = off, boxes = off, labels = off;
  masks.masks = boxes.boxes = labels.labels = true;
  const auto centre = static_cast<std::size_t>(40) * kSide + 40;
  const auto corner = static_cast<std::size_t>(20) * kSide + 20;  // in the box, not in the disc
  const auto above = static_cast<std::size_t>(15) * kSide + 24;   // where the label is
  EXPECT_FALSE(IsBlack(PaintedDisc(masks)[centre]));
  EXPECT_TRUE(IsBlack(PaintedDisc(masks)[corner]));
  EXPECT_TRUE(IsBlack(PaintedDisc(boxes)[centre]));
  EXPECT_FALSE(IsBlack(PaintedDisc(boxes)[corner]));
  EXPECT_TRUE(IsBlack(PaintedDisc(labels)[centre]));
  EXPECT_FALSE(IsBlack(PaintedDisc(labels)[above]));
}

TEST(Painter, OutlinesAreStrongerThanTheFill) {
  PainterSettings masks{.boxes = false, .labels = false, .scores = false, .alpha = 0.3,
                        .line_width = 4};
  const auto pixels = PaintedDisc(masks);
  const auto strength = [](const Rgb& pixel) { return pixel.r + pixel.g + pixel.b; };
  EXPECT_GT(strength(pixels[static_cast<std::size_t>(40) * kSide + 20]),
            strength(pixels[static_cast<std::size_t>(40) * kSide + 40]) + 100);
}

TEST(Painter, FitsObjectsOfAnotherFrameSize) {
  PainterSettings masks{.boxes = false, .labels = false, .scores = false, .alpha = 1};
  const auto pixels =
      Painted(testing::VideoCaps("RGB", kSide, kSide), 0, [&](GstVideoFrame& frame) {
        Painter().Paint(masks, Disc(1, 2 * kSide, 2 * kSide), frame);
      });
  EXPECT_FALSE(IsBlack(pixels[static_cast<std::size_t>(20) * kSide + 20]));
  EXPECT_TRUE(IsBlack(pixels[static_cast<std::size_t>(40) * kSide + 40]));
}

TEST(ColorOf, TellsNeighboursApart) {
  for (int id = 1; id < 40; ++id) {
    const Color a = ColorOf(id), b = ColorOf(id + 1);
    EXPECT_GT(std::abs(a.r - b.r) + std::abs(a.g - b.g) + std::abs(a.b - b.b), 120) << id;
  }
}

}  // namespace
}  // namespace gstsam2
