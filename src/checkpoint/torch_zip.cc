// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "checkpoint/pickle.h"
#include "checkpoint/tensor_index.h"
#include "checkpoint/zip.h"

namespace sam2 {
namespace {

using Bytes = std::span<const std::uint8_t>;
using Records = std::map<std::string_view, ZipRecord>;

// Tied weights make tensors share a storage; a file whose tensors are together
// more than this many times as long as itself is hostile.
constexpr std::uint64_t kMaxSharing = 4;

// The folder that holds all records, e.g. "archive/".
std::string FindArchive(const Records& records) {
  constexpr std::string_view kPickle = "/data.pkl";
  for (const auto& [name, record] : records) {
    if (name.ends_with(kPickle) && name.find('/') == name.size() - kPickle.size()) {
      return std::string(name.substr(0, name.size() - kPickle.size() + 1));
    }
  }
  ThrowBadCheckpoint("the zip has no data.pkl; torch.save did not write it");
}

void CheckByteOrder(Bytes file, const Records& records, const std::string& archive) {
  const auto order = records.find(archive + "byteorder");
  if (order == records.end()) return;
  const auto text = file.subspan(order->second.offset, order->second.size);
  constexpr std::string_view kLittle = "little";
  if (!std::equal(text.begin(), text.end(), kLittle.begin(), kLittle.end())) {
    ThrowBadCheckpoint("is not in little-endian byte order");
  }
}

// How many elements of its storage a tensor reaches over, from its first
// element to its last; false when it has strides that no state dict has.
bool CountSpan(const PickledTensor& tensor, std::uint64_t* span) {
  std::int64_t last = 0;
  bool empty = false;
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    const std::int64_t size = tensor.shape[i];
    std::int64_t reach = 0;
    if (size < 0 || tensor.strides[i] < 0) return false;
    empty = empty || size == 0;
    if (__builtin_mul_overflow(std::max<std::int64_t>(size - 1, 0), tensor.strides[i], &reach) ||
        __builtin_add_overflow(last, reach, &last)) {
      return false;
    }
  }
  *span = empty ? 0 : static_cast<std::uint64_t>(last) + 1;
  return true;
}

[[noreturn]] void FailTensor(const PickledTensor& tensor, const std::string& why) {
  ThrowBadCheckpoint("tensor " + Quote(tensor.name) + " of shape " + ShapeText(tensor.shape) +
                     " " + why);
}

// Elements of a tensor's storage, which the record must hold in full.
std::uint64_t StorageElements(const PickledTensor& tensor, const ZipRecord& record) {
  const std::uint64_t held = record.size / ItemSize(tensor.dtype);
  if (tensor.storage_numel < 0 || static_cast<std::uint64_t>(tensor.storage_numel) > held) {
    FailTensor(tensor, "has a storage of " + std::to_string(tensor.storage_numel) +
                           " elements in a record of " + std::to_string(record.size) + " bytes");
  }
  return static_cast<std::uint64_t>(tensor.storage_numel);
}

TensorEntry Locate(const PickledTensor& tensor, const ZipRecord& record) {
  if (tensor.strides.size() != tensor.shape.size()) FailTensor(tensor, "has too few strides");
  const std::uint64_t storage = StorageElements(tensor, record);
  std::uint64_t count = 0, span = 0;
  // count <= storage also keeps out strides of 0, by which few bytes would
  // stand for many.
  const bool inside = CountElements(tensor.shape, &count) && CountSpan(tensor, &span) &&
                      tensor.storage_offset >= 0 && count <= storage && span <= storage &&
                      static_cast<std::uint64_t>(tensor.storage_offset) <= storage - span;
  if (!inside) FailTensor(tensor, "leaves its storage of " + std::to_string(storage) + " elements");
  const std::uint64_t item = ItemSize(tensor.dtype);
  return {.name = std::string(tensor.name),
          .dtype = tensor.dtype,
          .shape = tensor.shape,
          .strides = tensor.strides,
          .offset = record.offset + static_cast<std::uint64_t>(tensor.storage_offset) * item,
          .nbytes = span * item};
}

}  // namespace

TensorIndex ParseTorchZip(Bytes file) {
  const Records records = ReadZipDirectory(file);
  const std::string archive = FindArchive(records);
  CheckByteOrder(file, records, archive);
  const ZipRecord& pickle = records.at(archive + "data.pkl");
  if (pickle.size > kMaxIndexBytes) {
    ThrowBadCheckpoint("data.pkl of " + std::to_string(pickle.size) + " bytes is too long");
  }
  TensorIndex index;
  std::uint64_t claimed = 0;  // bytes of all tensors
  for (const PickledTensor& tensor : ParseStateDict(file.subspan(pickle.offset, pickle.size))) {
    const auto record = records.find(archive + "data/" + std::string(tensor.storage));
    if (record == records.end()) {
      FailTensor(tensor, "has its data in a record that is missing, " + Quote(tensor.storage));
    }
    index.tensors.push_back(Locate(tensor, record->second));
    claimed += index.tensors.back().nbytes;
    if (claimed > kMaxSharing * file.size()) {
      ThrowBadCheckpoint("its tensors share their storages more often than weights do");
    }
  }
  return index;
}

}  // namespace sam2
