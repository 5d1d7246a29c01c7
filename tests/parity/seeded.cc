// SPDX-License-Identifier: Apache-2.0
#include "parity/seeded.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <sstream>

namespace sam2::parity {
namespace {

std::uint64_t Fnv1a(std::string_view text) {
  std::uint64_t value = 0xcbf29ce484222325;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return value;
}

// The i-th number of splitmix64, its upper 24 bits.
std::int32_t SplitMix(std::uint64_t seed, std::int64_t i) {
  std::uint64_t z = seed + static_cast<std::uint64_t>(i + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return static_cast<std::int32_t>((z ^ (z >> 31)) >> 40);
}

}  // namespace

std::vector<std::int32_t> Integers(std::string_view name, std::int64_t count) {
  const std::uint64_t seed = Fnv1a(name);
  std::vector<std::int32_t> numbers(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) numbers[i] = SplitMix(seed, i);
  return numbers;
}

at::Tensor Uniform(std::string_view name, at::IntArrayRef shape, double offset,
                   double amplitude) {
  const at::Tensor tensor = at::empty(shape, at::kFloat);
  const std::uint64_t seed = Fnv1a(name);
  float* values = tensor.mutable_data_ptr<float>();
  at::parallel_for(0, tensor.numel(), 1 << 16, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const double scaled = amplitude * (SplitMix(seed, i) / double{1 << 23} - 1.0);
      values[i] = static_cast<float>(offset + scaled);
    }
  });
  return tensor;
}

Checkpoint MakeWeights(const std::string& lines) {
  Checkpoint checkpoint;
  std::istringstream text(lines);
  for (std::string line; std::getline(text, line);) {
    std::istringstream fields(line);
    std::string name;
    double offset = 0, amplitude = 0;
    fields >> name >> offset >> amplitude;
    std::vector<std::int64_t> shape;
    for (std::int64_t size = 0; fields >> size;) shape.push_back(size);
    checkpoint.tensors[name] = Uniform(name, shape, offset, amplitude);
  }
  return checkpoint;
}

}  // namespace sam2::parity
