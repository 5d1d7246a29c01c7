// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "sam2.h"

namespace sam2 {

// Tells pictures apart: a hash of a frame's size, format and pixels (not of
// the bytes between rows). Two pictures that differ have the same one by
// chance only, one time in 2^64.
std::uint64_t Fingerprint(const FrameView& frame);

}  // namespace sam2
