// SPDX-License-Identifier: Apache-2.0
#include "predictor/caching_allocator.h"

#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace sam2 {
namespace {

constexpr size_t kAlignment = 64;          // a cache line, and what vector code likes
constexpr size_t kMaxKept = size_t{1} << 30;  // bytes

// Sizes are rounded up so that tensors of nearly the same size share blocks:
// to eighths of a power of two, at least a cache line.
size_t RoundedSize(size_t n) {
  const size_t step = std::max(kAlignment, std::bit_floor(std::max<size_t>(n, 1)) / 8);
  return (n + step - 1) / step * step;
}

// A block is preceded by its own size, in as much room as keeps it aligned.
struct alignas(kAlignment) Header {
  size_t size;
};

Header* HeaderOf(void* data) { return static_cast<Header*>(data) - 1; }

class CachingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t n) override {
    void* data = n == 0 ? nullptr : Take(RoundedSize(n));
    return {data, data, &Delete, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &Delete; }
  void copy_data(void* dest, const void* src, size_t count) const override {
    default_copy_data(dest, src, count);
  }

  static CachingAllocator& Instance() {
    static CachingAllocator* const instance = new CachingAllocator;
    return *instance;
  }

 private:
  static void Delete(void* data) {
    if (data) Instance().Keep(data);
  }

  void* Take(size_t size) {
    {
      std::lock_guard lock(mutex_);
      auto it = kept_.find(size);
      if (it != kept_.end() && !it->second.empty()) {
        void* data = it->second.back();
        it->second.pop_back();
        kept_bytes_ -= size;
        return data;
      }
    }
    void* block = std::aligned_alloc(kAlignment, sizeof(Header) + size);
    TORCH_CHECK_WITH(OutOfMemoryError, block, "can't allocate memory: ", size, " bytes");
    Header* header = new (block) Header{size};
    return header + 1;
  }

  void Keep(void* data) {
    Header* header = HeaderOf(data);
    {
      std::lock_guard lock(mutex_);
      if (kept_bytes_ + header->size <= kMaxKept) {
        kept_[header->size].push_back(data);
        kept_bytes_ += header->size;
        return;
      }
    }
    std::free(header);
  }

  std::mutex mutex_;
  std::unordered_map<size_t, std::vector<void*>> kept_;  // by size
  size_t kept_bytes_ = 0;
};

}  // namespace

void InstallCachingAllocator() {
  c10::SetCPUAllocator(&CachingAllocator::Instance(), /*priority=*/1);
}

}  // namespace sam2
