// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

namespace sam2 {

// Writes the tensors as a .safetensors file in one precision (float32, bfloat16
// or float16), one tensor in memory at a time. The file appears under its name
// when it is complete. Throws Error: kBadCheckpoint naming a tensor with values
// that the precision cannot hold, kFailed when the file cannot be written.
void WriteSafetensors(const std::string& path, const std::map<std::string, at::Tensor>& tensors,
                      const std::map<std::string, std::string>& metadata, at::ScalarType dtype);

}  // namespace sam2
