// SPDX-License-Identifier: Apache-2.0
//
// The tensors that a pickled state dict names.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/tensor_index.h"

namespace sam2 {

// A tensor as the pickle describes it; nothing but `dtype` and the kinds of the
// values is checked.
struct PickledTensor {
  std::string_view name;  // points into the pickle, as does storage
  DType dtype = DType::kF32;
  std::string_view storage;          // key of the record that holds its storage
  std::int64_t storage_numel = 0;    // elements
  std::int64_t storage_offset = 0;   // elements
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> strides;  // elements
};

// Interprets a pickle (protocol 2, as torch.save writes) of a state dict, bare
// or under the key "model". Only plain values, dicts, lists, tuples,
// collections.OrderedDict, torch's storages and dtypes, and torch's two
// functions that put a tensor together are known, and those are not called but
// recorded; every other name is refused. Throws Error kBadCheckpoint.
std::vector<PickledTensor> ParseStateDict(std::span<const std::uint8_t> pickle);

}  // namespace sam2
