// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "sam2.h"

namespace sam2 {
namespace {

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

[[noreturn]] void Fail(ErrorCode code, const std::string& path, const std::string& why) {
  throw Error(code, path + ": " + why);
}

std::string ErrnoText() { return std::generic_category().message(errno); }

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::Open(const std::string& path) {
  // Not blocking: opening a FIFO would wait for a writer.
  const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) {
    const bool absent = errno == ENOENT || errno == ENOTDIR;
    if (absent) Fail(ErrorCode::kNotFound, path, "no such file");
    Fail(ErrorCode::kBadCheckpoint, path, "cannot be opened: " + ErrnoText());
  }
  struct stat status;
  if (fstat(file.fd, &status) != 0) Fail(ErrorCode::kBadCheckpoint, path, ErrnoText());
  if (!S_ISREG(status.st_mode)) Fail(ErrorCode::kBadCheckpoint, path, "is not a regular file");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return std::shared_ptr<const MappedFile>(new MappedFile({}));
  void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (data == MAP_FAILED) {
    Fail(ErrorCode::kBadCheckpoint, path, "cannot be mapped into memory: " + ErrnoText());
  }
  return std::shared_ptr<const MappedFile>(
      new MappedFile({static_cast<const std::uint8_t*>(data), size}));
}

void MappedFile::Forget(std::span<const std::uint8_t> part) const {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto start = reinterpret_cast<std::uintptr_t>(part.data());
  const std::uintptr_t first = (start + page - 1) / page * page;
  const std::uintptr_t last = (start + part.size()) / page * page;
  // A hint: when it is not taken, nothing but memory is lost.
  if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<std::uint8_t*>(bytes_.data()), bytes_.size());
}

}  // namespace sam2
