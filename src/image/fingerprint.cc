// SPDX-License-Identifier: Apache-2.0
#include "image/fingerprint.h"

#include <array>
#include <bit>
#include <cstring>

namespace sam2 {
namespace {

struct PlaneSize {
  std::int64_t row_bytes;  // without padding
  std::int64_t rows;
};

// Of every plane; those that the format lacks are empty.
std::array<PlaneSize, 3> PlaneSizes(const FrameView& frame) {
  const std::int64_t width = frame.width, height = frame.height;
  const std::int64_t half_width = (width + 1) / 2, half_height = (height + 1) / 2;
  switch (frame.format) {
    case PixelFormat::kGRAY8:
      return {{{width, height}}};
    case PixelFormat::kRGB:
    case PixelFormat::kBGR:
      return {{{3 * width, height}}};
    case PixelFormat::kNV12:
      return {{{width, height}, {2 * half_width, half_height}}};
    case PixelFormat::kI420:
      return {{{width, height}, {half_width, half_height}, {half_width, half_height}}};
    default:
      return {{{4 * width, height}}};
  }
}

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
  const std::array<PlaneSize, 3> planes = PlaneSizes(frame);
  for (std::size_t i = 0; i < planes.size(); ++i) {
    for (std::int64_t y = 0; y < planes[i].rows; ++y) {
      hash.Add(frame.plane[i] + y * frame.stride[i], planes[i].row_bytes);
    }
  }
  return hash.Finish();
}

}  // namespace sam2
