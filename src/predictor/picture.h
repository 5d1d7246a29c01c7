// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "model/sam2_model.h"
#include "sam2.h"

namespace sam2 {

// A still picture as the decoder wants it.
struct EncodedPicture {
  int width = 0, height = 0;  // pixels
  FrameFeatures features;
  Tensor embedding;  // [1, C, h, w], without memory
};

// mirrored: the frame with left and right exchanged.
// Reference: SAM2ImagePredictor.set_image.
EncodedPicture EncodePicture(const Sam2Model& model, const FrameView& frame, bool mirrored = false);

// Clicks and corners of one object in pixels of the picture, with the labels
// of prompt_encoder.h.
struct PointList {
  std::vector<float> coords;  // x0, y0, x1, y1, ...
  std::vector<int64_t> labels;

  void Add(float x, float y, int64_t label);
  // The same in a mirror image of a picture so wide.
  PointList Mirrored(float width) const;
};

// The lists of N objects, each of the same length, as the decoder wants them.
// Reference: SAM2Transforms.transform_coords.
PointPrompt ToPointPrompt(std::span<const PointList> lists, const EncodedPicture& picture,
                          const Sam2Model& model);

// How many objects may be decoded at once: bounds the working memory to about
// half a gigabyte.
int64_t MaxDecodeBatch(const Sam2Model& model);

}  // namespace sam2
