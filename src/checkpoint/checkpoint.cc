// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/checkpoint.h"

#include <ATen/ops/empty_strided.h>
#include <ATen/ops/from_blob.h>

#include <cstring>
#include <memory>

#include "checkpoint/mapped_file.h"
#include "checkpoint/tensor_index.h"
#include "sam2.h"

namespace sam2 {
namespace {

at::ScalarType ToScalarType(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return at::kFloat;
    case DType::kF16:
      return at::kHalf;
    case DType::kBF16:
      return at::kBFloat16;
    case DType::kF64:
      return at::kDouble;
    case DType::kI64:
      return at::kLong;
    case DType::kI32:
      return at::kInt;
    case DType::kU8:
      return at::kByte;
    case DType::kBool:
      return at::kBool;
  }
  return at::kFloat;
}

// A view of the entry's bytes; a copy where they do not lie at a multiple of
// the item size, which the processor's vector loads may fault on.
at::Tensor MakeTensor(const TensorEntry& entry, std::shared_ptr<const MappedFile> file) {
  const auto options = at::TensorOptions(ToScalarType(entry.dtype));
  if (entry.nbytes == 0) return at::empty_strided(entry.shape, entry.strides, options);
  const auto bytes = file->bytes().subspan(entry.offset, entry.nbytes);
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % ItemSize(entry.dtype) != 0) {
    at::Tensor copy = at::empty_strided(entry.shape, entry.strides, options);
    std::memcpy(copy.mutable_data_ptr(), bytes.data(), bytes.size());
    return copy;
  }
  return at::from_blob(const_cast<std::uint8_t*>(bytes.data()), entry.shape, entry.strides,
                       [file = std::move(file), bytes](void*) { file->Forget(bytes); }, options);
}

}  // namespace

Checkpoint ReadCheckpoint(const std::string& path) {
  const std::shared_ptr<const MappedFile> file = MappedFile::Open(path);
  TensorIndex index;
  try {
    index = ParseCheckpoint(file->bytes());
  } catch (const Error& error) {
    throw Error(error.code(), path + ": " + error.what());
  }
  Checkpoint checkpoint;
  checkpoint.metadata = std::move(index.metadata);
  for (const TensorEntry& entry : index.tensors) {
    checkpoint.tensors.emplace(entry.name, MakeTensor(entry, file));
  }
  return checkpoint;
}

}  // namespace sam2
