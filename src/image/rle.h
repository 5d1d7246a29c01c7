// SPDX-License-Identifier: Apache-2.0
//
// COCO's compressed run-length encoding.
#pragma once

#include <string>

#include "sam2.h"

namespace sam2 {

// The "counts" string of a mask in a frame, as pycocotools.mask.encode gives
// it. Costs by the mask's pixels, not by the frame's. Parts outside the frame
// are cut off. Throws Error kBadSettings when the mask's pixels are not as many
// as its rectangle has, or the frame is empty.
std::string EncodeRle(const Mask& mask, int frame_width, int frame_height);

}  // namespace sam2
