// SPDX-License-Identifier: Apache-2.0
#include "mask_overlap.h"

#include <algorithm>
#include <cmath>

namespace gstsam2 {
namespace {

// Whole pixels: x0 <= x < x1.
struct Rectangle {
  int x0, y0, x1, y1;
};

Rectangle RectangleOf(const sam2::Mask& mask) {
  return {mask.x, mask.y, mask.x + mask.width, mask.y + mask.height};
}

Rectangle Shared(const Rectangle& a, const Rectangle& b) {
  return {std::max(a.x0, b.x0), std::max(a.y0, b.y0), std::min(a.x1, b.x1),
          std::min(a.y1, b.y1)};
}

const std::uint8_t* Row(const sam2::Mask& mask, int x, int y) {
  return mask.pixels.data() + static_cast<std::ptrdiff_t>(y - mask.y) * mask.width + (x - mask.x);
}

std::int64_t CountIn(const sam2::Mask& mask, const Rectangle& part) {
  const Rectangle r = Shared(RectangleOf(mask), part);
  std::int64_t count = 0;
  for (int y = r.y0; y < r.y1 && r.x0 < r.x1; ++y) {
    const std::uint8_t* row = Row(mask, r.x0, y);
    count += std::count_if(row, row + (r.x1 - r.x0), [](std::uint8_t p) { return p != 0; });
  }
  return count;
}

float AreaOf(const sam2::Box& box) {
  return std::max(0.F, box.x1 - box.x0) * std::max(0.F, box.y1 - box.y0);
}

}  // namespace

float Iou(const sam2::Box& a, const sam2::Box& b) {
  const sam2::Box both = {std::max(a.x0, b.x0), std::max(a.y0, b.y0), std::min(a.x1, b.x1),
                          std::min(a.y1, b.y1)};
  const float shared = AreaOf(both);
  return shared > 0 ? shared / (AreaOf(a) + AreaOf(b) - shared) : 0;
}

float Iou(const sam2::Mask& a, const sam2::Mask& b) {
  const Rectangle r = Shared(RectangleOf(a), RectangleOf(b));
  std::int64_t shared = 0;
  for (int y = r.y0; y < r.y1 && r.x0 < r.x1; ++y) {
    const std::uint8_t *row = Row(a, r.x0, y), *other = Row(b, r.x0, y);
    for (int i = 0; i < r.x1 - r.x0; ++i) shared += row[i] != 0 && other[i] != 0;
  }
  if (shared == 0) return 0;
  return static_cast<float>(shared) / static_cast<float>(Area(a) + Area(b) - shared);
}

std::int64_t Area(const sam2::Mask& mask) { return CountIn(mask, RectangleOf(mask)); }

std::int64_t AreaIn(const sam2::Mask& mask, const sam2::Box& box) {
  const auto pixel = [](float at) {
    return static_cast<int>(std::lround(std::clamp(at, -1e6F, 1e6F)));
  };
  return CountIn(mask, {pixel(box.x0), pixel(box.y0), pixel(box.x1), pixel(box.y1)});
}

}  // namespace gstsam2
