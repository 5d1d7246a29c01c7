// SPDX-License-Identifier: Apache-2.0
#include "parity/inputs.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "parity/seeded.h"

namespace sam2::parity {
namespace {

using at::Tensor;

// A triangle of period 1024 between -1024 and 1024.
std::int64_t Wave(std::int64_t n) { return std::abs((n & 1023) - 512) * 4 - 1024; }

// In hundredths of the side.
struct Disc {
  std::int64_t cx, cy, radius;

  bool Holds(std::int64_t x, std::int64_t y, std::int64_t size) const {
    const std::int64_t dx = 100 * x - cx * size, dy = 100 * y - cy * size, r = radius * size;
    return dx * dx + dy * dy < r * r;
  }
};

struct LabelledPoint {
  double x, y;  // in hundredths of the side
  std::int64_t label;
};

const std::map<std::string, std::vector<LabelledPoint>>& Points() {
  static const std::map<std::string, std::vector<LabelledPoint>> points = {
      {"click", {{40, 45, 1}}},
      {"clicks", {{40, 45, 1}, {80, 70, 0}, {30, 50, 1}}},
      {"box", {{20, 25, 2}, {60, 65, 3}}},
      {"none", {{0, 0, -1}}},
  };
  return points;
}

// The colour of one pixel before noise and limits.
std::int64_t Colour(std::int64_t f, std::int64_t y, std::int64_t x, std::int64_t k,
                    std::int64_t size) {
  constexpr std::int64_t kPaint[] = {130, -40, -70};
  std::int64_t value = 100 + (Wave((2700 * x + 800 * y) / size + 160 * k) *
                                  Wave((1450 + 160 * k) * y / size) >> 14);
  const Disc discs[] = {{40 + f, 40, 18}, {70, 30 + 2 * f, 10}, {25, 80 - 3 * f, 12}};
  for (std::int64_t i = 0; i < 3; ++i) {
    const bool gone = i == 1 && f >= 8 && f < 14;
    if (!gone && discs[i].Holds(x, y, size)) value += kPaint[(k + 3 - i) % 3];
  }
  return value;
}

Tensor Normalise(const Tensor& frames) {
  const Tensor mean = at::tensor({0.485f, 0.456f, 0.406f}).view({3, 1, 1});
  const Tensor std = at::tensor({0.229f, 0.224f, 0.225f}).view({3, 1, 1});
  return ((frames.to(at::kDouble) / 255.0).permute({0, 3, 1, 2}).to(at::kFloat) - mean) / std;
}

// [1, 1, size / 4, size / 4] with both signs and soft borders.
Tensor MaskLogits(std::int64_t size, std::int64_t k) {
  const Tensor logits = at::empty({1, 1, size / 4, size / 4}, at::kFloat);
  float* value = logits.mutable_data_ptr<float>();
  for (std::int64_t y = 0; y < size / 4; ++y) {
    for (std::int64_t x = 0; x < size / 4; ++x) {
      *value++ = static_cast<float>(Wave(8000 * x / size + 200 * k) * Wave(6000 * y / size)) /
                 131072;
    }
  }
  return logits;
}

Tensor DiscMask(std::int64_t size, const Disc& disc) {
  const Tensor mask = at::empty({1, 1, size, size}, at::kFloat);
  float* value = mask.mutable_data_ptr<float>();
  for (std::int64_t y = 0; y < size; ++y) {
    for (std::int64_t x = 0; x < size; ++x) *value++ = disc.Holds(x, y, size);
  }
  return mask;
}

void PutPoints(std::int64_t size, Tensors& in) {
  for (const auto& [kind, points] : Points()) {
    std::vector<float> coords;
    std::vector<std::int64_t> labels;
    for (const LabelledPoint& point : points) {
      coords.push_back(static_cast<float>(point.x * static_cast<double>(size) / 100));
      coords.push_back(static_cast<float>(point.y * static_cast<double>(size) / 100));
      labels.push_back(point.label);
    }
    in[kind + ".coords"] = at::tensor(coords).view({1, -1, 2});
    in[kind + ".labels"] = at::tensor(labels).view({1, -1});
  }
}

}  // namespace

Tensor Draw(std::int64_t size) {
  const Tensor frames = at::empty({kFrames, size, size, 3}, at::kByte);
  const std::vector<std::int32_t> noise = Integers("frames", frames.numel());
  auto* values = frames.mutable_data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < frames.numel(); ++i) {
    const std::int64_t k = i % 3, x = i / 3 % size, y = i / 3 / size % size;
    const std::int64_t colour = Colour(i / 3 / size / size, y, x, k, size);
    values[i] = static_cast<std::uint8_t>(
        std::clamp<std::int64_t>(colour + (noise[i] >> 19) - 16, 0, 255));
  }
  return frames;
}

Tensors MakePictures(std::int64_t size) {
  return {{"image", Normalise(Draw(size).slice(0, 0, 1))},
          {"mask", DiscMask(size, {40, 45, 22})}};
}

Tensors MakeInputs(std::int64_t size, std::int64_t tokens, std::int64_t hidden_dim) {
  Tensors in = MakePictures(size);
  in["mask_logits"] = MaskLogits(size, 0);
  in["memory.masks"] = at::cat({MaskLogits(size, 0), MaskLogits(size, 1)});
  in["memory.scores"] = at::tensor({3.0f, -2.0f}).view({2, 1});
  PutPoints(size, in);
  for (std::int64_t k = 0; k < kMemories; ++k) {
    const std::string number = std::to_string(k);
    in["past.memory." + number] = Uniform("memory" + number, {1, tokens, 64}).to(at::kBFloat16);
    in["past.pointer." + number] = Uniform("pointer" + number, {1, hidden_dim});
  }
  return in;
}

}  // namespace sam2::parity
