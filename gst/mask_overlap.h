// SPDX-License-Identifier: Apache-2.0
//
// How alike boxes and masks are.
#pragma once

#include <cstdint>

#include "sam2.h"

namespace gstsam2 {

// Intersection over union, 0..1; 0 where nothing is shared.
float Iou(const sam2::Box& a, const sam2::Box& b);
float Iou(const sam2::Mask& a, const sam2::Mask& b);

// Pixels of the mask, and those that lie in the box.
std::int64_t Area(const sam2::Mask& mask);
std::int64_t AreaIn(const sam2::Mask& mask, const sam2::Box& box);

}  // namespace gstsam2
