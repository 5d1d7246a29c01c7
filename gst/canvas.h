// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/video/video.h>

#include <cstdint>
#include <vector>

namespace gstsam2 {

// Formats that a Canvas paints on.
#define SAM2_CANVAS_FORMATS "{ RGB, BGR, RGBx, BGRx, RGBA, BGRA, xRGB, xBGR, NV12, I420 }"

struct Color {
  std::uint8_t r = 0, g = 0, b = 0;
};

// A shape: how much of each pixel in a rectangle it covers. May reach over the
// frame's edges.
struct Shape {
  int x = 0, y = 0, width = 0, height = 0;
  std::vector<std::uint8_t> coverage;  // height rows of width bytes, 0..255
};

// Paints on a mapped frame. Alpha channels stay as they are.
class Canvas {
 public:
  explicit Canvas(GstVideoFrame& frame) : frame_(frame) {}

  int width() const { return GST_VIDEO_FRAME_WIDTH(&frame_); }
  int height() const { return GST_VIDEO_FRAME_HEIGHT(&frame_); }

  // opacity: 0..1
  void Paint(const Shape& shape, Color color, double opacity);
  void PaintRect(int x, int y, int width, int height, Color color, double opacity);

 private:
  GstVideoFrame& frame_;
};

}  // namespace gstsam2
