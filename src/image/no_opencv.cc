// SPDX-License-Identifier: Apache-2.0
//
// In place of what needs OpenCV, for a build of the core alone without it.
#include "image/refine_edges.h"

namespace sam2 {

at::Tensor RefineEdges(const at::Tensor& /*logits*/, const FrameView& /*frame*/,
                       const std::optional<Box>& /*box*/,
                       std::span<const Point> /*clicks*/) {
  throw Error(ErrorCode::kBadSettings, "edges cannot be refined: built without OpenCV");
}

}  // namespace sam2
