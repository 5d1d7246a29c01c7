// SPDX-License-Identifier: Apache-2.0
//
// A file mapped into memory, read-only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace sam2 {

class MappedFile {
 public:
  // Throws Error: kNotFound when there is no such file, kBadCheckpoint when it
  // is no regular file or cannot be read.
  static std::shared_ptr<const MappedFile> Open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::uint8_t> bytes() const { return bytes_; }

  // Gives the pages that lie within `part`, which is of bytes(), back to the
  // system. Whoever touches them again gets them again, with the same contents.
  void Forget(std::span<const std::uint8_t> part) const;

 private:
  explicit MappedFile(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  std::span<const std::uint8_t> bytes_;
};

}  // namespace sam2
