// SPDX-License-Identifier: Apache-2.0
//
// Every released member against values that the reference code computed, see
// golden.py: weights, pictures and prompts are made again here.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "parity/seeded.h"
#include "parity/stages.h"

namespace sam2::parity {
namespace {

using testing::AllOf;
using testing::Each;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

// Largest difference relative to the largest value of a tensor. Memories are
// kept in bfloat16, where one step is 2^-8.
constexpr double kTolerance = 5e-4, kMemoryTolerance = 1e-2;
constexpr double kScoreTolerance = 1e-2;  // of the video's scores, 0..1

struct Golden {
  explicit Golden(const std::string& member)
      : file(ReadCheckpoint(std::string(SAM2_TEST_DATA "/golden/") + member + ".safetensors")) {}

  int image_size() const { return std::stoi(file.metadata.at("image_size")); }
  Checkpoint Weights() const { return MakeWeights(file.metadata.at("weights")); }
  nlohmann::json Script() const { return nlohmann::json::parse(file.metadata.at("script")); }

  Checkpoint file;
};

std::shared_ptr<ModelEngine> Open(const Golden& golden, Checkpoint weights) {
  return std::make_shared<ModelEngine>(
      ResolvedOptions{.model = "seeded", .image_size = golden.image_size()}, std::move(weights));
}

double ToleranceOf(std::string_view name, double largest) {
  if (name.starts_with("video.mask.")) return 0;
  if (name.starts_with("video.score.")) return kScoreTolerance;
  if (name == "memory.soft" || name == "memory.binary") return kMemoryTolerance * largest;
  return kTolerance * largest;
}

// Whether one of the samples [n, 2] (position, value) is elsewhere in `ours`.
bool Differs(std::string_view name, const Tensor& samples, const Tensor& ours) {
  const Tensor expected = samples.select(1, 1), flat = ours.to(at::kFloat).flatten();
  Tensor found = flat.index({samples.select(1, 0).to(at::kLong)});
  if (name.starts_with("video.mask.")) found = found.gt(0).to(at::kFloat);
  const double largest = expected.abs().max().item<double>();
  const double difference = (found - expected).abs().max().item<double>();
  return !(difference <= ToleranceOf(name, largest));  // not a number differs
}

// The outputs that are not as the reference has them. part: where their names
// begin: "video.", or "" for all others.
std::vector<std::string> Differing(const Golden& golden, const Tensors& ours,
                                   std::string_view part = "") {
  std::vector<std::string> names;
  for (const auto& [name, samples] : golden.file.tensors) {
    const bool video = name.starts_with("video.");
    if (video != (part == "video.")) continue;
    const auto found = ours.find(name);
    if (found == ours.end() || Differs(name, samples, found->second)) names.push_back(name);
  }
  return names;
}

class GoldenValues : public testing::TestWithParam<const char*> {};

TEST_P(GoldenValues, EveryStageAndTheVideo) {
  const Golden golden(GetParam());
  const auto engine = Open(golden, golden.Weights());
  EXPECT_EQ(engine->info().member, GetParam());
  EXPECT_THAT(Differing(golden, RunStages(engine->model())), IsEmpty());
  EXPECT_THAT(Differing(golden, RunVideo(engine, golden.Script()), "video."), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Members, GoldenValues,
                         testing::Values("sam2-tiny", "sam2-small", "sam2-base+", "sam2-large",
                                         "sam2.1-tiny", "sam2.1-small", "sam2.1-base+",
                                         "sam2.1-large", "edgetam"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase_if(name, [](char c) { return !std::isalnum(c); });
                           return name;
                         });

// The first half of a query's and a key's channels turns with the column, the
// second with the row. With both halves of the weights exchanged the products
// stay the same, but for columns and rows.
void SwapRotaryAxes(Checkpoint& weights, const std::string& attention) {
  for (const char* leaf : {".q_proj.weight", ".q_proj.bias", ".k_proj.weight", ".k_proj.bias"}) {
    Tensor& tensor = weights.tensors.at(attention + leaf);
    tensor = at::cat({tensor.chunk(2)[1], tensor.chunk(2)[0]}).contiguous();
  }
}

// What the values are worth: each of these mistakes is one of a constant.
class Mistake : public testing::Test {
 protected:
  std::vector<std::string> StagesWith(Checkpoint weights) {
    return Differing(golden_, RunStages(Open(golden_, std::move(weights))->model()));
  }

  const Golden golden_{"sam2.1-tiny"};
  Checkpoint weights_ = golden_.Weights();
};

TEST_F(Mistake, NoneIsNotFound) { EXPECT_THAT(StagesWith(weights_), IsEmpty()); }

TEST_F(Mistake, RotaryAxesSwappedInSelfAttention) {
  SwapRotaryAxes(weights_, "memory_attention.layers.0.self_attn");
  EXPECT_THAT(StagesWith(weights_), AllOf(Not(IsEmpty()), Each(StartsWith("attention."))));
}

TEST_F(Mistake, RotaryAxesSwappedInCrossAttention) {
  SwapRotaryAxes(weights_, "memory_attention.layers.3.cross_attn_image");
  EXPECT_THAT(StagesWith(weights_), AllOf(Not(IsEmpty()), Each(StartsWith("attention."))));
}

TEST_F(Mistake, MemoriesInTheWrongOrder) {
  Tensor& codes = weights_.tensors.at("maskmem_tpos_enc");
  codes = codes.flip(0).contiguous();
  EXPECT_THAT(StagesWith(weights_), testing::Contains("attention.3"));
}

TEST_F(Mistake, AnotherImageSizesWindows) {
  weights_.metadata["window_spec"] = "8,4,16,7";
  EXPECT_THAT(StagesWith(weights_), testing::Contains("trunk.2"));
}

TEST_F(Mistake, AnotherGlobalBlock) {
  weights_.metadata["global_att_blocks"] = "5,7,10";
  EXPECT_THAT(StagesWith(weights_), testing::Contains("trunk.2"));
}

TEST_F(Mistake, AnotherScaleOfMasksInMemory) {
  weights_.metadata["sigmoid_scale_for_mem_enc"] = "19.8";
  EXPECT_THAT(StagesWith(weights_), AllOf(Not(IsEmpty()), Each(StartsWith("memory."))));
}

}  // namespace
}  // namespace sam2::parity
