// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "predictor/confidence.h"
#include "predictor/download.h"
#include "predictor/tracker_step.h"

namespace sam2 {

// What the host learns of the answers for N objects, in one read.
class Readout {
 public:
  // Begins to read; a GPU is not waited for. The masks' holes of at most
  // fill_hole_area are filled and their specks of at most max_sprinkle_area
  // removed in a copy: memories are made of the masks as they are.
  Readout(const StepOutput& output, int fill_hole_area, int max_sprinkle_area);

  // Waits for the answers. To be called before they are asked for.
  void Wait();

  // Of one object; the weight is not of the network.
  Sight sight(int64_t row) const;
  // Mask logits of one object: [1, 1, 4h, 4w] float32 on the CPU, contiguous.
  Tensor mask(int64_t row) const { return masks_.slice(0, row, row + 1); }

 private:
  void Clean();

  int fill_hole_area_, max_sprinkle_area_;
  std::optional<Download> download_;  // until it was waited for
  Tensor values_;                     // [N, 4] float32 on the CPU
  Tensor masks_;                      // [N, 1, 4h, 4w] float32 on the CPU
};

}  // namespace sam2
