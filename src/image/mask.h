// SPDX-License-Identifier: Apache-2.0
//
// Between the network's masks and the frame's.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "sam2.h"

namespace sam2 {

// Pixels begin .. end - 1 of row y of the frame.
struct Run {
  int y, begin, end;
};

// Where the logits are above the threshold in the frame, after
// F.interpolate(mode="bilinear", align_corners=False) to its size; row by row,
// from left to right. Costs by the outline, not by the frame's pixels.
// logits: [h, w] float32 on the CPU, contiguous.
std::vector<Run> RunsFromLogits(const at::Tensor& logits, float threshold, int frame_width,
                                int frame_height);

// Pixels of the runs.
std::int64_t AreaOfRuns(const std::vector<Run>& runs);

// The mask of such runs. Its rectangle is tight.
Mask MaskFromRuns(const std::vector<Run>& runs);

// The mask that the logits mean in the frame: MaskFromRuns of the runs above 0.
// The mask is empty when nothing is above 0.
Mask MaskFromLogits(const at::Tensor& logits, int frame_width, int frame_height);

// The same mask in its tight rectangle; empty when no pixel is set.
Mask Tight(const Mask& mask);

// Pixels of the mask.
std::int64_t AreaOf(const Mask& mask);

// The mask's rectangle: its tight box where it came of one of the above.
Box BoxOf(const Mask& mask);

// A mask given as a prompt, as the network takes it: [1, 1, size, size] float32
// on the CPU, 0 or 1. Reference: SAM2VideoPredictor.add_new_mask.
// Parts outside the frame are cut off. Throws Error kBadSettings when the
// mask's pixels are not as many as its rectangle has.
at::Tensor MaskToInput(const Mask& mask, int frame_width, int frame_height, int size);

// Throws Error kBadSettings unless the mask has the pixels of its rectangle.
void CheckMask(const Mask& mask);

}  // namespace sam2
