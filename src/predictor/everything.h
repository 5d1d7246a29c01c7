// SPDX-License-Identifier: Apache-2.0
//
// Everything mode: a grid of clicks, of whose masks the good ones stay.
// Reference: SAM2AutomaticMaskGenerator.
#pragma once

#include <stop_token>
#include <vector>

#include "predictor/engine.h"
#include "predictor/picture.h"
#include "sam2.h"

namespace sam2 {

// Throws Error kBadSettings that names the value and what is allowed.
void CheckEverythingOptions(const EverythingOptions& options);

// frame: the picture; whole: its encoding. See ImagePredictor::Everything. When it
// is asked to stop, what it has found until then has no meaning.
std::vector<Object> SegmentEverything(ModelEngine& engine, const FrameView& frame,
                                      const EncodedPicture& whole,
                                      const EverythingOptions& options, std::stop_token stop);

// ---------------------------------------------------------------- its parts

// Corners in whole pixels; x1 and y1 are those of the last pixel of a mask, or
// one beyond it for the part of a picture.
struct PixelBox {
  int x0, y0, x1, y1;
};

struct PictureCrop {
  PixelBox box;
  int layer;
};

// The whole picture, and for each further layer i its 4^i overlapping parts.
// Reference: generate_crop_boxes in sam2/utils/amg.py.
std::vector<PictureCrop> CropBoxes(int width, int height, int layers, float overlap_ratio);

// The boxes that stay, best first: each that overlaps none before it by an IoU
// above the threshold. Reference: torchvision.ops.nms.
std::vector<size_t> NonMaximumSuppression(const std::vector<PixelBox>& boxes,
                                          const std::vector<float>& scores, float threshold);

// Whether a mask's box, in the whole picture, ends at an edge of the crop that
// is no edge of the picture, where the mask goes on outside of the crop.
// Reference: is_box_near_crop_edge in sam2/utils/amg.py.
bool IsNearCropEdge(const PixelBox& box, const PixelBox& crop, int width, int height);

}  // namespace sam2
