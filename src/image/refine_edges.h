// SPDX-License-Identifier: Apache-2.0
//
// Edges of masks by the picture's colours.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <span>

#include "sam2.h"

namespace sam2 {

// Logits nearer to 0 than this are not sure: by trial on held-out pictures of the
// built-in model, whose edges are vague. Those of the official models pass it
// within a pixel or two.
inline constexpr float kSureLogit = 0.75F;

// Edges are refined on a grid with so many points on its longer side, also where the
// frame has fewer pixels: an edge costs less there in proportion, which gives better
// masks. 512 points are hardly better and take twice as long.
inline constexpr int kRefinedSide = 384;

// A mask whose unsure pixels belong to the object or not by their colours and by
// the edges between them: one iteration of GrabCut (Rother, Kolmogorov, Blake,
// "GrabCut", 2004), for which the sure pixels are fixed, and those clicked on. The
// object does not grow out of the box it was asked for by, or, where there is none
// or a click says that it is outside too, out of that of its mask and the clicks, a
// tenth larger. The same for the same input. Where either side has hardly a
// pixel, or none is unsure, or no object would be left, the logits are returned as
// they are.
// Runs no operators of ATen: it may be called on any thread.
// logits: [h, w] float32 on the CPU, contiguous, of the whole frame, which is in
// host memory; box, clicks: in pixels of it. Returns the like, on a grid of the frame's
// shape whose longer side is kRefinedSide: of decided points the logit has the sign that
// tells their side.
// Throws Error kBadSettings when the frame is impossible, or in a build without
// OpenCV.
at::Tensor RefineEdges(const at::Tensor& logits, const FrameView& frame,
                       const std::optional<Box>& box, std::span<const Point> clicks);

}  // namespace sam2
