// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

namespace sam2 {

// Where the values of a row are above 0, by bits: in noise the processor cannot
// guess how the next value compares, and waits for each.
inline constexpr int kSignBits = 64;

// Bit i tells whether row[i] is above 0. count: of values, at most kSignBits.
inline std::uint64_t SignBits(const float* row, int count) {
  std::uint8_t above[kSignBits] = {};
  if (count == kSignBits) {
    for (int i = 0; i < kSignBits; ++i) above[i] = row[i] > 0;
  } else {
    for (int i = 0; i < count; ++i) above[i] = row[i] > 0;
  }
  std::uint64_t bits = 0;
  for (int i = 0; i < kSignBits; i += 8) {
    std::uint64_t bytes = 0;
    for (int k = 0; k < 8; ++k) bytes |= std::uint64_t{above[i + k]} << 8 * k;
    constexpr std::uint64_t kGather = 0x0102040810204080;  // bit 8 * k to bit 56 + k
    bits |= bytes * kGather >> 56 << i;
  }
  return bits;
}

// The first and the last value above 0 of a row; none: the first is `width`.
struct Ends {
  int first, last;
};

inline Ends EndsAbove(const float* row, int width) {
  Ends ends{width, -1};
  for (int x = 0; x < width; x += kSignBits) {
    const std::uint64_t bits = SignBits(row + x, std::min(kSignBits, width - x));
    if (bits == 0) continue;
    ends.first = std::min(ends.first, x + std::countr_zero(bits));
    ends.last = x + std::bit_width(bits) - 1;
  }
  return ends;
}

// Calls found(begin, end) for each stretch of values above 0 in a row, or of the
// others, from left to right.
template <typename Found>
void ForEachStretch(const float* row, int width, bool above, Found found) {
  bool inside = false;
  int begin = 0;
  for (int x = 0; x < width; x += kSignBits) {
    const int count = std::min(kSignBits, width - x);
    std::uint64_t bits = SignBits(row + x, count);
    if (!above) bits ^= ~std::uint64_t{0} >> (kSignBits - count);
    for (std::uint64_t ends = bits ^ (bits << 1 | std::uint64_t{inside}); ends != 0;
         ends &= ends - 1) {
      const int end = x + std::countr_zero(ends);
      if (inside) {
        found(begin, end);
      } else {
        begin = end;
      }
      inside = !inside;
    }
  }
  if (inside) found(begin, width);
}

}  // namespace sam2
