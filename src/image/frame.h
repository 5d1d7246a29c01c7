// SPDX-License-Identifier: Apache-2.0
//
// The caller's pixels as the network's input.
#pragma once

#include <ATen/core/Tensor.h>

#include "image/bicubic.h"
#include "image/device_frame.h"
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

// Makes the network's input of the frames of one stream: each one squeezed to
// size x size and normalised by ImageNet's mean and standard deviation,
// [1, 3, size, size] float32, channels_last. Y'CbCr is turned to R'G'B' first,
// at full size; grey is three equal channels. On another device than the CPU
// all of it is done there: the bytes of the frame are all that is uploaded.
class FrameReader {
 public:
  FrameReader(int size, Resize mode, at::Device device)
      : size_(size), mode_(mode), device_(device) {}

  // Throws Error: kBadSettings when the view is impossible, or in CUDA memory
  // while the device is the CPU; kFailed.
  at::Tensor Read(const FrameView& frame);

  // The same in the way of other devices, on any.
  at::Tensor ReadByTensors(const FrameView& frame);

 private:
  void Check(const FrameView& frame) const;
  at::Tensor NormalizeLevels(const at::Tensor& levels, PixelFormat format);

  int size_;
  Resize mode_;
  at::Device device_;
  BicubicResize bicubic_;
  TensorResize resize_;
  at::Tensor table_;  // [3 * 256] float32: every level of each channel, normalised
};

// As FrameReader, for one frame.
at::Tensor FrameToTensor(const FrameView& frame, int size, Resize mode, at::Device device);

}  // namespace sam2
