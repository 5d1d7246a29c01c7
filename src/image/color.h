// SPDX-License-Identifier: Apache-2.0
//
// Y'CbCr 4:2:0 to R'G'B'.
#pragma once

#include <cstdint>

#include "sam2.h"

namespace sam2 {

// How R'G'B' levels follow from Y'CbCr, in whole numbers, so that every
// processor and device finds the same:
//   R' = (luma * (Y - black) + red_cr * Cr + kColorHalf) >> kColorFraction
// and so on, clamped to 0..255; Cb and Cr with 128 taken off.
struct ColorWeights {
  std::int32_t black, luma, red_cr, green_cb, green_cr, blue_cb;
};
inline constexpr int kColorFraction = 20;  // bits of a weight after the point
inline constexpr std::int32_t kColorHalf = 1 << (kColorFraction - 1);

ColorWeights ColorWeightsOf(ColorMatrix matrix, bool full_range);

// An NV12 or I420 frame as R, G, B, 255 bytes: height rows of 4 * width. Each
// chroma sample serves its four pixels.
void YCbCrToRgbx(const FrameView& frame, std::uint8_t* rgbx);

}  // namespace sam2
