// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/tensor_index.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace sam2 {
namespace {

bool StartsWith(std::span<const std::uint8_t> file, std::string_view magic) {
  return file.size() >= magic.size() && std::equal(magic.begin(), magic.end(), file.begin(),
                                                   [](char a, std::uint8_t b) {
                                                     return static_cast<std::uint8_t>(a) == b;
                                                   });
}

// What people have in hand when it is no checkpoint.
struct Mistake {
  std::string_view magic;
  const char* what;
};
constexpr std::array<Mistake, 6> kMistakes{{
    {{"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 14},
     "was written by torch.save in its old format, before PyTorch 1.6; to convert it: "
     "torch.save(torch.load(\"OLD.pt\", weights_only=True), \"NEW.pt\")"},
    {{"\x80", 1}, "is a pickle on its own, not the zip that torch.save writes"},
    {"version https://git-lfs", "is a Git LFS pointer, not the file it stands for (git lfs pull)"},
    {"<", "is an HTML or XML page, not a checkpoint; the download went wrong"},
    {{"\x1f\x8b", 2}, "is compressed by gzip; unpack it first"},
    {{"\x89HDF", 4}, "is an HDF5 file, not a checkpoint of PyTorch"},
}};

}  // namespace

std::uint64_t ItemSize(DType dtype) {
  switch (dtype) {
    case DType::kF64:
    case DType::kI64:
      return 8;
    case DType::kF32:
    case DType::kI32:
      return 4;
    case DType::kF16:
    case DType::kBF16:
      return 2;
    case DType::kU8:
    case DType::kBool:
      return 1;
  }
  return 0;
}

TensorIndex ParseCheckpoint(std::span<const std::uint8_t> file) {
  if (file.empty()) ThrowBadCheckpoint("the file is empty");
  if (StartsWith(file, {"PK\3\4", 4}) || StartsWith(file, {"PK\5\6", 4})) {
    return ParseTorchZip(file);
  }
  if (file.size() > 8 && file[8] == '{') return ParseSafetensors(file);
  for (const Mistake& mistake : kMistakes) {
    if (StartsWith(file, mistake.magic)) ThrowBadCheckpoint(mistake.what);
  }
  ThrowBadCheckpoint("is neither a .safetensors file nor a .pt file written by torch.save");
}

std::string Quote(std::string_view name) {
  constexpr std::size_t kLongest = 200;
  std::string text = "'";
  for (const char c : name.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      text += c;
    } else {
      char escape[5];
      std::snprintf(escape, sizeof escape, "\\x%02x", byte);
      text += escape;
    }
  }
  return text + (name.size() > kLongest ? "...'" : "'");
}

void ThrowBadCheckpoint(const std::string& why) { throw Error(ErrorCode::kBadCheckpoint, why); }

std::string ShapeText(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const std::int64_t size : shape) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(size);
  }
  return text + "]";
}

bool CountElements(const std::vector<std::int64_t>& shape, std::uint64_t* count) {
  if (shape.size() > kMaxDims) return false;
  std::int64_t product = 1;
  bool empty = false;
  // A size of 0 does not make the others free to be huge: strides are
  // computed from them.
  for (const std::int64_t size : shape) {
    empty = empty || size == 0;
    const std::int64_t factor = std::max<std::int64_t>(size, 1);
    if (size < 0 || __builtin_mul_overflow(product, factor, &product)) return false;
  }
  *count = empty ? 0 : static_cast<std::uint64_t>(product);
  return true;
}

}  // namespace sam2
