// SPDX-License-Identifier: Apache-2.0
//
// Between the network's masks and the frame's.
#pragma once

#include <ATen/core/Tensor.h>

#include "sam2.h"

namespace sam2 {

// The mask that the logits mean in the frame: above 0 after
// F.interpolate(mode="bilinear", align_corners=False) to the frame's size.
// Costs by the mask's outline and its own pixels, not by the frame's.
// logits: [h, w] float32 on the CPU, contiguous. The mask's rectangle is tight;
// the mask is empty when nothing is above 0.
Mask MaskFromLogits(const at::Tensor& logits, int frame_width, int frame_height);

// A mask given as a prompt, as the network takes it: [1, 1, size, size] float32
// on the CPU, 0 or 1. Reference: SAM2VideoPredictor.add_new_mask.
// Parts outside the frame are cut off. Throws Error kBadSettings when the
// mask's pixels are not as many as its rectangle has.
at::Tensor MaskToInput(const Mask& mask, int frame_width, int frame_height, int size);

// Throws Error kBadSettings unless the mask has the pixels of its rectangle.
void CheckMask(const Mask& mask);

}  // namespace sam2
