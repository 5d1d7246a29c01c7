// SPDX-License-Identifier: Apache-2.0
//
// Y'CbCr 4:2:0 to R'G'B'.
#pragma once

#include <cstdint>

#include "sam2.h"

namespace sam2 {

// An NV12 or I420 frame as R, G, B, 255 bytes: height rows of 4 * width. Each
// chroma sample serves its four pixels.
void YCbCrToRgbx(const FrameView& frame, std::uint8_t* rgbx);

}  // namespace sam2
