// SPDX-License-Identifier: Apache-2.0
//
// Connected components of masks.
#pragma once

#include <ATen/core/Tensor.h>

namespace sam2 {

// Fills the holes of masks: sets to 0.1, in place, every 8-connected component
// of logits <= 0 with at most max_area logits. max_area <= 0: does nothing.
// logits: [N, 1, h, w] float32 on the CPU, contiguous.
// Reference: fill_holes_in_mask_scores in sam2/utils/misc.py.
void FillHoles(at::Tensor logits, int max_area);

// Removes the specks of masks: sets to -0.1, in place, every 8-connected
// component of logits > 0 with at most max_area logits that is smaller than
// another one of its mask. max_area <= 0: does nothing. logits: as above.
// Reference: remove_sprinkles of fill_holes_in_mask_scores in SAM 3,
// sam3/model/sam3_tracker_utils.py, which takes all of a mask of equal specks;
// SAM 2's video predictor has none.
void RemoveSpecks(at::Tensor logits, int max_area);

// Fills holes as above with 10, and sets every 8-connected component of logits
// > 0 with at most max_speck_area logits to -10, in place. Areas <= 0: not done.
// logits: [N, K, h, w] float32 on the CPU, contiguous.
// Reference: SAM2Transforms.postprocess_masks in sam2/utils/transforms.py.
void RemoveHolesAndSpecks(at::Tensor logits, int max_hole_area, int max_speck_area);

}  // namespace sam2
