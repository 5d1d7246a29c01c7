// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "meta.h"
#include "sam2.h"

namespace gstsam2 {

// Brings coordinates to another frame size, for streams that were resized by an
// element that does not tell metas about it.
void FitToFrame(ObjectsRecord& record, int frame_width, int frame_height);

// The mask at frame resolution, cut at the frame's edges, 0 or 255. Where the
// stream was scaled the mask's pixels are interpolated. Empty when nothing of
// it lies in the frame.
sam2::Mask ToFrameMask(const ObjectMask& mask, int frame_width, int frame_height);

}  // namespace gstsam2
