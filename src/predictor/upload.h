// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <span>

namespace sam2 {

// The host's values as a tensor [n] on the device. Waits for nothing: to
// another device they go through pinned memory, in the order of its stream.
at::Tensor Upload(std::span<const int64_t> values, at::Device device);
at::Tensor Upload(std::span<const float> values, at::Device device);

}  // namespace sam2
