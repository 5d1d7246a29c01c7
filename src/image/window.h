// SPDX-License-Identifier: Apache-2.0
//
// A part of the frame that is looked at as if it were the whole frame.
#pragma once

#include "sam2.h"

namespace sam2 {

// In pixels of the frame, wholly inside of it. With NV12 and I420 x and y are
// even, so that the chroma samples go with their pixels.
struct Window {
  int x = 0, y = 0, width = 0, height = 0;

  bool Contains(const Point& point) const;
  bool Contains(const Box& box) const;
  bool operator==(const Window&) const = default;
};

// All of a frame.
Window WholeFrame(int frame_width, int frame_height);

// A square of `factor` times the box's longer side around the box's middle, at
// least 32 pixels wide; moved into the frame where it reaches over its edge,
// and cut where the frame is smaller. x and y are even.
Window WindowAround(const Box& box, float factor, int frame_width, int frame_height);

// The smallest box with both in it.
Box Union(const Box& a, const Box& b);
Box Union(const Box& box, const Point& point);

// The window's pixels in the frame, which are not copied.
FrameView PartOf(const FrameView& frame, const Window& window);

// A mask of the window as one of the frame.
Mask FromWindow(Mask mask, const Window& window);

// What is of the frame as it is of the window; what lies outside stays, with
// negative coordinates or beyond its size.
Mask ToWindow(Mask mask, const Window& window);
Box ToWindow(const Box& box, const Window& window);
Point ToWindow(Point point, const Window& window);

}  // namespace sam2
