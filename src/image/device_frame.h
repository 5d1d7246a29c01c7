// SPDX-License-Identifier: Apache-2.0
//
// A frame's way into the network by tensor operations alone, for devices on
// which plain loops cannot run. They wait for nothing, and what they give is
// equal to what the loops of color.h and bicubic.h give, bit for bit.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>

#include "sam2.h"

namespace sam2 {

// The planes as they are, [rows, row bytes] uint8 on `device`, rows apart by
// the plane's stride. Host memory goes to another device through pinned memory,
// without waiting; memory of `device` is viewed, not copied, where it can be.
// Unused ones are undefined. Throws Error kFailed.
std::array<at::Tensor, 3> PlanesOn(const FrameView& frame, at::Device device);

// The pixels of planes on one device: [1, C, H, W] uint8, channels innermost.
// R, G, B when the frame is Y'CbCr; else a view with the format's channels.
at::Tensor PixelsOf(const FrameView& frame, const std::array<at::Tensor, 3>& planes);

// BicubicResize on any device.
class TensorResize {
 public:
  // pixels: [1, C, H, W] uint8, channels innermost. Returns [size, size, C] uint8.
  at::Tensor Resize(const at::Tensor& pixels, int size);

 private:
  // The taps of one axis on the device, kept while sizes and device stay the same.
  class Axis {
   public:
    // levels: [A, N, B] uint8. Returns [A, result, B] uint8.
    at::Tensor Resize(const at::Tensor& levels, int result);

   private:
    void Prepare(int source, int result, at::Device device);

    int source_ = 0, result_ = 0;
    at::Tensor places_;   // [result * taps] int32, among those of the source
    at::Tensor weights_;  // [result, taps, 1] int32
  };

  Axis across_, down_;
};

}  // namespace sam2
