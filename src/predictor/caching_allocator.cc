// SPDX-License-Identifier: Apache-2.0
#include "predictor/caching_allocator.h"

#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace sam2 {
namespace {

constexpr size_t kAlignment = 64;             // a cache line, and what vector code likes
constexpr double kRoomy = 1.5;                // times as large as asked for: a block that will do
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
  struct Kept {
    void* data;
    std::uint64_t since;  // count of frees
  };
  using OfOneSize = std::deque<Kept>;  // oldest first

  static void Delete(void* data) {
    if (data) Instance().Keep(data);
  }

  void* Take(size_t size) {
    {
      std::lock_guard lock(mutex_);
      const auto it = kept_.lower_bound(size);
      const bool fits = it != kept_.end() && it->first <= size * kRoomy;
      used_bytes_ += fits ? it->first : size;
      most_used_bytes_ = std::max(most_used_bytes_, used_bytes_);
      if (fits) {
        void* data = it->second.back().data;
        it->second.pop_back();
        kept_bytes_ -= it->first;
        if (it->second.empty()) kept_.erase(it);
        return data;
      }
    }
    void* block = std::aligned_alloc(kAlignment, sizeof(Header) + size);
    if (!block) {
      FreeKept();
      block = std::aligned_alloc(kAlignment, sizeof(Header) + size);
    }
    if (!block) {
      std::lock_guard lock(mutex_);
      used_bytes_ -= size;
    }
    TORCH_CHECK_WITH(OutOfMemoryError, block, "can't allocate memory: ", size, " bytes");
    Header* header = new (block) Header{size};
    return header + 1;
  }

  void Keep(void* data) {
    const size_t size = HeaderOf(data)->size;
    std::vector<void*> surplus;
    {
      std::lock_guard lock(mutex_);
      used_bytes_ -= size;
      kept_[size].push_back({data, ++frees_});
      kept_bytes_ += size;
      // Work whose sizes change for ever must not pile up blocks of all sizes.
      while (kept_bytes_ > std::min(kMaxKept, most_used_bytes_)) surplus.push_back(TakeOldest());
    }
    for (void* old : surplus) std::free(HeaderOf(old));
  }

  // For those who need memory more.
  void FreeKept() {
    std::map<size_t, OfOneSize> kept;
    {
      std::lock_guard lock(mutex_);
      kept.swap(kept_);
      kept_bytes_ = 0;
    }
    for (const auto& [size, blocks] : kept) {
      for (const Kept& block : blocks) std::free(HeaderOf(block.data));
    }
  }

  void* TakeOldest() {
    const auto since = [](const auto& entry) { return entry.second.front().since; };
    const auto it = std::ranges::min_element(kept_, {}, since);
    void* data = it->second.front().data;
    kept_bytes_ -= it->first;
    it->second.pop_front();
    if (it->second.empty()) kept_.erase(it);
    return data;
  }

  std::mutex mutex_;
  std::map<size_t, OfOneSize> kept_;  // by size, none empty
  size_t kept_bytes_ = 0, used_bytes_ = 0, most_used_bytes_ = 0;
  std::uint64_t frees_ = 0;
};

}  // namespace

void InstallCachingAllocator() {
  c10::SetCPUAllocator(&CachingAllocator::Instance(), /*priority=*/1);
}

}  // namespace sam2
