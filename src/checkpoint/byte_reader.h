// SPDX-License-Identifier: Apache-2.0
//
// Little-endian numbers and pieces of a byte string, with every bound checked.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "checkpoint/tensor_index.h"

namespace sam2 {

class ByteReader {
 public:
  // what: names the byte string in errors, e.g. "the zip directory".
  ByteReader(std::span<const std::uint8_t> bytes, const char* what) : bytes_(bytes), what_(what) {}

  std::uint64_t position() const { return position_; }
  std::uint64_t remaining() const { return bytes_.size() - position_; }

  std::span<const std::uint8_t> Take(std::uint64_t count) {
    if (count > remaining()) {
      ThrowBadCheckpoint(std::string(what_) + " ends too early, at byte " +
                         std::to_string(bytes_.size()));
    }
    const auto piece = bytes_.subspan(position_, count);
    position_ += count;
    return piece;
  }
  void Skip(std::uint64_t count) { Take(count); }

  std::string_view TakeText(std::uint64_t count) {
    const auto piece = Take(count);
    return {reinterpret_cast<const char*>(piece.data()), piece.size()};
  }

  // Without the newline that ends it.
  std::string_view TakeLine() {
    std::uint64_t length = 0;
    while (length < remaining() && bytes_[position_ + length] != '\n') ++length;
    const std::string_view line = TakeText(length);
    Skip(1);
    return line;
  }

  std::uint8_t U8() { return Take(1)[0]; }
  std::uint16_t U16() { return static_cast<std::uint16_t>(Unsigned(2)); }
  std::uint32_t U32() { return static_cast<std::uint32_t>(Unsigned(4)); }
  std::uint64_t U64() { return Unsigned(8); }

 private:
  std::uint64_t Unsigned(int count) {
    const auto piece = Take(count);
    std::uint64_t value = 0;
    for (int i = 0; i < count; ++i) value |= std::uint64_t{piece[i]} << (8 * i);
    return value;
  }

  std::span<const std::uint8_t> bytes_;
  const char* what_;
  std::uint64_t position_ = 0;
};

}  // namespace sam2
