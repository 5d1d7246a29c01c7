// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace sam2 {

// Tensors of one device and type on the host, contiguous, in one copy: views of
// one buffer, from a GPU a pinned one. Waits once, for that copy.
std::vector<at::Tensor> Download(const std::vector<at::Tensor>& tensors);

}  // namespace sam2
