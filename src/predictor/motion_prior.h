// SPDX-License-Identifier: Apache-2.0
//
// The choice among the decoder's three masks by predicted IoU and motion
// together, after the idea of Yang et al., "SAMURAI: Adapting Segment Anything
// Model for Zero-Shot Visual Tracking with Motion-Aware Memory" (2024),
// section 4.1. Tensors throughout; nothing is read back.
#pragma once

#include "model/mask_decoder.h"

namespace sam2 {

// Where motion has N objects on a frame. Boxes and areas are relative to it.
struct MotionPrior {
  Tensor boxes;   // [N, 4] float32: x0, y0, x1, y1
  Tensor areas;   // [N] float32: what the object's mask should cover
  Tensor weight;  // [N] float32: how far motion is to be believed, 0..1
};

// About the IoU of masks with what is expected of the object: a mask of the
// expected area inside the expected box. masks: [N, K, h, w] logits; returns
// [N, K], 0..1. A few pixels elsewhere, which would spoil a mask's own box,
// count for what they are.
Tensor Agreement(const Tensor& masks, const MotionPrior& prior);

// The index 1..3 of the best mask: [N] int64.
Tensor BestMaskWithMotion(const DecoderOutput& decoded, const MotionPrior& prior);

// The largest part of any of the three masks that lies away from the chosen
// one, in units of its area: [N] float32. Where the decoder wavers between the
// object and something alike, that is large. choice: [N], 1..3.
// After Videnovic et al., "A Distractor-Aware Memory for Visual Object Tracking
// with SAM2" (2024), section 3.2, which compares boxes.
Tensor RivalShare(const DecoderOutput& decoded, const Tensor& choice);

}  // namespace sam2
