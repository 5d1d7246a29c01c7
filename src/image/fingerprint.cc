// SPDX-License-Identifier: Apache-2.0
#include "image/fingerprint.h"

#include <array>
#include <bit>
#include <cstring>

#include "image/layout.h"

namespace sam2 {
namespace {

// Mixes words into four independent lanes, so that the multiplications overlap.
class Hash {
 public:
  void Add(const std::uint8_t* bytes, std::int64_t count) {
    for (; count >= 32; bytes += 32, count -= 32) {
      for (int lane = 0; lane < 4; ++lane) Mix(lane, Load(bytes + 8 * lane, 8));
    }
    for (int lane = 0; count > 0; ++lane, bytes += 8, count -= 8) {
      Mix(lane, Load(bytes, count < 8 ? count : 8));
    }
  }

  void Add(std::uint64_t word) { Mix(0, word); }

  std::uint64_t Finish() {
    for (int lane = 1; lane < 4; ++lane) Mix(0, lanes_[lane]);
    return lanes_[0] ^ (lanes_[0] >> 29);
  }

 private:
  static std::uint64_t Load(const std::uint8_t* bytes, std::int64_t count) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, count);
    return word;
  }
  void Mix(int lane, std::uint64_t word) {
    constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;  // 2^64 over the golden ratio
    lanes_[lane] = (std::rotl(lanes_[lane], 27) ^ word) * kOdd;
  }

  std::array<std::uint64_t, 4> lanes_ = {1, 2, 3, 4};
};

}  // namespace

std::uint64_t Fingerprint(const FrameView& frame) {
  Hash hash;
  hash.Add(static_cast<std::uint64_t>(frame.format));
  hash.Add((static_cast<std::uint64_t>(frame.width) << 32) ^
           static_cast<std::uint64_t>(frame.height));
  hash.Add(static_cast<std::uint64_t>(frame.matrix) * 2 + (frame.full_range ? 1 : 0));
  for (int i = 0; i < PlaneCount(frame.format); ++i) {
    for (std::int64_t y = 0; y < PlaneRows(frame, i); ++y) {
      hash.Add(frame.plane[i] + y * frame.stride[i], PlaneRowBytes(frame, i));
    }
  }
  return hash.Finish();
}

}  // namespace sam2
