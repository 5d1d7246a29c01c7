// SPDX-License-Identifier: Apache-2.0
//
// Outlines of masks.
#pragma once

#include <vector>

#include "sam2.h"

namespace sam2 {

// The outer outlines of a mask's parts (8-connected pixels that touch only at a
// corner are two parts; holes are filled, as COCO's polygons have none), the
// largest first, in pixels of the frame. They run along the borders of the
// pixels, so that with tolerance 0 pycocotools makes exactly the filled mask
// of them again. With a greater tolerance no point of the outline is further
// than that from the polygon, and about 1 % of the part's pixels at most change
// for each pixel of tolerance. A polygon has at least three points and never
// meets itself. Parts of less than min_area pixels, holes included, are left out.
// Throws Error kBadSettings for a negative or non-finite tolerance or a mask
// with the wrong number of pixels.
std::vector<Polygon> MaskToPolygons(const Mask& mask, double tolerance, double min_area);

}  // namespace sam2
