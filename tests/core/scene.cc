// SPDX-License-Identifier: Apache-2.0
#include "scene.h"

#include <algorithm>
#include <cmath>

namespace sam2 {
namespace {

bool Contains(const Disc& disc, int x, int y) {
  return std::hypot(x + 0.5f - disc.x, y + 0.5f - disc.y) < disc.radius;
}

bool Contains(const Mask& mask, int x, int y) {
  x -= mask.x;
  y -= mask.y;
  return x >= 0 && y >= 0 && x < mask.width && y < mask.height &&
         mask.pixels[static_cast<size_t>(y) * mask.width + x] != 0;
}

template <typename A, typename B>
double Overlap(const A& a, const B& b, int width, int height) {
  int both = 0, either = 0;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const bool in_a = Contains(a, x, y), in_b = Contains(b, x, y);
      both += in_a && in_b;
      either += in_a || in_b;
    }
  }
  return either == 0 ? 1.0 : static_cast<double>(both) / either;
}

}  // namespace

Picture::Picture(int width, int height, const std::vector<Disc>& discs)
    : width_(width), height_(height), pixels_(static_cast<size_t>(width) * height * 3) {
  for (int y = 0; y < height; ++y) {
    std::uint8_t* row = &pixels_[static_cast<size_t>(y) * width * 3];
    for (int x = 0; x < width; ++x) {
      const std::uint8_t level = static_cast<std::uint8_t>(50 + 20 * std::sin(x * 0.05f) +
                                                           15 * std::cos(y * 0.07f));
      std::fill_n(row + 3 * x, 3, level);
    }
  }
  for (const Disc& disc : discs) {
    const int y0 = std::clamp(static_cast<int>(disc.y - disc.radius), 0, height);
    const int y1 = std::clamp(static_cast<int>(disc.y + disc.radius) + 1, 0, height);
    for (int y = y0; y < y1; ++y) {
      for (int x = 0; x < width; ++x) {
        if (!Contains(disc, x, y)) continue;
        std::uint8_t* pixel = &pixels_[(static_cast<size_t>(y) * width + x) * 3];
        pixel[0] = disc.red;
        pixel[1] = disc.green;
        pixel[2] = disc.blue;
      }
    }
  }
}

FrameView Picture::view() const {
  return {.format = PixelFormat::kRGB,
          .width = width_,
          .height = height_,
          .plane = {pixels_.data()},
          .stride = {3 * width_}};
}

Box BoxOf(const Disc& disc) {
  return {disc.x - disc.radius, disc.y - disc.radius, disc.x + disc.radius,
          disc.y + disc.radius};
}

double Iou(const Mask& a, const Mask& b) {
  return Overlap(a, b, std::max(a.x + a.width, b.x + b.width),
                 std::max(a.y + a.height, b.y + b.height));
}

double Iou(const Mask& mask, const Disc& disc, int frame_width, int frame_height) {
  return Overlap(mask, disc, frame_width, frame_height);
}

}  // namespace sam2
