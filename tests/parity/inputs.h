// SPDX-License-Identifier: Apache-2.0
//
// What goes into the comparison of stages: the same bits as inputs.py makes,
// which says what each input is.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

namespace sam2::parity {

using Tensors = std::map<std::string, at::Tensor>;

inline constexpr std::int64_t kFrames = 20;
inline constexpr std::int64_t kMemories = 16;

// The video: [kFrames, size, size, 3] uint8.
at::Tensor Draw(std::int64_t size);

// "image": the first frame as the network takes it; "mask": a disc.
Tensors MakePictures(std::int64_t size);

// All but the video. tokens: of one memory.
Tensors MakeInputs(std::int64_t size, std::int64_t tokens, std::int64_t hidden_dim);

}  // namespace sam2::parity
