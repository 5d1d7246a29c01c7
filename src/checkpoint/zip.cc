// SPDX-License-Identifier: Apache-2.0
//
// PKWARE's APPNOTE.TXT 6.3, sections 4.3 (records) and 4.5.3 (zip64).
#include "checkpoint/zip.h"

#include <algorithm>
#include <string>
#include <vector>

#include "checkpoint/byte_reader.h"

namespace sam2 {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint32_t kCentralSignature = 0x02014b50;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kZip64EndSignature = 0x06064b50;
constexpr std::uint32_t kZip64LocatorSignature = 0x07064b50;
constexpr std::uint64_t kEndBytes = 22;
constexpr std::uint64_t kZip64LocatorBytes = 20;
constexpr std::uint64_t kCentralBytes = 46;
constexpr std::uint64_t kLocalBytes = 30;
constexpr std::uint16_t kZip64ExtraId = 1;
// A field that says: see the zip64 record.
constexpr std::uint16_t kSaturated16 = 0xffff;
constexpr std::uint32_t kSaturated32 = 0xffffffff;

struct Directory {
  std::uint64_t count = 0;   // entries
  std::uint64_t offset = 0;  // bytes from the file's start
  std::uint64_t size = 0;    // bytes
};

// An entry of the central directory and where its record lies in the file,
// local header included.
struct Entry {
  std::string_view name;
  std::uint64_t begin = 0;
  std::uint64_t size = 0;  // of the contents
  std::uint64_t end = 0;
};

ByteReader ReaderAt(Bytes file, std::uint64_t offset, const char* what) {
  ByteReader reader(file, what);
  reader.Skip(offset);
  return reader;
}

// The end record stands at the very end, followed by a comment of at most
// 65535 bytes only.
std::uint64_t FindEnd(Bytes file) {
  for (std::uint64_t comment = 0; comment <= 0xffff; ++comment) {
    if (file.size() < kEndBytes + comment) break;
    const std::uint64_t at = file.size() - kEndBytes - comment;
    ByteReader reader = ReaderAt(file, at, "the zip's end record");
    if (reader.U32() != kEndSignature) continue;
    reader.Skip(16);
    if (reader.U16() == comment) return at;
  }
  ThrowBadCheckpoint("the zip has no end record; the file is truncated");
}

Directory ReadZip64End(Bytes file, std::uint64_t end) {
  if (end < kZip64LocatorBytes) ThrowBadCheckpoint("the zip64 locator is missing");
  ByteReader locator = ReaderAt(file, end - kZip64LocatorBytes, "the zip64 locator");
  if (locator.U32() != kZip64LocatorSignature) ThrowBadCheckpoint("the zip64 locator is missing");
  locator.Skip(4);  // number of the disk
  const std::uint64_t at = locator.U64();
  ByteReader record = ReaderAt(file, at, "the zip64 end record");
  if (record.U32() != kZip64EndSignature) ThrowBadCheckpoint("the zip64 end record is missing");
  record.Skip(28);  // its size, versions, disks, entries on this disk
  Directory directory;
  directory.count = record.U64();
  directory.size = record.U64();
  directory.offset = record.U64();
  return directory;
}

Directory ReadEnd(Bytes file) {
  const std::uint64_t end = FindEnd(file);
  ByteReader reader = ReaderAt(file, end + 10, "the zip's end record");
  Directory directory;
  directory.count = reader.U16();
  directory.size = reader.U32();
  directory.offset = reader.U32();
  if (directory.count == kSaturated16 || directory.size == kSaturated32 ||
      directory.offset == kSaturated32) {
    directory = ReadZip64End(file, end);
  }
  if (directory.offset > end || directory.size > end - directory.offset ||
      directory.count > directory.size / kCentralBytes) {
    ThrowBadCheckpoint("the zip's directory lies outside the file; the file is damaged");
  }
  return directory;
}

// The three numbers of an entry that may stand in its zip64 field instead.
struct Sizes {
  std::uint64_t compressed, uncompressed, local_offset;
};

void ReadZip64Extra(Bytes extra, Sizes* sizes) {
  ByteReader reader(extra, "a zip entry's extra field");
  while (reader.remaining() >= 4) {
    const std::uint16_t id = reader.U16();
    ByteReader field(reader.Take(reader.U16()), "a zip entry's zip64 field");
    if (id != kZip64ExtraId) continue;
    for (std::uint64_t* value :
         {&sizes->uncompressed, &sizes->compressed, &sizes->local_offset}) {
      if (*value == kSaturated32) *value = field.U64();
    }
    return;
  }
}

// What follows the entry's place in the file: the local header, then the
// contents, which must end before `limit`.
void LocateContents(Bytes file, std::uint64_t limit, Entry* entry) {
  const std::string record = "the zip record " + Quote(entry->name);
  if (entry->begin > limit || limit - entry->begin < kLocalBytes) {
    ThrowBadCheckpoint(record + " lies outside the file; the file is damaged");
  }
  ByteReader header = ReaderAt(file, entry->begin, "a zip record");
  if (header.U32() != kLocalSignature) {
    ThrowBadCheckpoint(record + " has no header at byte " + std::to_string(entry->begin));
  }
  header.Skip(22);
  const std::uint64_t name_length = header.U16();
  const std::uint64_t extra_length = header.U16();
  const std::uint64_t contents = entry->begin + kLocalBytes + name_length + extra_length;
  if (contents > limit || entry->size > limit - contents) {
    ThrowBadCheckpoint(record + " of " + std::to_string(entry->size) +
                       " bytes reaches out of the file");
  }
  if (header.TakeText(name_length) != entry->name) {
    ThrowBadCheckpoint(record + " has another name in its own header");
  }
  entry->end = contents + entry->size;
}

Entry ReadEntry(Bytes file, const Directory& directory, ByteReader* reader) {
  if (reader->U32() != kCentralSignature) {
    ThrowBadCheckpoint("the zip's directory is damaged at byte " +
                       std::to_string(directory.offset + reader->position() - 4));
  }
  reader->Skip(4);  // versions
  const std::uint16_t flags = reader->U16();
  const std::uint16_t method = reader->U16();
  reader->Skip(8);  // time, date, CRC
  Sizes sizes{};
  sizes.compressed = reader->U32();
  sizes.uncompressed = reader->U32();
  const std::uint16_t name_length = reader->U16();
  const std::uint16_t extra_length = reader->U16();
  const std::uint16_t comment_length = reader->U16();
  reader->Skip(8);  // disk, attributes
  sizes.local_offset = reader->U32();
  Entry entry{.name = reader->TakeText(name_length)};
  ReadZip64Extra(reader->Take(extra_length), &sizes);
  reader->Skip(comment_length);

  constexpr std::uint16_t kEncrypted = 1;
  if (method != 0 || sizes.compressed != sizes.uncompressed || (flags & kEncrypted) != 0) {
    ThrowBadCheckpoint("the zip record " + Quote(entry.name) +
                       " is compressed or encrypted, which torch.save never does (torch.jit.save does)");
  }
  entry.begin = sizes.local_offset;
  entry.size = sizes.uncompressed;
  LocateContents(file, directory.offset, &entry);
  return entry;
}

void CheckOverlaps(std::vector<Entry> entries) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.begin < b.begin; });
  for (std::size_t i = 1; i < entries.size(); ++i) {
    if (entries[i].begin < entries[i - 1].end) {
      ThrowBadCheckpoint("the zip records " + Quote(entries[i - 1].name) + " and " +
                         Quote(entries[i].name) + " overlap");
    }
  }
}

}  // namespace

std::map<std::string_view, ZipRecord> ReadZipDirectory(Bytes file) {
  const Directory directory = ReadEnd(file);
  ByteReader reader(file.subspan(directory.offset, directory.size), "the zip's directory");
  std::vector<Entry> entries;
  std::map<std::string_view, ZipRecord> records;
  for (std::uint64_t i = 0; i < directory.count; ++i) {
    entries.push_back(ReadEntry(file, directory, &reader));
    const Entry& entry = entries.back();
    if (!records.emplace(entry.name, ZipRecord{entry.end - entry.size, entry.size}).second) {
      ThrowBadCheckpoint("the zip has the record " + Quote(entry.name) + " twice");
    }
  }
  CheckOverlaps(std::move(entries));
  return records;
}

}  // namespace sam2
