// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "model/config.h"
#include "model/layers.h"

namespace sam2 {

// RepViT (Wang et al., 2023), the trunk of EdgeTAM and of the built-in model:
// a convolutional network whose parallel branches and batch norms are folded
// into one convolution each when it is loaded. Reference: timm's repvit_m1.
class RepVit {
 public:
  // image_size: side of the network's input.
  RepVit(const Scope& w, const ModelConfig& config, int64_t image_size);

  // image: [B, 3, S, S] -> one map per stage, fine to coarse, sides S/4 .. S/32.
  std::vector<Tensor> operator()(const Tensor& image) const;

 private:
  struct SqueezeExcite {
    Linear fc1, fc2;
    Tensor operator()(const Tensor& x) const;
  };
  struct ChannelMixer {  // two 1x1 convolutions around the residual
    Conv2d conv1, conv2;
    Activation activation;
    Tensor AddTo(Tensor x) const;  // x + conv2(act(conv1(x))), in the place of x
  };
  struct Block {
    Conv2d token_mixer;  // depthwise; sum of a 3x3, a 1x1 and the identity
    std::optional<SqueezeExcite> se;
    ChannelMixer channel_mixer;
    Tensor operator()(const Tensor& x) const;
  };
  struct Downsample {
    Block pre_block;
    Conv2d spatial_downsample;  // depthwise, stride 2
    Conv2d channel_downsample;  // 1x1
    ChannelMixer ffn;
    Tensor operator()(const Tensor& x) const;
  };
  struct Stage {
    std::optional<Downsample> downsample;
    std::vector<Block> blocks;
  };

  // dim, side: channels and side of the maps that come in.
  ChannelMixer LoadChannelMixer(const Scope& w, int64_t dim, int64_t side) const;
  Block LoadBlock(const Scope& w, int64_t dim, int64_t side) const;
  Downsample LoadDownsample(const Scope& w, int64_t dim, int64_t side) const;

  Conv2d stem_conv1_, stem_conv2_;
  Activation activation_;
  std::vector<Stage> stages_;
};

}  // namespace sam2
