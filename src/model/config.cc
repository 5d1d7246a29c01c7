// SPDX-License-Identifier: Apache-2.0
#include "model/config.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <type_traits>

#include "checkpoint/tensor_index.h"

namespace sam2 {
namespace {

constexpr size_t kStages = 4;
constexpr int64_t kMaxWindow = 1024;  // the largest map's side

// What shapes cannot tell about the Hiera trunks that exist (the released
// yaml configs), found by embed_dim and number of blocks.
struct HieraRow {
  const char* size;
  int64_t embed_dim, blocks, num_heads;
  std::vector<int64_t> window_spec, global_att_blocks;
};

const std::vector<HieraRow>& HieraTable() {
  static const std::vector<HieraRow> table = {
      {"tiny", 96, 12, 1, {8, 4, 14, 7}, {5, 7, 9}},
      {"small", 96, 16, 1, {8, 4, 14, 7}, {7, 10, 13}},
      {"base+", 112, 24, 2, {8, 4, 14, 7}, {12, 16, 20}},
      {"large", 144, 48, 2, {8, 4, 16, 8}, {23, 33, 43}},
  };
  return table;
}

int64_t CountBlocks(const Weights& weights, const std::string& prefix, const std::string& leaf) {
  int64_t n = 0;
  while (weights.Has(prefix + std::to_string(n) + leaf)) ++n;
  return n;
}

[[noreturn]] void FailMetadata(const Weights& weights, const std::string& key,
                               const std::string& what) {
  weights.Fail("metadata " + key + "=" + Quote(*weights.Metadata(key)) + what);
}

template <typename T>
T Parse(const Weights& weights, const std::string& key, std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // from_chars takes "nan" and "inf" for numbers.
  if (error != std::errc() || end != text.data() + text.size() ||
      !std::isfinite(static_cast<double>(value))) {
    FailMetadata(weights, key,
                 std::is_integral_v<T> ? " is not a whole number" : " is not a number");
  }
  return value;
}

template <typename T>  // int64_t, double
void Override(const Weights& weights, const std::string& key, T& value) {
  if (const std::string* text = weights.Metadata(key)) value = Parse<T>(weights, key, *text);
}

// Comma-separated whole numbers
void Override(const Weights& weights, const std::string& key, std::vector<int64_t>& values) {
  const std::string* text = weights.Metadata(key);
  if (!text) return;
  values.clear();
  for (size_t start = 0; start <= text->size();) {
    const size_t comma = std::min(text->find(',', start), text->size());
    values.push_back(
        Parse<int64_t>(weights, key, std::string_view(*text).substr(start, comma - start)));
    start = comma + 1;
  }
}

void Override(const Weights& weights, const std::string& key, Activation& value) {
  const std::string* text = weights.Metadata(key);
  if (!text) return;
  if (*text != "relu" && *text != "gelu") {
    FailMetadata(weights, key, ": allowed are relu and gelu");
  }
  value = *text == "relu" ? Activation::kRelu : Activation::kGelu;
}

void Override(const Weights& weights, const std::string& key, bool& value) {
  const std::string* text = weights.Metadata(key);
  if (!text) return;
  if (*text != "true" && *text != "false") {
    FailMetadata(weights, key, ": allowed are true and false");
  }
  value = *text == "true";
}

// What the table has is right, so that what is wrong came from the metadata.
void CheckHiera(const Weights& weights, const ModelConfig& config, int64_t embed_dim) {
  if (config.num_heads < 1 || embed_dim % config.num_heads != 0) {
    FailMetadata(weights, "num_heads", " does not divide the trunk's width, " +
                                           std::to_string(embed_dim));
  }
  const auto is_side = [](int64_t side) { return side >= 1 && side <= kMaxWindow; };
  if (config.window_spec.size() != kStages || !std::ranges::all_of(config.window_spec, is_side)) {
    FailMetadata(weights, "window_spec", ": allowed are four sides from 1 to " +
                                             std::to_string(kMaxWindow));
  }
}

void RecogniseHiera(const Weights& weights, ModelConfig& config) {
  const std::string trunk = "image_encoder.trunk.";
  config.trunk = TrunkKind::kHiera;
  const int64_t embed_dim = weights.Shape(trunk + "patch_embed.proj.weight", {-1, 3, 7, 7})[0];
  const int64_t blocks = CountBlocks(weights, trunk + "blocks.", ".norm1.weight");
  // SAM 2.1 gave object pointers their age and absent objects a spatial code.
  const bool is_2_1 = weights.Has("obj_ptr_tpos_proj.weight");
  const auto row = std::ranges::find_if(HieraTable(), [&](const HieraRow& known) {
    return known.embed_dim == embed_dim && known.blocks == blocks;
  });
  if (row != HieraTable().end()) {
    config.member = std::string(is_2_1 ? "sam2.1-" : "sam2-") + row->size;
    config.num_heads = row->num_heads;
    config.window_spec = row->window_spec;
    config.global_att_blocks = row->global_att_blocks;
    config.memory_attention_layers = 4;
    config.fuser_layers = 2;
  } else if (weights.Metadata("window_spec")) {
    config.member = "hiera";
  } else {
    weights.Fail("tensor " + trunk + "patch_embed.proj.weight: a Hiera trunk of width " +
                 std::to_string(embed_dim) + " with " + std::to_string(blocks) +
                 " blocks is none of tiny, small, base+ and large, and the file's metadata do "
                 "not say its window_spec, num_heads and global_att_blocks");
  }
  Override(weights, "num_heads", config.num_heads);
  Override(weights, "window_spec", config.window_spec);
  Override(weights, "global_att_blocks", config.global_att_blocks);
  CheckHiera(weights, config, embed_dim);
}

void RecogniseRepVit(const Weights& weights, ModelConfig& config) {
  config.trunk = TrunkKind::kRepVit;
  if (weights.Has("spatial_perceiver.latents")) {
    config.member = "edgetam";
    config.trunk_depths = {2, 2, 14, 2};
    config.memory_attention_layers = config.fuser_layers = config.perceiver_layers = 2;
  } else {
    config.member = "builtin";
    config.image_size = 256;
    config.trunk_activation = Activation::kRelu;
  }
  Override(weights, "trunk_activation", config.trunk_activation);
}

}  // namespace

bool IsImageSize(int64_t size) { return size >= 64 && size <= 4096 && size % 32 == 0; }

ModelConfig RecogniseModel(const Weights& weights) {
  ModelConfig config;
  if (weights.Has("image_encoder.trunk.patch_embed.proj.weight")) {
    RecogniseHiera(weights, config);
  } else if (weights.Has("image_encoder.trunk.body.stem.conv1.c.weight")) {
    RecogniseRepVit(weights, config);
  } else {
    weights.Fail(
        "no model of the SAM 2 family: it has neither image_encoder.trunk.patch_embed.proj.weight "
        "(SAM 2, SAM 2.1) nor image_encoder.trunk.body.stem.conv1.c.weight (EdgeTAM)");
  }
  if (const std::string* name = weights.Metadata("model")) config.member = *name;
  Override(weights, "image_size", config.image_size);
  if (!IsImageSize(config.image_size)) {
    FailMetadata(weights, "image_size", std::string(": allowed are ") + kImageSizes);
  }
  Override(weights, "memory_attention_layers", config.memory_attention_layers);
  if (weights.Metadata("memory_attention_layers") && config.memory_attention_layers < 1) {
    FailMetadata(weights, "memory_attention_layers", ": there is 1 at least");
  }
  Override(weights, "dynamic_multimask_via_stability", config.dynamic_multimask_via_stability);
  Override(weights, "sigmoid_scale_for_mem_enc", config.sigmoid_scale_for_mem_enc);
  Override(weights, "sigmoid_bias_for_mem_enc", config.sigmoid_bias_for_mem_enc);
  return config;
}

}  // namespace sam2
