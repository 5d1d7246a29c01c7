// SPDX-License-Identifier: Apache-2.0
#include "model/image_encoder.h"

#include <ATen/ATen.h>

namespace sam2 {
namespace {

constexpr int kLevels = 4;

std::variant<Hiera, RepVit> LoadTrunk(const Scope& w, const ModelConfig& config,
                                      int64_t image_size) {
  if (config.trunk == TrunkKind::kHiera) return Hiera(w, config);
  return RepVit(w["body"], config.trunk_activation, image_size);
}

}  // namespace

ImageEncoder::ImageEncoder(const Scope& w, const ModelConfig& config, int64_t image_size)
    : trunk_(LoadTrunk(w["trunk"], config, image_size)) {
  for (int i = 0; i < kLevels; ++i) {
    const Scope conv = w["neck"]["convs"][i]["conv"];
    // Coarse to fine, from stride 32 to stride 4.
    convs_.emplace_back(conv, -1, i == 0 ? -1 : d_model(), 1,
                        Conv2d::Shape{.side = image_size / (32 >> i)});
  }
}

std::vector<Tensor> ImageEncoder::operator()(const Tensor& image) const {
  return Neck(Trunk(image));
}

std::vector<Tensor> ImageEncoder::Trunk(const Tensor& image) const {
  return std::visit([&](const auto& trunk) { return trunk(image); }, trunk_);
}

std::vector<Tensor> ImageEncoder::Neck(const std::vector<Tensor>& maps) const {
  // Level 3 only reaches the result through level 2, its neighbour (scalp = 1);
  // levels 0 and 1 are lateral only.
  const Tensor coarsest = convs_[0](maps[3]);
  const Tensor level2 = convs_[1](maps[2]);
  return {convs_[3](maps[0]), convs_[2](maps[1]),
          level2 + at::upsample_nearest2d(coarsest, {level2.size(2), level2.size(3)})};
}

}  // namespace sam2
