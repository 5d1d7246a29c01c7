// SPDX-License-Identifier: Apache-2.0
//
// A model file as named tensors, whichever of the two formats it has.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

namespace sam2 {

// The named tensors of a model file. They are views of the memory-mapped file
// (no copy), which they keep mapped; writing to one is forbidden and faults.
// With the last reference to a tensor its part of the file leaves memory.
struct Checkpoint {
  std::map<std::string, at::Tensor> tensors;    // "image_encoder.neck.convs.0.conv.weight", ...
  std::map<std::string, std::string> metadata;  // .safetensors __metadata__; empty for .pt
};

// Reads a .safetensors file or a zip written by torch.save, told apart by
// content, not by name. Of a .pt, {"model": state_dict} and a bare state dict
// are taken; nothing in it is ever executed.
// Throws Error: kNotFound, or kBadCheckpoint naming the file and, where one is
// at fault, the tensor or the offset.
Checkpoint ReadCheckpoint(const std::string& path);

}  // namespace sam2
