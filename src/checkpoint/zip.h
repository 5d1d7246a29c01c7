// SPDX-License-Identifier: Apache-2.0
//
// The directory of a zip file whose records are stored as they are. (libtorch's
// own reader trusts sizes and offsets that this one checks.)
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>

namespace sam2 {

struct ZipRecord {
  std::uint64_t offset = 0;  // of the contents, bytes from the file's start
  std::uint64_t size = 0;    // bytes
};

// The records by name; names point into the file. Throws Error kBadCheckpoint
// when the directory is damaged, or a record is compressed, encrypted, there
// twice, outside the file, or overlaps another.
std::map<std::string_view, ZipRecord> ReadZipDirectory(std::span<const std::uint8_t> file);

}  // namespace sam2
