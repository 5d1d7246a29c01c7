// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "model/layers.h"

namespace sam2 {

enum class TrunkKind { kHiera, kRepVit };

// What tensor names and shapes alone cannot tell about a model. Everything
// else (widths, which heads there are, depths but those of known members) the
// modules read off the checkpoint they are built from.
struct ModelConfig {
  std::string member;        // "sam2.1-tiny", "edgetam", "builtin", ...
  int64_t image_size = 1024;  // native side of the network's input
  TrunkKind trunk = TrunkKind::kHiera;

  // Hiera trunk
  int64_t num_heads = 1;                   // in the first stage
  std::vector<int64_t> window_spec;        // window side of each stage
  std::vector<int64_t> global_att_blocks;  // blocks without windows

  // RepViT trunk
  Activation trunk_activation = Activation::kGelu;
  std::array<int64_t, 4> trunk_depths{};  // blocks of each stage; 0: as many as there are

  // Layers; 0: as many as there are.
  int64_t memory_attention_layers = 0, fuser_layers = 0, perceiver_layers = 0;

  int64_t decoder_heads = 8;
  // One mask for a prompt: that of its own token, or the best of the three
  // others where that one is not stable. Reference: build_sam2's default.
  bool dynamic_multimask_via_stability = true;
  int64_t perceiver_heads = 1;

  // Scale and bias of mask probabilities on their way into the memory.
  double sigmoid_scale_for_mem_enc = 20.0;
  double sigmoid_bias_for_mem_enc = -10.0;
};

// Sides that the network's input may have, in words and as a check.
inline constexpr char kImageSizes[] = "multiples of 32 from 64 to 4096";
bool IsImageSize(int64_t size);

// Recognises the family member from tensor names and shapes, and from the
// metadata of a .safetensors file where it has them.
// Throws Error(kBadCheckpoint) when it is none, or names what in the metadata is
// not allowed.
ModelConfig RecogniseModel(const Weights& weights);

}  // namespace sam2
