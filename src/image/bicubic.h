// SPDX-License-Identifier: Apache-2.0
//
// Bicubic resize of 8-bit pixels, equal to Pillow's bit for bit: the reference
// makes the network's input with it, and a tracker fed with its own answers
// turns differences of one level into other masks within some twenty frames.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sam2 {

// Interleaved pixels of 1, 3 or 4 bytes.
struct PixelView {
  const std::uint8_t* data;
  std::int64_t stride;  // bytes from one row to the next
  int width, height;
  int channels;
};

// Which samples of the source make each sample of the result along one axis,
// and how much of each: whole numbers in units of 2^-kTapFraction. A pass gives
// (sum of weight * level + kTapHalf) >> kTapFraction, clamped to 0..255.
struct Taps {
  int source = 0, result = 0;
  std::vector<int> first, count;      // by sample of the result
  std::vector<std::int32_t> weights;  // row by row, `most` for each, 0 after the last
  int most = 0;

  const std::int32_t* of(int i) const { return &weights[std::int64_t{i} * most]; }
};
// Bits after the point: 8 of the level and 2 for overshoot are left of an int32.
inline constexpr int kTapFraction = 32 - 8 - 2;
inline constexpr std::int32_t kTapHalf = 1 << (kTapFraction - 1);

Taps BicubicTaps(int source, int result);

// Pillow 13 squeezes tall pictures in height first; where it begins to do so
// was found by trial.
constexpr bool HeightGoesFirst(int width, int height, int size) {
  return height > size && 2 * std::int64_t{width} < std::int64_t{height} + size;
}

// Keeps what frames of one size have in common: taps, and memory that would
// otherwise be mapped and cleared for each of them, half of the time it took.
class BicubicResize {
 public:
  // The pixels at size x size, as Image.resize((size, size)) of Pillow 13 gives
  // them (default filter, antialiased, each pass rounded to 8 bits): rows of size
  // pixels of 4 bytes, of which the first `channels` mean something. They hold
  // until the next call.
  std::span<const std::uint8_t> Resize(const PixelView& pixels, int size);

 private:
  // Each puts its result, rows without padding, into `result`.
  void ResizeDown(const PixelView& pixels, int height, Taps& taps,
                  std::vector<std::uint8_t>& result);
  // By way of the other axis, along which the compiler's vector code is many
  // times faster. Pixels of 4 bytes.
  void ResizeAcross(const PixelView& pixels, int width, std::vector<std::uint8_t>& result);

  Taps across_, down_;
  std::vector<std::int32_t> sums_;
  std::vector<std::uint8_t> columns_, fewer_columns_, half_way_, result_;
};

}  // namespace sam2
