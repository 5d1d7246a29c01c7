// SPDX-License-Identifier: Apache-2.0
//
// Small drawn frames for tests of the tracker, and its masks compared.
#pragma once

#include <cstdint>
#include <vector>

#include "sam2.h"

namespace sam2 {

struct Disc {
  float x, y, radius;  // pixels of the frame
  std::uint8_t red, green, blue;
};

// A frame that owns its pixels: packed RGB, discs over a smooth, dim pattern.
class Picture {
 public:
  Picture(int width, int height, const std::vector<Disc>& discs = {});

  FrameView view() const;
  int width() const { return width_; }
  int height() const { return height_; }

 private:
  int width_, height_;
  std::vector<std::uint8_t> pixels_;
};

// The box that just holds the disc.
Box BoxOf(const Disc& disc);

// Intersection over union of two masks of one frame; two empty ones agree.
double Iou(const Mask& a, const Mask& b);
double Iou(const Mask& mask, const Disc& disc, int frame_width, int frame_height);

}  // namespace sam2
