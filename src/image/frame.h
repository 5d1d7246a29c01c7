// SPDX-License-Identifier: Apache-2.0
//
// The caller's pixels as the network's input.
#pragma once

#include <ATen/core/Tensor.h>

#include "sam2.h"

namespace sam2 {

// The two predictors of the reference do not resize alike.
enum class Resize {
  // Bicubic with antialiasing, rounded to 8 bits: _load_img_as_tensor in
  // sam2/utils/misc.py, that is Pillow's resize().
  kVideo,
  // Bilinear with antialiasing, in float: SAM2Transforms in
  // sam2/utils/transforms.py.
  kStills,
};

// Throws Error kBadSettings when the view is impossible: an empty frame, a
// missing plane, rows shorter than their pixels.
void CheckFrame(const FrameView& frame);

// The frame squeezed to size x size, normalised by ImageNet's mean and standard
// deviation: [1, 3, size, size] float32, channels_last, on `device`. Y'CbCr is
// turned to R'G'B' first, at full size; grey is three equal channels.
// Throws Error kBadSettings when the view is impossible.
at::Tensor FrameToTensor(const FrameView& frame, int size, Resize mode, at::Device device);

}  // namespace sam2
