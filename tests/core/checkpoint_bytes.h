// SPDX-License-Identifier: Apache-2.0
//
// Checkpoint files made by hand, good and bad, for the tests of the readers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/tensor_index.h"

namespace sam2::test {

inline std::string LittleEndian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i, value >>= 8) text += static_cast<char>(value);
  return text;
}

inline std::span<const std::uint8_t> AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

template <typename T>
std::string RawBytes(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

inline std::string Safetensors(const std::string& header, const std::string& data) {
  return LittleEndian(header.size(), 8) + header + data;
}

struct ZipRecordSpec {
  std::string name;
  std::string contents;
  int method = 0;
  int flags = 0;
  std::string local_name = {};    // another name in the record's own header
  std::int64_t claim = -1;        // another size in the directory
  std::int64_t at = -1;           // another place in the directory
  bool zip64 = false;             // sizes and place in a zip64 field
};

// What stands in a zip before the directory: a header and the contents.
inline std::string LocalRecord(const ZipRecordSpec& r) {
  const std::uint64_t size = r.claim >= 0 ? r.claim : r.contents.size();
  const std::string name = r.local_name.empty() ? r.name : r.local_name;
  return "PK\3\4" + LittleEndian(20, 2) + LittleEndian(r.flags, 2) + LittleEndian(r.method, 2) +
         LittleEndian(0, 8) + LittleEndian(size, 4) + LittleEndian(size, 4) +
         LittleEndian(name.size(), 2) + LittleEndian(0, 2) + name + r.contents;
}

// A zip as torch.save lays it out, without its padding.
inline std::string Zip(const std::vector<ZipRecordSpec>& records, const std::string& comment = "") {
  std::string file, directory;
  for (const ZipRecordSpec& r : records) {
    const std::uint64_t at = r.at >= 0 ? r.at : file.size();
    const std::uint64_t size = r.claim >= 0 ? r.claim : r.contents.size();
    file += LocalRecord(r);
    const std::string extra = LittleEndian(1, 2) + LittleEndian(24, 2) + LittleEndian(size, 8) +
                              LittleEndian(size, 8) + LittleEndian(at, 8);
    const std::uint64_t saturated = 0xffffffff;
    directory += "PK\1\2" + LittleEndian(20, 4) + LittleEndian(r.flags, 2) +
                 LittleEndian(r.method, 2) + LittleEndian(0, 8) +
                 LittleEndian(r.zip64 ? saturated : size, 4) +
                 LittleEndian(r.zip64 ? saturated : size, 4) + LittleEndian(r.name.size(), 2) +
                 LittleEndian(r.zip64 ? extra.size() : 0, 2) + LittleEndian(0, 10) +
                 LittleEndian(r.zip64 ? saturated : at, 4) + r.name + (r.zip64 ? extra : "");
  }
  const std::uint64_t start = file.size();
  return file + directory + "PK\5\6" + LittleEndian(0, 4) + LittleEndian(records.size(), 2) +
         LittleEndian(records.size(), 2) + LittleEndian(directory.size(), 4) +
         LittleEndian(start, 4) + LittleEndian(comment.size(), 2) + comment;
}

// Opcodes of pickle protocol 2 as text.
namespace pickle {

inline const std::string kStart = "\x80\x02";
inline std::string String(const std::string& text) {
  return "X" + LittleEndian(text.size(), 4) + text;
}
inline std::string Int(std::int64_t value) { return "\x8a\x08" + LittleEndian(value, 8); }
inline std::string Global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string Tuple(const std::vector<std::int64_t>& values) {
  std::string text = "(";
  for (const std::int64_t value : values) text += Int(value);
  return text + "t";
}
inline std::string Dict(const std::string& items) { return "}(" + items + "u"; }
inline std::string OrderedDict(const std::string& items) {
  return Global("collections", "OrderedDict") + ")R(" + items + "u";
}

struct TensorSpec {
  std::vector<std::int64_t> shape = {2, 3};
  std::vector<std::int64_t> strides = {3, 1};
  std::int64_t offset = 0;
  std::int64_t numel = 6;
  std::string storage = "FloatStorage";
  std::string key = "0";
};

inline std::string Storage(const TensorSpec& t) {
  return "(" + String("storage") + Global("torch", t.storage) + String(t.key) + String("cpu") +
         Int(t.numel) + "tQ";
}

inline std::string Tensor(const TensorSpec& t) {
  return Global("torch._utils", "_rebuild_tensor_v2") + "(" + Storage(t) + Int(t.offset) +
         Tuple(t.shape) + Tuple(t.strides) + "\x89" + Global("collections", "OrderedDict") +
         ")RtR";
}

}  // namespace pickle

// A .pt file with this data.pkl and one record of data, "0".
inline std::string Pt(const std::string& pickle, const std::string& data) {
  return Zip({{"archive/data.pkl", pickle}, {"archive/data/0", data}});
}

// A .pt file of one tensor "w" over six floats 0..5.
inline std::string PtOf(const pickle::TensorSpec& tensor) {
  return Pt(pickle::kStart + pickle::Dict(pickle::String("w") + pickle::Tensor(tensor)) + ".",
            RawBytes<float>({0, 1, 2, 3, 4, 5}));
}

// The message of the error that parsing ends in, or "" when it succeeds.
inline std::string ParseError(std::string_view file) {
  try {
    ParseCheckpoint(AsBytes(file));
  } catch (const Error& error) {
    return error.code() == ErrorCode::kBadCheckpoint ? error.what() : "wrong error code";
  }
  return "";
}

// A file that lives as long as the test.
class TempFile {
 public:
  explicit TempFile(std::string_view contents, const std::string& suffix = "")
      : path_(std::filesystem::temp_directory_path() /
              ("sam2-test-" + std::to_string(reinterpret_cast<std::uintptr_t>(this)) + suffix)) {
    std::ofstream(path_, std::ios::binary) << contents;
  }
  ~TempFile() { Remove(); }
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  void Remove() { std::filesystem::remove(path_); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

inline std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace sam2::test
