// SPDX-License-Identifier: Apache-2.0
#include "model/row_kernels.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "vector_clones.h"

// Inlined into each clone of its caller.
#if defined(__GNUC__)
#define SAM2_INLINE inline __attribute__((always_inline))
#else
#define SAM2_INLINE inline
#endif

namespace sam2::rows {
namespace {

using at::BFloat16;
using at::Tensor;

constexpr int kLanes = 16;  // sums of a row that are independent of each other
constexpr int64_t kGrain = 1 << 15;  // elements worth a thread

SAM2_INLINE float Load(float x) { return x; }
SAM2_INLINE float Load(BFloat16 x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x.x) << 16);
}

SAM2_INLINE void Store(float value, float* to) { *to = value; }
// To the nearest, ties to even. NaN stays NaN: its upper half has the quiet bit.
SAM2_INLINE void Store(float value, BFloat16* to) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
  to->x = static_cast<std::uint16_t>((value == value ? rounded : bits) >> 16);
}

// exp(x) for x <= 0, to 2 units in the last place; 0 where it is no normal number.
SAM2_INLINE float Exp(float x) {
  constexpr float kSmallest = -87.0f, kRound = 12582912.0f;  // 1.5 * 2^23: no fraction is left
  const float y = std::max(x, kSmallest);
  const float shifted = y * 1.44269504f + kRound;
  const float n = shifted - kRound;
  const float r = (y - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;  // Cephes, expf
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const std::int32_t power =
      std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(kRound);
  const float scale = std::bit_cast<float>((power + 127) << 23);
  return x > kSmallest ? p * scale : 0.0f;
}

// With the error function to 1.5e-7 (Abramowitz & Stegun, 7.1.26).
SAM2_INLINE float Gelu(float x) {
  const float z = std::fabs(x) * 0.70710678f;
  const float t = 1.0f / (1.0f + 0.3275911f * z);
  float p = 1.061405429f;
  p = p * t - 1.453152027f;
  p = p * t + 1.421413741f;
  p = p * t - 0.284496736f;
  p = p * t + 0.254829592f;
  const float tail = 0.5f * p * t * Exp(-z * z);  // of the normal distribution
  return x * (x > 0 ? 1.0f - tail : tail);
}

// The sum of value(i), i = 0 .. count-1, in kLanes lanes.
template <typename Value>
SAM2_INLINE float Sum(int64_t count, Value value) {
  float lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) lanes[l] += value(i + l);
  }
  for (; i < count; ++i) lanes[0] += value(i);
  for (int l = 1; l < kLanes; ++l) lanes[0] += lanes[l];
  return lanes[0];
}

template <typename T>
SAM2_INLINE void RotateRows(T* __restrict x, const T* __restrict cos, const T* __restrict sin,
                            int64_t rows, int64_t row_stride, int64_t count) {
  const int64_t half = count / 2;
  for (int64_t row = 0; row < rows; ++row, x += row_stride, cos += count, sin += count) {
    for (int64_t i = 0; i < half; ++i) {
      const float a = Load(x[i]), b = Load(x[half + i]);
      Store(a * Load(cos[i]) + b * Load(sin[i]), &x[i]);
      Store(b * Load(cos[half + i]) + a * Load(sin[half + i]), &x[half + i]);
    }
  }
}

// Rows of Count elements; 0: of `count`.
template <int Count>
SAM2_INLINE void NormRows(float* x, int64_t rows, int64_t count, const float* weight,
                          const float* bias, float eps) {
  if (Count > 0) count = Count;
  const float share = 1.0f / static_cast<float>(count);
  const auto sum = [&](auto value) {
    if (Count == 0) return Sum(count, value);
    float total = 0;
    for (int i = 0; i < Count; ++i) total += value(i);
    return total;
  };
  for (int64_t row = 0; row < rows; ++row, x += count) {
    const float mean = share * sum([&](int64_t i) { return x[i]; });
    const float variance = share * sum([&](int64_t i) { return (x[i] - mean) * (x[i] - mean); });
    const float scale = 1.0f / std::sqrt(variance + eps);
    for (int64_t i = 0; i < count; ++i) x[i] = (x[i] - mean) * scale * weight[i] + bias[i];
  }
}

// Rows may be shorter than a vector; all of them together are not.
template <typename T>
SAM2_INLINE void NormGeluRows(T* __restrict x, int64_t rows, int64_t count, const float* weight,
                              const float* bias, float eps, float* __restrict buffer) {
  for (int64_t i = 0; i < rows * count; ++i) buffer[i] = Load(x[i]);
  if (count == 4) {
    NormRows<4>(buffer, rows, count, weight, bias, eps);
  } else if (count == 16) {
    NormRows<16>(buffer, rows, count, weight, bias, eps);
  } else {
    NormRows<0>(buffer, rows, count, weight, bias, eps);
  }
  for (int64_t i = 0; i < rows * count; ++i) Store(Gelu(buffer[i]), &x[i]);
}

// One function for each type, which the compiler clones.
SAM2_VECTOR_CLONES void RotationOf(float* x, const float* cos, const float* sin, int64_t rows,
                                   int64_t row_stride, int64_t count) {
  RotateRows(x, cos, sin, rows, row_stride, count);
}
SAM2_VECTOR_CLONES void RotationOf(BFloat16* x, const BFloat16* cos, const BFloat16* sin,
                                   int64_t rows, int64_t row_stride, int64_t count) {
  RotateRows(x, cos, sin, rows, row_stride, count);
}
SAM2_VECTOR_CLONES void NormGeluOf(float* x, int64_t rows, int64_t count, const float* weight,
                                   const float* bias, float eps, float* buffer) {
  NormGeluRows(x, rows, count, weight, bias, eps, buffer);
}
SAM2_VECTOR_CLONES void NormGeluOf(BFloat16* x, int64_t rows, int64_t count, const float* weight,
                                   const float* bias, float eps, float* buffer) {
  NormGeluRows(x, rows, count, weight, bias, eps, buffer);
}

// fn<T>(T()) for the element type of x.
template <typename Fn>
void ForType(const Tensor& x, Fn fn) {
  x.scalar_type() == at::kFloat ? fn(float()) : fn(BFloat16());
}

int64_t RowsWorthAThread(int64_t count) { return std::max<int64_t>(1, kGrain / count); }

}  // namespace

bool Know(const Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) &&
         x.numel() > 0;
}

bool Take(const Tensor& x) { return Know(x) && x.stride(-1) == 1; }

void Rotate(const Tensor& x, const Tensor& cos, const Tensor& sin) {
  const int64_t maps = x.size(0) * x.size(1), tokens = x.size(2), count = x.size(3);
  ForType(x, [&](auto type) {
    using T = decltype(type);
    T* const values = x.data_ptr<T>();
    at::parallel_for(0, maps, RowsWorthAThread(tokens * count), [&](int64_t begin, int64_t end) {
      for (int64_t map = begin; map < end; ++map) {
        T* const first =
            values + map / x.size(1) * x.stride(0) + map % x.size(1) * x.stride(1);
        RotationOf(first, cos.const_data_ptr<T>(), sin.const_data_ptr<T>(), tokens, x.stride(2),
                   count);
      }
    });
  });
}

void NormGelu(const Tensor& x, const Tensor& weight, const Tensor& bias, double eps) {
  const int64_t count = x.size(-1), rows = x.numel() / count;
  const Tensor w = weight.to(at::kFloat).contiguous(), b = bias.to(at::kFloat).contiguous();
  ForType(x, [&](auto type) {
    using T = decltype(type);
    T* const values = x.data_ptr<T>();
    at::parallel_for(0, rows, RowsWorthAThread(count), [&](int64_t begin, int64_t end) {
      const int64_t block = std::max<int64_t>(1, 2048 / count);  // rows at once: 8 KiB
      std::vector<float> buffer(block * count);
      for (int64_t row = begin; row < end; row += block) {
        NormGeluOf(values + row * count, std::min(block, end - row), count,
                   w.const_data_ptr<float>(), b.const_data_ptr<float>(), static_cast<float>(eps),
                   buffer.data());
      }
    });
  });
}

}  // namespace sam2::rows
