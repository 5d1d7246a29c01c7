// SPDX-License-Identifier: Apache-2.0
//
// What must hold for whatever a reader makes of whatever bytes.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <span>

#include "checkpoint/tensor_index.h"

namespace sam2::test {

// Aborts when the index lets a tensor leave the file.
inline void CheckIndex(const TensorIndex& index, std::span<const std::uint8_t> file) {
  for (const TensorEntry& entry : index.tensors) {
    if (entry.offset > file.size() || entry.nbytes > file.size() - entry.offset) std::abort();
    std::uint64_t count = 0, last = 0;
    if (!CountElements(entry.shape, &count)) std::abort();
    if (count * ItemSize(entry.dtype) > file.size()) std::abort();
    if (entry.strides.size() != entry.shape.size()) std::abort();
    for (std::size_t i = 0; i < entry.shape.size() && count > 0; ++i) {
      last += static_cast<std::uint64_t>((entry.shape[i] - 1) * entry.strides[i]);
    }
    if (count > 0 && (last + 1) * ItemSize(entry.dtype) != entry.nbytes) std::abort();
  }
}

template <typename Parser>
int FuzzParser(Parser parse, const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> file(data, size);
  try {
    CheckIndex(parse(file), file);
  } catch (const Error&) {
  }
  return 0;
}

}  // namespace sam2::test
