// SPDX-License-Identifier: Apache-2.0
//
// Which family member a checkpoint is, and what is said of one that is none.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>

#include "checkpoint/checkpoint.h"
#include "checkpoint/weights.h"
#include "error_of.h"
#include "model/sam2_model.h"
#include "sam2.h"

namespace sam2 {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

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
  const Error error = ErrorOf([&] { Load(change, image_size); });
  EXPECT_EQ(error.code(), code);
  return error.what();
}

void Nothing(Checkpoint&) {}

void EraseAll(Checkpoint& checkpoint, std::string_view prefix) {
  std::erase_if(checkpoint.tensors,
                [&](const auto& entry) { return entry.first.starts_with(prefix); });
}

// A released member's tensors, all zero: names and shapes are from its golden values.
Checkpoint Member(const std::string& name) {
  std::istringstream lines(
      ReadCheckpoint(SAM2_TEST_DATA "/golden/" + name + ".safetensors").metadata.at("weights"));
  Checkpoint checkpoint;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string tensor, offset, amplitude;
    fields >> tensor >> offset >> amplitude;
    std::vector<int64_t> shape;
    for (int64_t size = 0; fields >> size;) shape.push_back(size);
    checkpoint.tensors[tensor] = at::zeros(shape);
  }
  return checkpoint;
}

void AddLayer(Checkpoint& checkpoint, const std::string& name, at::IntArrayRef shape) {
  checkpoint.tensors[name + ".weight"] = at::zeros(shape);
  checkpoint.tensors[name + ".bias"] = at::zeros(shape[0]);
}

// Another trunk for the built-in model: a Hiera of so many stages of one block each.
void TakeHiera(Checkpoint& checkpoint, int stages = 4) {
  const std::string trunk = "image_encoder.trunk.";
  EraseAll(checkpoint, trunk);
  AddLayer(checkpoint, trunk + "patch_embed.proj", {48, 3, 7, 7});
  checkpoint.tensors[trunk + "pos_embed"] = at::zeros({1, 48, 7, 7});
  checkpoint.tensors[trunk + "pos_embed_window"] = at::zeros({1, 48, 8, 8});
  for (int stage = 0; stage < stages; ++stage) {
    const std::string block = trunk + "blocks." + std::to_string(stage) + ".";
    const int64_t out = 48 << stage, in = stage == 0 ? out : out / 2;
    AddLayer(checkpoint, block + "norm1", {in});
    AddLayer(checkpoint, block + "norm2", {out});
    AddLayer(checkpoint, block + "attn.qkv", {3 * out, in});
    AddLayer(checkpoint, block + "attn.proj", {out, out});
    AddLayer(checkpoint, block + "mlp.layers.0", {4 * out, out});
    AddLayer(checkpoint, block + "mlp.layers.1", {out, 4 * out});
    if (stage > 0) AddLayer(checkpoint, block + "proj", {out, in});
  }
  checkpoint.metadata["window_spec"] = "8,4,4,2";
}

Change HieraWith(const std::string& key, const std::string& value) {
  return [=](Checkpoint& checkpoint) {
    TakeHiera(checkpoint);
    checkpoint.metadata[key] = value;
  };
}

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
              AllOf(HasSubstr("'extra.weight' [2, 3]"), HasSubstr("no such tensor")));
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

TEST(StrictLoading, NamesFromTheFileAreQuotedAndCut) {
  const std::string large(5000, '9');
  for (const Change& change : {
           Change([&](Checkpoint& c) { c.tensors["extra\n" + large] = at::zeros(1); }),
           Change([&](Checkpoint& c) { c.metadata["image_size"] = "9\n" + large; }),
           Change([&](Checkpoint& c) { c.metadata["trunk_activation"] = "\n" + large; }),
       }) {
    const std::string complaint = Complaint(change);
    EXPECT_THAT(complaint,
                AllOf(HasSubstr("\\x0a999"), HasSubstr("999...'"), Not(HasSubstr("\n"))));
    EXPECT_LT(complaint.size(), 500u);
  }
}

// ---------------------------------------------------------------- what is divided by

TEST(StrictLoading, TakesAHieraByItsMetadata) {
  for (const char* heads : {"1", "3", "48"}) {
    const auto model = Load(HieraWith("num_heads", heads));
    EXPECT_EQ(model->config().trunk, TrunkKind::kHiera);
    EXPECT_EQ(model->config().num_heads, std::stoi(heads));
  }
}

TEST(StrictLoading, RefusesHeadsThatDoNotDivideTheWidth) {
  for (const char* heads : {"0", "-1", "5", "96"}) {
    EXPECT_THAT(Complaint(HieraWith("num_heads", heads)),
                AllOf(HasSubstr("num_heads='" + std::string(heads) + "'"), HasSubstr("48")));
  }
}

TEST(StrictLoading, RefusesWindowsThatAreNone) {
  for (const char* sides :
       {"0,4,4,2", "8,4,4,-2", "8,4,4", "8,4,4,2,2", "8,4,4,9000000000000000000"}) {
    EXPECT_THAT(Complaint(HieraWith("window_spec", sides)),
                AllOf(HasSubstr("window_spec='" + std::string(sides) + "'"),
                      HasSubstr("four sides from 1 to 1024")));
  }
}

TEST(StrictLoading, RefusesOtherImageSizesInTheMetadata) {
  for (const char* size : {"0", "1", "15", "100", "-64", "8192"}) {
    for (const int64_t asked : {0, 320}) {
      EXPECT_THAT(Complaint([&](Checkpoint& c) { c.metadata["image_size"] = size; },
                            ErrorCode::kBadCheckpoint, asked),
                  AllOf(HasSubstr("image_size='" + std::string(size) + "'"),
                        HasSubstr("multiples of 32 from 64 to 4096")));
    }
  }
  EXPECT_EQ(Load([](Checkpoint& c) { c.metadata["image_size"] = "64"; })->image_size(), 64);
}

TEST(StrictLoading, RefusesEmptyTensors) {
  EXPECT_THAT(Complaint([](Checkpoint& c) {
                c.tensors["maskmem_tpos_enc"] = at::zeros({0, 1, 1, 64});
              }),
              AllOf(HasSubstr("'maskmem_tpos_enc'"), HasSubstr("[0, 1, 1, 64] is empty")));
  EXPECT_THAT(Complaint([](Checkpoint& c) {
                AddLayer(c, "memory_encoder.out_proj", {0, 128, 1, 1});
              }),
              AllOf(HasSubstr("'memory_encoder.out_proj.weight'"), HasSubstr("is empty")));
}

TEST(StrictLoading, RefusesMoreMemoriesThanAnyModelHas) {
  EXPECT_THAT(Complaint([](Checkpoint& c) {
                c.tensors["maskmem_tpos_enc"] = at::zeros({1000, 1, 1, 64});
              }),
              AllOf(HasSubstr("'maskmem_tpos_enc'"), HasSubstr("1000 memories")));
}

TEST(StrictLoading, RefusesNumbersThatAreNotFinite) {
  for (const char* key : {"sigmoid_scale_for_mem_enc", "sigmoid_bias_for_mem_enc"}) {
    for (const char* value : {"nan", "inf", "-inf"}) {
      EXPECT_THAT(Complaint([&](Checkpoint& c) { c.metadata[key] = value; }),
                  AllOf(HasSubstr(key), HasSubstr("is not a number")));
    }
  }
}

TEST(StrictLoading, RefusesVariancesBelow0) {
  const std::string norm = "image_encoder.trunk.body.stem.conv1.bn.running_var";
  EXPECT_THAT(Complaint([&](Checkpoint& c) { c.tensors[norm] = c.tensors.at(norm) - 10; }),
              AllOf(HasSubstr(norm), HasSubstr("below 0")));
}

TEST(StrictLoading, RefusesAMemoryThatPointersDoNotFit) {
  for (const int64_t width : {2, 48, 256}) {
    EXPECT_THAT(Complaint([&](Checkpoint& c) {
                  AddLayer(c, "memory_encoder.out_proj", {width, 128, 1, 1});
                }),
                AllOf(HasSubstr("'memory_encoder.out_proj.weight'"),
                      HasSubstr("width of " + std::to_string(width)), HasSubstr("divides 128")));
  }
}

TEST(StrictLoading, RefusesLatentsWithoutAGrid) {
  const auto complaint = [](int64_t latents, int64_t image_size) {
    return Complaint(
        [&](Checkpoint& c) {
          c = Member("edgetam");
          c.tensors["spatial_perceiver.latents_2d"] = at::zeros({latents, 64});
        },
        ErrorCode::kBadCheckpoint, image_size);
  };
  EXPECT_THAT(complaint(0, 256), AllOf(HasSubstr("latents_2d'"), HasSubstr("is empty")));
  EXPECT_THAT(complaint(255, 256), AllOf(HasSubstr("latents_2d'"), HasSubstr("no square grid")));
  EXPECT_THAT(complaint(256, 320), AllOf(HasSubstr("latents_2d'"), HasSubstr("multiple of 256")));
}

TEST(StrictLoading, RefusesWeightsWithoutAxesWhereAWidthIsLookedFor) {
  EXPECT_THAT(Complaint([](Checkpoint& c) {
                TakeHiera(c);
                c.tensors["image_encoder.trunk.patch_embed.proj.weight"] = at::zeros({});
              }),
              AllOf(HasSubstr("patch_embed.proj.weight' has shape []"), HasSubstr("[*, 3, 7, 7]")));
  EXPECT_THAT(Complaint([](Checkpoint& c) {
                c.tensors["image_encoder.trunk.body.stages_0.blocks.0.se.fc1.weight"] =
                    at::zeros({});
              }),
              AllOf(HasSubstr("se.fc1.weight' has shape []"), HasSubstr("[*, 48, 1, 1]")));
}

// ---------------------------------------------------------------- depths

struct Cut {
  const char *member, *prefix;  // of what is not there
};

class Depths : public testing::TestWithParam<Cut> {};

TEST_P(Depths, AWholeLayerThatIsMissingIsNamed) {
  EXPECT_THAT(Complaint(
                  [](Checkpoint& c) {
                    c = Member(GetParam().member);
                    EraseAll(c, GetParam().prefix);
                  },
                  ErrorCode::kBadCheckpoint, 256),
              AllOf(HasSubstr(std::string("'") + GetParam().prefix), HasSubstr("is missing")));
}

INSTANTIATE_TEST_SUITE_P(
    OfKnownMembers, Depths,
    testing::Values(Cut{"sam2.1-tiny", "memory_attention.layers.3."},
                    Cut{"sam2.1-tiny", "memory_encoder.fuser.layers.1."},
                    Cut{"sam2.1-tiny", "sam_mask_decoder.transformer.layers.1."},
                    Cut{"sam2.1-tiny", "obj_ptr_proj.layers.2."},
                    Cut{"edgetam", "image_encoder.trunk.body.stages_3."},
                    Cut{"edgetam", "image_encoder.trunk.body.stages_2.blocks.13."},
                    Cut{"edgetam", "spatial_perceiver.layers.1."},
                    Cut{"edgetam", "memory_attention.layers.1."}));

TEST(StrictLoading, TakesTheWholeMembers) {
  for (const char* member : {"sam2.1-tiny", "edgetam"}) {
    EXPECT_EQ(Load([&](Checkpoint& c) { c = Member(member); }, 256)->config().member, member);
  }
}

TEST(StrictLoading, TheMetadataTellTheBuiltInModelsDepth) {
  const auto cut = [](Checkpoint& c) { EraseAll(c, "memory_attention.layers.1."); };
  EXPECT_THAT(Complaint(cut), HasSubstr("'memory_attention.layers.1.norm1.weight' is missing"));
  EXPECT_NE(Load([&](Checkpoint& c) {
              cut(c);
              c.metadata["memory_attention_layers"] = "1";
            }),
            nullptr);
}

TEST(StrictLoading, RefusesDepthsThatAreNone) {
  for (const char* depth : {"0", "-1"}) {
    EXPECT_THAT(Complaint([&](Checkpoint& c) {
                  EraseAll(c, "memory_attention.layers.");
                  c.metadata["memory_attention_layers"] = depth;
                }),
                HasSubstr("memory_attention_layers='" + std::string(depth) + "'"));
  }
}

TEST(StrictLoading, OfUnknownDepthOneLayerIsTheLeast) {
  const auto with_layers = [](int count) {
    return [=](Checkpoint& c) {
      c.metadata.erase("memory_attention_layers");
      EraseAll(c, "memory_attention.layers." + (count == 0 ? "" : std::to_string(count) + "."));
    };
  };
  EXPECT_NE(Load(with_layers(1)), nullptr);
  EXPECT_THAT(Complaint(with_layers(0)),
              HasSubstr("'memory_attention.layers.0.norm1.weight' is missing"));
}

TEST(StrictLoading, AStageThatIsMissingIsNamed) {
  EXPECT_THAT(Complaint([](Checkpoint& c) { EraseAll(c, "image_encoder.trunk.body.stages_3."); }),
              AllOf(HasSubstr("'image_encoder.trunk.body.stages_3."), HasSubstr("is missing")));
  EXPECT_THAT(Complaint([](Checkpoint& c) {
                EraseAll(c, "image_encoder.trunk.body.stages_3.blocks.");
              }),
              AllOf(HasSubstr("stages_3.blocks.0."), HasSubstr("is missing")));
}

TEST(StrictLoading, AHieraHasFourStages) {
  EXPECT_THAT(Complaint([](Checkpoint& c) { TakeHiera(c, 3); }),
              AllOf(HasSubstr("blocks.3.proj.weight' is missing"), HasSubstr("3 of 4 stages")));
  EXPECT_THAT(Complaint([](Checkpoint& c) { TakeHiera(c, 5); }),
              HasSubstr("blocks.4.proj.weight' opens a fifth stage"));
  EXPECT_THAT(Complaint([](Checkpoint& c) { TakeHiera(c, 0); }),
              HasSubstr("blocks.0.norm1.weight' is missing"));
}

TEST(StrictLoading, AHierasFirstBlockOpensNoStage) {
  EXPECT_THAT(Complaint([](Checkpoint& c) {
                TakeHiera(c);
                AddLayer(c, "image_encoder.trunk.blocks.0.proj", {96, 48});
              }),
              AllOf(HasSubstr("'image_encoder.trunk.blocks.0.proj."), HasSubstr("no such tensor")));
}

}  // namespace
}  // namespace sam2
