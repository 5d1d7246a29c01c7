// SPDX-License-Identifier: Apache-2.0
#include "model/image_encoder.h"

#include <ATen/ATen.h>

namespace sam2 {
namespace {

std::variant<Hiera, RepVit> LoadTrunk(const Scope& w, const ModelConfig& config,
                                      int64_t image_size) {
  if (config.trunk == TrunkKind::kHiera) return Hiera(w, config);
  return RepVit(w["body"], config, image_size);
}

// Two 1x1 convolutions in a row as one. first: to `channels`, second: from
// there to `out`.
Conv2d Fold(const Scope& first, const Scope& second, int64_t channels, int64_t out,
            Conv2d::Shape shape) {
  const Tensor inner = first.Raw("weight", {channels, -1, 1, 1}).flatten(1);
  const Tensor outer = second.Raw("weight", {out, channels, 1, 1}).flatten(1);
  const Tensor bias =
      at::addmv(second.Raw("bias", {out}), outer, first.Raw("bias", {channels}));
  Weights& weights = first.weights();
  return Conv2d(weights.Place(at::mm(outer, inner)).unflatten(1, {-1, 1, 1}),
                weights.Place(bias), shape);
}

}  // namespace

ImageEncoder::ImageEncoder(const Scope& w, const Scope& decoder, const ModelConfig& config,
                           int64_t image_size)
    : trunk_(LoadTrunk(w["trunk"], config, image_size)) {
  const Scope convs = w["neck"]["convs"];
  // Coarse to fine, from stride 32 to stride 4.
  const auto shape = [&](int i) { return Conv2d::Shape{.side = image_size / (32 >> i)}; };
  convs_.emplace_back(convs[0]["conv"], -1, -1, 1, shape(0));
  const int64_t C = d_model();
  convs_.emplace_back(convs[1]["conv"], -1, C, 1, shape(1));
  convs_.push_back(Fold(convs[2]["conv"], decoder["conv_s1"], C, C / 4, shape(2)));
  convs_.push_back(Fold(convs[3]["conv"], decoder["conv_s0"], C, C / 8, shape(3)));
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
