// SPDX-License-Identifier: Apache-2.0
#include "canvas.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace gstsam2 {
namespace {

// The part of a shape that lies in the frame.
struct Clip {
  int x0, y0, x1, y1;
  bool empty() const { return x0 >= x1 || y0 >= y1; }
};

Clip ClipTo(const Shape& shape, int width, int height) {
  return {std::max(shape.x, 0), std::max(shape.y, 0), std::min(shape.x + shape.width, width),
          std::min(shape.y + shape.height, height)};
}

const std::uint8_t* CoverageAt(const Shape& shape, int x, int y) {
  return shape.coverage.data() + static_cast<std::ptrdiff_t>(y - shape.y) * shape.width +
         (x - shape.x);
}

// weight: 0..65535
std::uint8_t Mix(int below, int above, int weight) {
  return static_cast<std::uint8_t>(below + (((above - below) * weight + 32768) >> 16));
}

std::uint8_t* RowOf(GstVideoFrame& frame, int component, int y) {
  return static_cast<std::uint8_t*>(GST_VIDEO_FRAME_COMP_DATA(&frame, component)) +
         static_cast<std::ptrdiff_t>(y) * GST_VIDEO_FRAME_COMP_STRIDE(&frame, component);
}

// Pixels that are looked at together: most of a shape is not covered at all.
constexpr int kRun = 16;

bool IsBare(const std::uint8_t* coverage) {
  std::array<std::uint64_t, kRun / 8> words;
  std::memcpy(words.data(), coverage, kRun);
  return (words[0] | words[1]) == 0;
}

// One component at full resolution: R, G, B or Y.
template <int kPixelStride>
void PaintRow(std::uint8_t* pixel, const std::uint8_t* coverage, int count, int value,
              int opacity) {
  int i = 0;
  for (; i + kRun <= count; i += kRun) {
    if (IsBare(coverage + i)) continue;
    for (int k = i; k < i + kRun; ++k) {
      pixel[k * kPixelStride] = Mix(pixel[k * kPixelStride], value, coverage[k] * opacity);
    }
  }
  for (; i < count; ++i) {
    pixel[i * kPixelStride] = Mix(pixel[i * kPixelStride], value, coverage[i] * opacity);
  }
}

void PaintComponent(GstVideoFrame& frame, int component, const Shape& shape, const Clip& clip,
                    int value, int opacity) {
  const int pixel_stride = GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, component);
  const auto paint = pixel_stride == 1   ? PaintRow<1>
                     : pixel_stride == 3 ? PaintRow<3>
                                         : PaintRow<4>;
  for (int y = clip.y0; y < clip.y1; ++y) {
    paint(RowOf(frame, component, y) + clip.x0 * pixel_stride, CoverageAt(shape, clip.x0, y),
          clip.x1 - clip.x0, value, opacity);
  }
}

// The mean coverage of the 2x2 pixels of one chroma sample, outside the clip 0.
int MeanCoverage(const Shape& shape, const Clip& clip, int chroma_x, int chroma_y) {
  int sum = 0;
  for (int y = 2 * chroma_y; y < 2 * chroma_y + 2; ++y) {
    for (int x = 2 * chroma_x; x < 2 * chroma_x + 2; ++x) {
      if (x >= clip.x0 && x < clip.x1 && y >= clip.y0 && y < clip.y1) {
        sum += *CoverageAt(shape, x, y);
      }
    }
  }
  return (sum + 2) / 4;
}

// U and V of 4:2:0.
void PaintChroma(GstVideoFrame& frame, const Shape& shape, const Clip& clip, int u, int v,
                 int opacity) {
  const int pixel_stride = GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, 1);
  for (int y = clip.y0 / 2; y < (clip.y1 + 1) / 2; ++y) {
    std::uint8_t* u_row = RowOf(frame, 1, y);
    std::uint8_t* v_row = RowOf(frame, 2, y);
    for (int x = clip.x0 / 2; x < (clip.x1 + 1) / 2; ++x) {
      const int weight = MeanCoverage(shape, clip, x, y) * opacity;
      u_row[x * pixel_stride] = Mix(u_row[x * pixel_stride], u, weight);
      v_row[x * pixel_stride] = Mix(v_row[x * pixel_stride], v, weight);
    }
  }
}

// The colour's components in the frame's own space: R, G, B or Y, U, V.
std::array<int, 3> ComponentsOf(Color color, const GstVideoInfo& info) {
  if (GST_VIDEO_INFO_IS_RGB(&info)) return {color.r, color.g, color.b};
  double kr = 0.299, kb = 0.114;
  gst_video_color_matrix_get_Kr_Kb(info.colorimetry.matrix, &kr, &kb);
  const double r = color.r / 255.0, g = color.g / 255.0, b = color.b / 255.0;
  const double y = kr * r + (1 - kr - kb) * g + kb * b;
  const double u = (b - y) / (2 * (1 - kb)), v = (r - y) / (2 * (1 - kr));
  const bool full = info.colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255;
  const double luma = full ? 255 : 219, chroma = full ? 255 : 224;
  return {static_cast<int>(std::lround((full ? 0 : 16) + luma * y)),
          std::clamp(static_cast<int>(std::lround(128 + chroma * u)), 0, 255),
          std::clamp(static_cast<int>(std::lround(128 + chroma * v)), 0, 255)};
}

}  // namespace

void Canvas::Paint(const Shape& shape, Color color, double opacity) {
  const Clip clip = ClipTo(shape, width(), height());
  if (clip.empty()) return;
  // 255 * 257 = 65535: full coverage at full opacity gives exactly the colour.
  const int weight = static_cast<int>(std::lround(std::clamp(opacity, 0.0, 1.0) * 257));
  const std::array<int, 3> value = ComponentsOf(color, frame_.info);
  PaintComponent(frame_, 0, shape, clip, value[0], weight);
  if (GST_VIDEO_INFO_IS_RGB(&frame_.info)) {
    PaintComponent(frame_, 1, shape, clip, value[1], weight);
    PaintComponent(frame_, 2, shape, clip, value[2], weight);
  } else {
    PaintChroma(frame_, shape, clip, value[1], value[2], weight);
  }
}

void Canvas::PaintRect(int x, int y, int width, int height, Color color, double opacity) {
  const Clip clip = ClipTo({.x = x, .y = y, .width = width, .height = height, .coverage = {}},
                           this->width(), this->height());
  if (clip.empty()) return;
  Shape shape{.x = clip.x0, .y = clip.y0, .width = clip.x1 - clip.x0, .height = clip.y1 - clip.y0,
              .coverage = {}};
  shape.coverage.assign(static_cast<std::size_t>(shape.width) * shape.height, 255);
  Paint(shape, color, opacity);
}

}  // namespace gstsam2
