// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

namespace sam2 {

// Tells hard cuts between scenes from the motion of things and cameras within
// one, by a small picture of each frame. Cheap: some 200,000 products a frame.
class CutDetector {
 public:
  // The small picture, on the device. image: [1, 3, S, S], the network's input.
  // Returns [3, 32, 32] float32.
  static at::Tensor Thumbnail(const at::Tensor& image);

  // Whether a cut lies between the frame before and this one, which takes its
  // place. thumbnail: on the CPU. The first frame has none before it.
  bool See(const at::Tensor& thumbnail);

  // The frame before the next one was not looked at: whether a cut lies between
  // is not told, as what moves on comes to look like one.
  void MissFrame() { before_ = at::Tensor(); }

 private:
  // Likeness to the frame before, 0..1, with the shift where it is best.
  float Likeness(const at::Tensor& thumbnail) const;

  at::Tensor before_;  // undefined, or [3, 32, 32]
  float usual_ = 1;    // likeness within this scene, smoothed
};

}  // namespace sam2
