// SPDX-License-Identifier: Apache-2.0
//
// Numbers made of nothing but a name: the same bits as seeded.py makes.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace sam2::parity {

// `count` numbers from 0 to 2^24 - 1: splitmix64 seeded by FNV-1a of the name.
std::vector<std::int32_t> Integers(std::string_view name, std::int64_t count);

// offset + amplitude * u with u uniform in [-1, 1), float32.
at::Tensor Uniform(std::string_view name, at::IntArrayRef shape, double offset = 0,
                   double amplitude = 1);

// A whole model: a line "name offset amplitude size size ..." for each tensor.
Checkpoint MakeWeights(const std::string& lines);

}  // namespace sam2::parity
