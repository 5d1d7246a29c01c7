// SPDX-License-Identifier: Apache-2.0
#include "model/repvit.h"

#include <ATen/ATen.h>

namespace sam2 {
namespace {

// A convolution in float32 on its way to being folded.
struct FoldedConv {
  Tensor weight, bias;
};

// timm's ConvNorm: a convolution `c` without bias, then a batch norm `bn`.
FoldedConv FoldBatchNorm(const Scope& w, at::IntArrayRef shape) {
  const Tensor weight = w.Raw("c.weight", shape);
  const int64_t out = weight.size(0);
  const Tensor variance = w.Raw("bn.running_var", {out});
  if (variance.lt(0).any().item<bool>()) w.Fail("bn.running_var", "has a variance below 0");
  const Tensor scale = w.Raw("bn.weight", {out}) / at::sqrt(variance + 1e-5);
  return {weight * scale.view({-1, 1, 1, 1}),
          w.Raw("bn.bias", {out}) - w.Raw("bn.running_mean", {out}) * scale};
}

Conv2d Place(const Scope& w, const FoldedConv& conv, Conv2d::Shape shape) {
  return Conv2d(w.weights().Place(conv.weight), w.weights().Place(conv.bias), shape);
}

Conv2d LoadConvNorm(const Scope& w, int64_t in, int64_t out, int64_t kernel, int64_t side,
                    int64_t stride = 1) {
  return Place(w, FoldBatchNorm(w, {out, in, kernel, kernel}),
               {.stride = stride, .padding = kernel / 2, .side = side});
}

Conv2d LoadDepthwise(const Scope& w, int64_t dim, int64_t kernel, int64_t side, int64_t stride) {
  return Place(w, FoldBatchNorm(w, {dim, 1, kernel, kernel}),
               {.stride = stride, .padding = kernel / 2, .groups = dim, .side = side});
}

// RepVggDw: conv(x) + conv1(x) + x, all depthwise, becomes one 3x3 convolution.
Conv2d LoadTokenMixer(const Scope& w, int64_t dim, int64_t side) {
  FoldedConv conv = FoldBatchNorm(w["conv"], {dim, 1, 3, 3});
  const FoldedConv conv1 = FoldBatchNorm(w["conv1"], {dim, 1, 1, 1});
  conv.weight = conv.weight + at::constant_pad_nd(conv1.weight + 1, {1, 1, 1, 1});
  conv.bias = conv.bias + conv1.bias;
  return Place(w, conv, {.padding = 1, .groups = dim, .side = side});
}

// A 1x1 convolution over a single pixel.
Linear LoadGate(const Scope& w, int64_t in, int64_t out) {
  const Tensor weight = w.Param("weight", {out, in, 1, 1}).flatten(1);
  return Linear(weight, w.Param("bias", {weight.size(0)}));
}

}  // namespace

RepVit::ChannelMixer RepVit::LoadChannelMixer(const Scope& w, int64_t dim, int64_t side) const {
  const Conv2d conv1 = LoadConvNorm(w["conv1"], dim, -1, 1, side);
  return {conv1, LoadConvNorm(w["conv2"], conv1.out(), dim, 1, side), activation_};
}

RepVit::Block RepVit::LoadBlock(const Scope& w, int64_t dim, int64_t side) const {
  Block block{LoadTokenMixer(w["token_mixer"], dim, side), std::nullopt,
              LoadChannelMixer(w["channel_mixer"], dim, side)};
  if (w.Has("se.fc1.weight")) {
    const Linear fc1 = LoadGate(w["se"]["fc1"], dim, -1);
    block.se = SqueezeExcite{fc1, LoadGate(w["se"]["fc2"], fc1.out(), dim)};
  }
  return block;
}

RepVit::Downsample RepVit::LoadDownsample(const Scope& w, int64_t dim, int64_t side) const {
  const Conv2d channel_downsample =
      LoadConvNorm(w["channel_downsample"], dim, -1, 1, side / 2);
  return {LoadBlock(w["pre_block"], dim, side),
          LoadDepthwise(w["spatial_downsample"], dim, 3, side, /*stride=*/2), channel_downsample,
          LoadChannelMixer(w["ffn"], channel_downsample.out(), side / 2)};
}

RepVit::RepVit(const Scope& w, const ModelConfig& config, int64_t image_size)
    : stem_conv1_(LoadConvNorm(w["stem"]["conv1"], 3, -1, 3, image_size, /*stride=*/2)),
      stem_conv2_(LoadConvNorm(w["stem"]["conv2"], stem_conv1_.out(), -1, 3, image_size / 2,
                               /*stride=*/2)),
      activation_(config.trunk_activation) {
  int64_t dim = stem_conv2_.out(), side = image_size / 4;
  for (const int64_t depth : config.trunk_depths) {
    const Scope scope = w["stages_" + std::to_string(stages_.size())];
    Stage stage;
    if (!stages_.empty()) {
      stage.downsample = LoadDownsample(scope["downsample"], dim, side);
      dim = stage.downsample->channel_downsample.out();
      side /= 2;
    }
    for (const Scope& block : scope["blocks"].List("token_mixer.conv.c.weight", depth)) {
      stage.blocks.push_back(LoadBlock(block, dim, side));
    }
    stages_.push_back(std::move(stage));
  }
}

std::vector<Tensor> RepVit::operator()(const Tensor& image) const {
  Tensor x = stem_conv2_(stem_conv1_(image, activation_));
  std::vector<Tensor> maps;
  for (const Stage& stage : stages_) {
    if (stage.downsample) x = (*stage.downsample)(x);
    for (const Block& block : stage.blocks) x = block(x);
    maps.push_back(x);
  }
  return maps;
}

Tensor RepVit::SqueezeExcite::operator()(const Tensor& x) const {
  const Tensor gate = fc2(fc1(x.mean({2, 3}), Activation::kRelu));
  return x * gate.sigmoid().unflatten(1, {-1, 1, 1});
}

Tensor RepVit::ChannelMixer::AddTo(Tensor x) const { return conv2.AddTo(x, conv1(x, activation)); }

Tensor RepVit::Block::operator()(const Tensor& x) const {
  Tensor y = token_mixer(x);
  if (se) y = (*se)(y);
  return channel_mixer.AddTo(y);
}

Tensor RepVit::Downsample::operator()(const Tensor& x) const {
  return ffn.AddTo(channel_downsample(spatial_downsample(pre_block(x))));
}

}  // namespace sam2
