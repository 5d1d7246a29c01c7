// SPDX-License-Identifier: Apache-2.0
//
// Which family member a checkpoint is, and what is said of one that is none.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <memory>
#include <string>

#include "checkpoint/checkpoint.h"
#include "checkpoint/weights.h"
#include "model/sam2_model.h"
#include "sam2.h"

namespace sam2 {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr char kStem[] = "image_encoder.trunk.body.stem.conv1.c.weight";
constexpr char kPointer[] = "no_obj_ptr";

using Change = std::function<void(Checkpoint&)>;

std::unique_ptr<Sam2Model> Load(const Change& change, int64_t image_size = 0) {
  Checkpoint checkpoint = ReadCheckpoint(SAM2_BUILTIN_MODEL);
  change(checkpoint);
  Weights weights(std::move(checkpoint), "changed.safetensors", at::kFloat, at::kCPU);
  return std::make_unique<Sam2Model>(weights, image_size);
}

// The message of the error that loading ends in.
std::string Complaint(const Change& change, ErrorCode code = ErrorCode::kBadCheckpoint,
                      int64_t image_size = 0) {
  try {
    Load(change, image_size);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return {};
}

void Nothing(Checkpoint&) {}

// The least that tells a Hiera trunk: its patch embedding and some blocks.
Checkpoint HieraNames(int64_t embed_dim, int blocks) {
  const std::string trunk = "image_encoder.trunk.";
  Checkpoint checkpoint;
  checkpoint.tensors[trunk + "patch_embed.proj.weight"] = at::zeros({embed_dim, 3, 7, 7});
  for (int i = 0; i < blocks; ++i) {
    checkpoint.tensors[trunk + "blocks." + std::to_string(i) + ".norm1.weight"] =
        at::zeros({embed_dim});
  }
  return checkpoint;
}

ModelConfig Recognise(Checkpoint checkpoint) {
  return RecogniseModel(Weights(std::move(checkpoint), "some.pt", at::kFloat, at::kCPU));
}

TEST(RecogniseModel, TheBuiltInModel) {
  const auto model = Load(Nothing);
  EXPECT_EQ(model->config().member, "builtin");
  EXPECT_EQ(model->image_size(), model->config().image_size);
}

TEST(RecogniseModel, HieraByWidthAndDepth) {
  EXPECT_EQ(Recognise(HieraNames(96, 12)).member, "sam2-tiny");
  EXPECT_EQ(Recognise(HieraNames(96, 16)).member, "sam2-small");
  EXPECT_EQ(Recognise(HieraNames(112, 24)).member, "sam2-base+");
  EXPECT_EQ(Recognise(HieraNames(144, 48)).member, "sam2-large");
}

TEST(RecogniseModel, Sam21ByThePointersAge) {
  Checkpoint checkpoint = HieraNames(144, 48);
  checkpoint.tensors["obj_ptr_tpos_proj.weight"] = at::zeros({64, 256});
  const ModelConfig config = Recognise(std::move(checkpoint));
  EXPECT_EQ(config.member, "sam2.1-large");
  EXPECT_EQ(config.num_heads, 2);
  EXPECT_THAT(config.window_spec, testing::ElementsAre(8, 4, 16, 8));
  EXPECT_THAT(config.global_att_blocks, testing::ElementsAre(23, 33, 43));
}

TEST(RecogniseModel, EdgeTamByItsPerceiver) {
  Checkpoint checkpoint;
  checkpoint.tensors[kStem] = at::zeros({24, 3, 3, 3});
  checkpoint.tensors["spatial_perceiver.latents"] = at::zeros({256, 64});
  const ModelConfig config = Recognise(std::move(checkpoint));
  EXPECT_EQ(config.member, "edgetam");
  EXPECT_EQ(config.image_size, 1024);
  EXPECT_EQ(config.trunk_activation, Activation::kGelu);
}

TEST(RecogniseModel, MetadataComesBeforeTheTable) {
  Checkpoint checkpoint = HieraNames(64, 4);
  checkpoint.metadata = {{"model", "mine"},       {"image_size", "512"},
                         {"num_heads", "4"},      {"window_spec", "8,4,4,2"},
                         {"global_att_blocks", "3"},
                         {"dynamic_multimask_via_stability", "false"}};
  EXPECT_TRUE(Recognise(HieraNames(96, 12)).dynamic_multimask_via_stability);
  const ModelConfig config = Recognise(std::move(checkpoint));
  EXPECT_FALSE(config.dynamic_multimask_via_stability);
  EXPECT_EQ(config.member, "mine");
  EXPECT_EQ(config.image_size, 512);
  EXPECT_EQ(config.num_heads, 4);
  EXPECT_THAT(config.window_spec, testing::ElementsAre(8, 4, 4, 2));
}

TEST(RecogniseModel, RefusesAnotherArchitecture) {
  EXPECT_THAT(Complaint([](Checkpoint& c) {
                c.tensors.clear();
                c.tensors["conv1.weight"] = at::zeros({64, 3, 7, 7});
              }),
              AllOf(HasSubstr("changed.safetensors"), HasSubstr("no model of the SAM 2 family")));
}

TEST(RecogniseModel, RefusesAHieraOfUnknownSize) {
  EXPECT_THAT(Complaint([](Checkpoint& c) { c = HieraNames(80, 12); }),
              AllOf(HasSubstr("width 80"), HasSubstr("12 blocks"), HasSubstr("window_spec")));
}

TEST(RecogniseModel, RefusesMetadataThatIsNoNumber) {
  EXPECT_THAT(Complaint([](Checkpoint& c) { c.metadata["image_size"] = "large"; }),
              AllOf(HasSubstr("image_size"), HasSubstr("large")));
  EXPECT_THAT(Complaint([](Checkpoint& c) { c.metadata["trunk_activation"] = "tanh"; }),
              AllOf(HasSubstr("tanh"), HasSubstr("relu and gelu")));
  EXPECT_THAT(Complaint([](Checkpoint& c) {
                c.metadata["dynamic_multimask_via_stability"] = "0";
              }),
              AllOf(HasSubstr("dynamic_multimask_via_stability"), HasSubstr("true and false")));
}

TEST(StrictLoading, NamesAMissingTensor) {
  EXPECT_THAT(Complaint([](Checkpoint& c) { c.tensors.erase(kPointer); }),
              AllOf(HasSubstr("changed.safetensors"), HasSubstr(kPointer), HasSubstr("missing")));
}

TEST(StrictLoading, NamesASurplusTensor) {
  EXPECT_THAT(Complaint([](Checkpoint& c) { c.tensors["extra.weight"] = at::zeros({2, 3}); }),
              AllOf(HasSubstr("extra.weight [2, 3]"), HasSubstr("no such tensor")));
}

TEST(StrictLoading, TakesBatchNormCounters) {
  EXPECT_NE(Load([](Checkpoint& c) {
              c.tensors["image_encoder.trunk.body.stem.conv1.bn.num_batches_tracked"] =
                  at::zeros({}, at::kLong);
            }),
            nullptr);
}

TEST(StrictLoading, NamesFoundAndExpectedShape) {
  EXPECT_THAT(Complaint([](Checkpoint& c) { c.tensors[kPointer] = at::zeros({1, 7}); }),
              AllOf(HasSubstr(kPointer), HasSubstr("[1, 7]"), HasSubstr("expected [1, ")));
}

TEST(StrictLoading, RefusesValuesThatAreNotFinite) {
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    EXPECT_THAT(Complaint([&](Checkpoint& c) {
                  c.tensors[kPointer] = at::full_like(c.tensors[kPointer], value);
                }),
                AllOf(HasSubstr(kPointer), HasSubstr("not finite")));
  }
}

TEST(StrictLoading, RefusesWholeNumbersForWeights) {
  EXPECT_THAT(Complaint([](Checkpoint& c) {
                c.tensors[kPointer] = c.tensors[kPointer].to(at::kLong);
              }),
              AllOf(HasSubstr(kPointer), HasSubstr("floating-point")));
}

TEST(StrictLoading, TakesImageSizesThatAreMultiplesOf32) {
  EXPECT_EQ(Load(Nothing, 320)->image_size(), 320);
}

TEST(StrictLoading, RefusesOtherImageSizes) {
  for (const int64_t size : {-32, 32, 250, 8192}) {
    EXPECT_THAT(Complaint(Nothing, ErrorCode::kBadSettings, size),
                AllOf(HasSubstr(std::to_string(size)), HasSubstr("multiples of 32")));
  }
}

}  // namespace
}  // namespace sam2
