// SPDX-License-Identifier: Apache-2.0
#include "image/bicubic.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "vector_clones.h"

namespace sam2 {
namespace {

// Keys' cubic convolution with a = -1/2.
double Cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

inline std::uint8_t ToLevel(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kTapFraction, 0, 255));
}

// sums += levels * weight
SAM2_VECTOR_CLONES void AddRow(const std::uint8_t* __restrict levels, std::int32_t weight,
                               std::int64_t count, std::int32_t* __restrict sums) {
  for (std::int64_t i = 0; i < count; ++i) sums[i] += levels[i] * weight;
}

SAM2_VECTOR_CLONES void ToLevels(const std::int32_t* __restrict sums, std::int64_t count,
                                 std::uint8_t* __restrict levels) {
  for (std::int64_t i = 0; i < count; ++i) levels[i] = ToLevel(sums[i]);
}

PixelView Packed(const std::vector<std::uint8_t>& pixels, int width, int height, int channels) {
  return {.data = pixels.data(),
          .stride = std::int64_t{width} * channels,
          .width = width,
          .height = height,
          .channels = channels};
}

// Columns become rows, pixels of `channels` bytes pixels of 4.
void Transpose(const PixelView& pixels, std::vector<std::uint8_t>& result) {
  constexpr int kTile = 16;  // pixels, so that both sides stay in the cache
  result.resize(std::int64_t{4} * pixels.width * pixels.height);
  for (int top = 0; top < pixels.height; top += kTile) {
    const int bottom = std::min(top + kTile, pixels.height);
    for (int x = 0; x < pixels.width; ++x) {
      const std::uint8_t* pixel = pixels.data + top * pixels.stride + x * pixels.channels;
      std::uint8_t* out = &result[4 * (std::int64_t{x} * pixels.height + top)];
      for (int y = top; y < bottom; ++y, pixel += pixels.stride, out += 4) {
        if (pixels.channels == 4) {
          std::memcpy(out, pixel, 4);
        } else {
          for (int c = 0; c < pixels.channels; ++c) out[c] = pixel[c];
        }
      }
    }
  }
}

}  // namespace

Taps BicubicTaps(int source, int result) {
  const double scale = static_cast<double>(source) / result;
  const double spread = std::max(scale, 1.0);
  const double support = 2 * spread;
  Taps taps{.source = source, .result = result};
  taps.most = static_cast<int>(std::ceil(support)) * 2 + 1;
  taps.weights.resize(std::int64_t{result} * taps.most);
  std::vector<double> exact(taps.most);
  for (int i = 0; i < result; ++i) {
    const double center = (i + 0.5) * scale;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int count = std::min(static_cast<int>(center + support + 0.5), source) - first;
    double sum = 0;
    for (int t = 0; t < count; ++t) {
      sum += exact[t] = Cubic((t + first - center + 0.5) * (1 / spread));
    }
    for (int t = 0; t < count; ++t) {
      const double weight = exact[t] / sum * (1 << kTapFraction);
      taps.weights[std::int64_t{i} * taps.most + t] =
          static_cast<std::int32_t>(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    taps.first.push_back(first);
    taps.count.push_back(count);
  }
  return taps;
}

void BicubicResize::ResizeDown(const PixelView& pixels, int height, Taps& taps,
                               std::vector<std::uint8_t>& result) {
  if (taps.source != pixels.height || taps.result != height) {
    taps = BicubicTaps(pixels.height, height);
  }
  const std::int64_t row_bytes = std::int64_t{pixels.width} * pixels.channels;
  result.resize(row_bytes * height);
  sums_.resize(row_bytes);
  for (int y = 0; y < height; ++y) {
    std::ranges::fill(sums_, kTapHalf);
    for (int t = 0; t < taps.count[y]; ++t) {
      AddRow(pixels.data + (taps.first[y] + t) * pixels.stride, taps.of(y)[t], row_bytes,
             sums_.data());
    }
    ToLevels(sums_.data(), row_bytes, &result[row_bytes * y]);
  }
}

void BicubicResize::ResizeAcross(const PixelView& pixels, int width,
                                 std::vector<std::uint8_t>& result) {
  Transpose(pixels, columns_);
  ResizeDown(Packed(columns_, pixels.height, pixels.width, 4), width, across_, fewer_columns_);
  Transpose(Packed(fewer_columns_, pixels.height, width, 4), result);
}

std::span<const std::uint8_t> BicubicResize::Resize(const PixelView& pixels, int size) {
  if (HeightGoesFirst(pixels.width, pixels.height, size)) {
    ResizeDown(pixels, size, down_, half_way_);
    ResizeAcross(Packed(half_way_, pixels.width, size, pixels.channels), size, result_);
  } else {
    ResizeAcross(pixels, size, half_way_);
    ResizeDown(Packed(half_way_, size, pixels.height, 4), size, down_, result_);
  }
  return result_;
}

}  // namespace sam2
