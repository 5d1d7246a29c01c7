// SPDX-License-Identifier: Apache-2.0
//
// What a model file says about its tensors: where each one lies and what shape
// it has. This layer knows neither libtorch nor files, only bytes, so that it
// can be fuzzed alone.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sam2.h"

namespace sam2 {

enum class DType { kF32, kF16, kBF16, kF64, kI64, kI32, kU8, kBool };

std::uint64_t ItemSize(DType dtype);  // bytes

struct TensorEntry {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape{};
  std::vector<std::int64_t> strides{};  // elements; as many as in shape
  std::uint64_t offset = 0;           // of the first element, bytes from the file's start
  std::uint64_t nbytes = 0;           // from the first element to the end of the last
};

struct TensorIndex {
  std::vector<TensorEntry> tensors;
  std::map<std::string, std::string> metadata;
};

// Both parsers hold to these rules whatever the bytes are: every tensor lies
// within the file; its element count times its item size is at most the size
// of the storage it lies in; names are unique; memory and time are bounded by
// a small multiple of the file's size. Both throw Error kBadCheckpoint, which
// names the tensor or the offset at fault.

// The safetensors format: 8 bytes little-endian N, N bytes of JSON, data.
TensorIndex ParseSafetensors(std::span<const std::uint8_t> file);

// The zip that torch.save writes: stored (never compressed) records
// ARCHIVE/data.pkl and ARCHIVE/data/KEY.
TensorIndex ParseTorchZip(std::span<const std::uint8_t> file);

// Either of them, by the file's first bytes; an error that says what the file
// seems to be for anything else.
TensorIndex ParseCheckpoint(std::span<const std::uint8_t> file);

// The part of a file that describes tensors may be at most this long; that of
// the largest SAM 2 takes 0.2 MB.
inline constexpr std::uint64_t kMaxIndexBytes = 16 << 20;

// A name from a file, made fit for an error message: quoted, cut, printable.
std::string Quote(std::string_view name);

[[noreturn]] void ThrowBadCheckpoint(const std::string& why);

// Shape as text, "[1, 2, 3]".
std::string ShapeText(const std::vector<std::int64_t>& shape);

inline constexpr std::size_t kMaxDims = 8;

// Product of the sizes; false when one is negative, the product does not fit,
// or there are more than kMaxDims.
bool CountElements(const std::vector<std::int64_t>& shape, std::uint64_t* count);

}  // namespace sam2
