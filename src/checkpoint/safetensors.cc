// SPDX-License-Identifier: Apache-2.0
//
// https://github.com/huggingface/safetensors, "Format".
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "checkpoint/tensor_index.h"

namespace sam2 {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kLengthBytes = 8;

std::optional<DType> DTypeByName(std::string_view name) {
  static constexpr std::pair<std::string_view, DType> kNames[] = {
      {"F32", DType::kF32}, {"F16", DType::kF16}, {"BF16", DType::kBF16}, {"F64", DType::kF64},
      {"I64", DType::kI64}, {"I32", DType::kI32}, {"U8", DType::kU8},     {"BOOL", DType::kBool}};
  for (const auto& [known, dtype] : kNames) {
    if (name == known) return dtype;
  }
  return std::nullopt;
}

// Parses the header; refuses what a header never holds while it goes, because
// the parsed form of hostile text could be many times as large as the text.
Json ParseHeader(std::span<const std::uint8_t> text) {
  constexpr int kDeepest = 3;                    // {tensor: {"shape": [1]}}
  std::vector<std::set<std::string>> keys(kDeepest + 1);  // seen so far, by depth
  const auto check = [&keys](int depth, Json::parse_event_t event, Json& parsed) {
    using Event = Json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) {
      if (depth >= kDeepest) ThrowBadCheckpoint("the header is nested too deep");
      keys[depth + 1].clear();
    } else if (event == Event::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys[depth].insert(key).second) {
        ThrowBadCheckpoint("the header has " + Quote(key) + " twice");
      }
    }
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), check);
  } catch (const Json::exception&) {
    ThrowBadCheckpoint("the header is not valid JSON");
  }
}

// Both ends of a tensor's data, bytes from the start of the data.
struct Range {
  std::uint64_t begin, end;
};

Range ReadOffsets(const Json& entry, const std::string& tensor) {
  const auto found = entry.find("data_offsets");
  const bool good = found != entry.end() && found->is_array() && found->size() == 2 &&
                    (*found)[0].is_number_unsigned() && (*found)[1].is_number_unsigned();
  if (!good) ThrowBadCheckpoint(tensor + " has no valid data_offsets");
  return {(*found)[0].get<std::uint64_t>(), (*found)[1].get<std::uint64_t>()};
}

std::vector<std::int64_t> ReadShape(const Json& entry, const std::string& tensor) {
  const auto found = entry.find("shape");
  if (found == entry.end() || !found->is_array()) ThrowBadCheckpoint(tensor + " has no shape");
  std::vector<std::int64_t> shape;
  for (const Json& size : *found) {
    if (!size.is_number_unsigned() || size.get<std::uint64_t>() > INT64_MAX) {
      ThrowBadCheckpoint(tensor + " has the impossible size " + Quote(size.dump()));
    }
    shape.push_back(size.get<std::int64_t>());
  }
  return shape;
}

std::vector<std::int64_t> RowMajorStrides(const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> strides(shape.size());
  std::int64_t stride = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= std::max<std::int64_t>(shape[i], 1);  // fits: CountElements() went before
  }
  return strides;
}

// data_start, data_size: where the tensors' data lies in the file.
TensorEntry ReadEntry(const std::string& name, const Json& entry, std::uint64_t data_start,
                      std::uint64_t data_size) {
  const std::string tensor = "tensor " + Quote(name);
  if (!entry.is_object()) ThrowBadCheckpoint(tensor + " is not described by an object");
  const auto dtype_name = entry.find("dtype");
  if (dtype_name == entry.end() || !dtype_name->is_string()) {
    ThrowBadCheckpoint(tensor + " has no dtype");
  }
  const auto dtype = DTypeByName(dtype_name->get_ref<const std::string&>());
  if (!dtype) {
    ThrowBadCheckpoint(tensor + " has the unknown dtype " +
                       Quote(dtype_name->get_ref<const std::string&>()));
  }
  TensorEntry result{.name = name, .dtype = *dtype, .shape = ReadShape(entry, tensor)};
  const auto [begin, end] = ReadOffsets(entry, tensor);
  if (begin > end || end > data_size) {
    ThrowBadCheckpoint(tensor + " lies at " + std::to_string(begin) + ".." + std::to_string(end) +
                       ", outside the file's data of " + std::to_string(data_size) +
                       " bytes; the file is truncated or damaged");
  }
  std::uint64_t count = 0, bytes = 0;
  const bool fits = CountElements(result.shape, &count) &&
                    !__builtin_mul_overflow(count, ItemSize(*dtype), &bytes);
  if (!fits || bytes != end - begin) {
    ThrowBadCheckpoint(tensor + " of shape " + ShapeText(result.shape) + " cannot take " +
                       std::to_string(end - begin) + " bytes");
  }
  result.strides = RowMajorStrides(result.shape);
  result.offset = data_start + begin;
  result.nbytes = bytes;
  return result;
}

void ReadMetadata(const Json& entry, std::map<std::string, std::string>* metadata) {
  if (!entry.is_object()) ThrowBadCheckpoint("__metadata__ is not an object");
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string()) ThrowBadCheckpoint("__metadata__ " + Quote(key) + " is not a string");
    metadata->emplace(key, value.get<std::string>());
  }
}

// The format asks for data without overlap and without holes.
void CheckLayout(const std::vector<TensorEntry>& tensors, std::uint64_t data_start,
                 std::uint64_t file_size) {
  std::vector<const TensorEntry*> order;
  for (const TensorEntry& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const TensorEntry* a, const TensorEntry* b) {
    return std::pair(a->offset, a->nbytes) < std::pair(b->offset, b->nbytes);
  });
  std::uint64_t expected = data_start;
  for (const TensorEntry* tensor : order) {
    if (tensor->offset != expected) {
      ThrowBadCheckpoint("the data of tensor " + Quote(tensor->name) +
                         (tensor->offset < expected ? " overlaps that of another"
                                                    : " follows bytes that belong to none"));
    }
    expected += tensor->nbytes;
  }
  if (expected != file_size) {
    ThrowBadCheckpoint("the tensors end at byte " + std::to_string(expected) + ", the file at " +
                       std::to_string(file_size));
  }
}

}  // namespace

TensorIndex ParseSafetensors(std::span<const std::uint8_t> file) {
  if (file.size() < kLengthBytes) ThrowBadCheckpoint("the file is shorter than its header");
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) length |= std::uint64_t{file[i]} << (8 * i);
  if (length > file.size() - kLengthBytes) {
    ThrowBadCheckpoint("the header claims " + std::to_string(length) + " bytes of a file of " +
                       std::to_string(file.size()) + "; the file is truncated or damaged");
  }
  if (length > kMaxIndexBytes) {
    ThrowBadCheckpoint("the header of " + std::to_string(length) + " bytes is too long");
  }
  const Json header = ParseHeader(file.subspan(kLengthBytes, length));
  if (!header.is_object()) ThrowBadCheckpoint("the header is not a JSON object");

  TensorIndex index;
  const std::uint64_t data_start = kLengthBytes + length;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      ReadMetadata(entry, &index.metadata);
    } else {
      index.tensors.push_back(ReadEntry(name, entry, data_start, file.size() - data_start));
    }
  }
  CheckLayout(index.tensors, data_start, file.size());
  return index;
}

}  // namespace sam2
