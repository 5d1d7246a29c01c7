// SPDX-License-Identifier: Apache-2.0
//
// How the bytes of a frame lie.
#pragma once

#include <array>
#include <cstdint>

#include "sam2.h"

namespace sam2 {

bool IsYCbCr(PixelFormat format);

// Bytes from one pixel of the first plane to the next.
int PixelBytes(PixelFormat format);

// Where red, green and blue stand among the bytes of a pixel; of Y'CbCr after
// its conversion.
std::array<int, 3> RgbOrder(PixelFormat format);

int PlaneCount(PixelFormat format);

// Rows of a plane, and bytes of each without what pads them.
std::int64_t PlaneRows(const FrameView& frame, int plane);
std::int64_t PlaneRowBytes(const FrameView& frame, int plane);

}  // namespace sam2
