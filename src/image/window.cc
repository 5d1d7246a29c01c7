// SPDX-License-Identifier: Apache-2.0
#include "image/window.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "image/layout.h"

namespace sam2 {
namespace {

constexpr float kMinSide = 32;  // pixels; less is mostly noise

struct Span {
  int start, length;
};

// `length` pixels around the middle, inside a side of the frame.
Span Place(float middle, float length, int side) {
  const int pixels = std::min(2 * static_cast<int>(std::ceil(length / 2)), side);
  const int start = static_cast<int>(std::lround(middle - static_cast<float>(pixels) / 2));
  return {std::clamp(start, 0, side - pixels) & ~1, pixels};
}

}  // namespace

bool Window::Contains(const Point& point) const {
  return point.x >= static_cast<float>(x) && point.x <= static_cast<float>(x + width) &&
         point.y >= static_cast<float>(y) && point.y <= static_cast<float>(y + height);
}

bool Window::Contains(const Box& box) const {
  return Contains(Point{.x = box.x0, .y = box.y0}) && Contains(Point{.x = box.x1, .y = box.y1});
}

Window WholeFrame(int frame_width, int frame_height) { return {0, 0, frame_width, frame_height}; }

Window WindowAround(const Box& box, float factor, int frame_width, int frame_height) {
  // No more than the frame, so that the side is a pixel count.
  const float largest = static_cast<float>(std::max(frame_width, frame_height));
  const float side = std::clamp(factor * std::max(box.x1 - box.x0, box.y1 - box.y0), kMinSide,
                                std::max(kMinSide, largest));
  const Span across = Place((box.x0 + box.x1) / 2, side, frame_width);
  const Span down = Place((box.y0 + box.y1) / 2, side, frame_height);
  return {across.start, down.start, across.length, down.length};
}

Box Union(const Box& a, const Box& b) {
  return {std::min(a.x0, b.x0), std::min(a.y0, b.y0), std::max(a.x1, b.x1), std::max(a.y1, b.y1)};
}

Box Union(const Box& box, const Point& point) {
  return Union(box, Box{point.x, point.y, point.x, point.y});
}

FrameView PartOf(const FrameView& frame, const Window& window) {
  const auto at = [](const std::uint8_t* plane, int stride, int x, int y) {
    return plane + static_cast<std::ptrdiff_t>(y) * stride + x;
  };
  FrameView part = frame;
  part.width = window.width;
  part.height = window.height;
  part.plane[0] =
      at(frame.plane[0], frame.stride[0], window.x * PixelBytes(frame.format), window.y);
  if (frame.format == PixelFormat::kNV12) {
    part.plane[1] = at(frame.plane[1], frame.stride[1], window.x, window.y / 2);
  } else if (frame.format == PixelFormat::kI420) {
    for (int i : {1, 2}) {
      part.plane[i] = at(frame.plane[i], frame.stride[i], window.x / 2, window.y / 2);
    }
  }
  return part;
}

Mask FromWindow(Mask mask, const Window& window) {
  mask.x += window.x;
  mask.y += window.y;
  return mask;
}

Mask ToWindow(Mask mask, const Window& window) {
  mask.x -= window.x;
  mask.y -= window.y;
  return mask;
}

Box ToWindow(const Box& box, const Window& window) {
  const float x = static_cast<float>(window.x), y = static_cast<float>(window.y);
  return {box.x0 - x, box.y0 - y, box.x1 - x, box.y1 - y};
}

Point ToWindow(Point point, const Window& window) {
  point.x -= static_cast<float>(window.x);
  point.y -= static_cast<float>(window.y);
  return point;
}

}  // namespace sam2
