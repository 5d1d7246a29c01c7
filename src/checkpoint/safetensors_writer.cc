// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/safetensors_writer.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <system_error>

#include "sam2.h"

namespace sam2 {
namespace {

constexpr std::size_t kAlignment = 64;  // of the data: views of a mapped file need it

[[noreturn]] void FailWriting(const std::string& path) {
  throw Error(ErrorCode::kFailed,
              path + ": cannot be written: " + std::generic_category().message(errno));
}

// A file that vanishes unless it is kept under its final name.
class NewFile {
 public:
  explicit NewFile(const std::string& path) : path_(path), part_(path + ".part") {
    fd_ = open(part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd_ < 0) FailWriting(part_);
  }
  ~NewFile() {
    if (fd_ < 0) return;
    close(fd_);
    unlink(part_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void Write(const void* data, std::size_t size) {
    const char* at = static_cast<const char*>(data);
    while (size > 0) {
      const ssize_t written = write(fd_, at, size);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) FailWriting(part_);
      at += written;
      size -= static_cast<std::size_t>(written);
    }
  }

  void Keep() {
    if (fsync(fd_) != 0 || std::rename(part_.c_str(), path_.c_str()) != 0) FailWriting(path_);
    close(fd_);
    fd_ = -1;
  }

 private:
  std::string path_, part_;
  int fd_;
};

const char* NameOf(at::ScalarType dtype) {
  return dtype == at::kFloat ? "F32" : dtype == at::kHalf ? "F16" : "BF16";
}

std::string Header(const std::map<std::string, at::Tensor>& tensors,
                   const std::map<std::string, std::string>& metadata, at::ScalarType dtype) {
  nlohmann::json header = nlohmann::json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::int64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const std::int64_t end =
        offset + tensor.numel() * static_cast<std::int64_t>(c10::elementSize(dtype));
    header[name] = {{"dtype", NameOf(dtype)},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((8 + text.size() + kAlignment - 1) / kAlignment * kAlignment - 8, ' ');
  return text;
}

}  // namespace

void WriteSafetensors(const std::string& path, const std::map<std::string, at::Tensor>& tensors,
                      const std::map<std::string, std::string>& metadata, at::ScalarType dtype) {
  const std::string header = Header(tensors, metadata, dtype);
  const std::uint64_t length = header.size();
  NewFile file(path);
  file.Write(&length, sizeof length);
  file.Write(header.data(), header.size());
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor values = tensor.to(dtype).contiguous();
    if (!values.isfinite().equal(tensor.isfinite())) {
      throw Error(ErrorCode::kBadCheckpoint,
                  "tensor " + name + " holds values too large for " + NameOf(dtype));
    }
    file.Write(values.const_data_ptr(), values.nbytes());
  }
  file.Keep();
}

}  // namespace sam2
