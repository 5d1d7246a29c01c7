// SPDX-License-Identifier: Apache-2.0
//
// What makes the network fast against the plain way of computing the same.
// (tests/parity/run compares every stage with the reference besides.)
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <thread>

#include "checkpoint/checkpoint.h"
#include "checkpoint/weights.h"
#include "error_of.h"
#include "model/attention.h"
#include "model/rope.h"
#include "model/row_kernels.h"
#include "model/sam2_model.h"
#include "predictor/engine.h"
#include "predictor/late_memories.h"
#include "scene.h"

namespace sam2 {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr double kMasked = -std::numeric_limits<double>::infinity();

double RelativeError(const Tensor& x, const Tensor& truth) {
  const Tensor exact = truth.to(at::kDouble);
  return ((x.to(at::kDouble) - exact).abs().max() / exact.abs().max()).item<double>();
}

// ---------------------------------------------------------------- rows

class RowsOfType : public testing::TestWithParam<at::ScalarType> {
 protected:
  // bf16 keeps 8 bits.
  double tolerance() const { return GetParam() == at::kFloat ? 1e-5 : 1e-2; }
  Tensor Random(at::IntArrayRef sizes) const { return at::randn(sizes).to(GetParam()); }
};

TEST_P(RowsOfType, NormWithGeluIsThePlainOne) {
  at::manual_seed(7);
  for (const int64_t width : {1, 4, 16, 19, 64, 256}) {
    const Tensor x = Random({3, 37, width}) * 3 + 1, weight = Random({width}), bias = Random({width});
    const Tensor plain = at::gelu(at::layer_norm(x.to(at::kDouble), {width}, weight.to(at::kDouble),
                                                 bias.to(at::kDouble), 1e-6));
    const Tensor y = x.clone();
    rows::NormGelu(y, weight, bias, 1e-6);
    EXPECT_LT(RelativeError(y, plain), tolerance()) << width;
  }
}

TEST_P(RowsOfType, NormWithGeluOfHugeValuesStaysFinite) {
  const Tensor x = at::tensor({-1e30, 0.0, 1.0, 2.0}).to(GetParam()).view({1, 4});
  rows::NormGelu(x, at::full({4}, 1e4, x.options()), at::zeros({4}, x.options()), 1e-6);
  EXPECT_TRUE(x.isfinite().all().item<bool>());
}

TEST_P(RowsOfType, NormWithGeluKeepsNaN) {
  const Tensor x = at::full({2, 16}, 1.0, GetParam());
  x[1][3] = std::numeric_limits<double>::quiet_NaN();
  rows::NormGelu(x, at::ones({16}, x.options()), at::zeros({16}, x.options()), 1e-6);
  EXPECT_TRUE(x[0].isfinite().all().item<bool>());
  EXPECT_TRUE(x[1].isnan().all().item<bool>());
}

TEST_P(RowsOfType, RotationIsThePlainOneAndTouchesNothingElse) {
  at::manual_seed(7);
  const AxialRope rope(24, 3, 5, GetParam(), at::kCPU);
  // Two rows of three maps, each with tokens before and between that are not rotated.
  const Tensor all = Random({2, 70, 24}), before = all.clone();
  const auto maps = [](const Tensor& x) {
    return x.slice(1, 4, 64).unflatten(1, {3, 20}).slice(2, 5);
  };
  const std::vector<Tensor> halves = maps(before).to(at::kDouble).chunk(2, -1);
  const Tensor plain = at::cat(halves, -1) * rope.cos.to(at::kDouble) +
                       at::cat({halves[1], halves[0]}, -1) * rope.sin.to(at::kDouble);
  rope.Rotate(maps(all));
  EXPECT_LT(RelativeError(maps(all), plain), tolerance());
  maps(all).copy_(maps(before));
  EXPECT_TRUE(at::equal(all, before));
}

INSTANTIATE_TEST_SUITE_P(Types, RowsOfType, testing::Values(at::kFloat, at::kBFloat16));

TEST(Rows, OthersAreLeftToThePlainOperators) {
  EXPECT_TRUE(rows::Take(at::zeros({2, 4})));
  EXPECT_FALSE(rows::Take(at::zeros({2, 4}, at::kDouble)));
  EXPECT_FALSE(rows::Take(at::zeros({4, 2}).t()));
  EXPECT_TRUE(rows::Know(at::zeros({4, 2}).t()));
  EXPECT_FALSE(rows::Know(at::zeros({4, 2}, at::kDouble).t()));
  EXPECT_FALSE(rows::Take(at::zeros({0, 4})));
}

// ---------------------------------------------------------------- attention

struct Shape {
  std::vector<int64_t> batch;
  int64_t queries, keys, D, E;
};

struct Operands {
  Tensor q, k, v;
};

Operands Random(const Shape& shape, at::ScalarType dtype) {
  at::manual_seed(7);
  const auto make = [&](int64_t rows, int64_t width) {
    std::vector<int64_t> sizes = shape.batch;
    sizes.insert(sizes.end(), {rows, width});
    return at::randn(sizes).to(dtype);
  };
  // Sharp enough that the largest score of a row matters.
  return {make(shape.queries, shape.D) * 2, make(shape.keys, shape.D), make(shape.keys, shape.E)};
}

Tensor PlainAttention(const Operands& x, const Tensor& bias = {}) {
  const Tensor q = x.q.to(at::kDouble), k = x.k.to(at::kDouble), v = x.v.to(at::kDouble);
  Tensor scores = at::matmul(q, k.transpose(-1, -2)) / std::sqrt(static_cast<double>(q.size(-1)));
  if (bias.defined()) scores = scores + bias.to(at::kDouble);
  return at::matmul(at::softmax(scores, -1), v);
}

class AttentionOfShape : public testing::TestWithParam<Shape> {};

TEST_P(AttentionOfShape, IsThePlainOneInFp32) {
  const Operands x = Random(GetParam(), at::kFloat);
  EXPECT_LT(RelativeError(ScaledDotProductAttention(x.q, x.k, x.v), PlainAttention(x)), 1e-5);
}

TEST_P(AttentionOfShape, IsThePlainOneInBf16) {
  const Operands x = Random(GetParam(), at::kBFloat16);
  EXPECT_LT(RelativeError(ScaledDotProductAttention(x.q, x.k, x.v), PlainAttention(x)), 2e-2);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, AttentionOfShape,
    testing::Values(Shape{{1}, 1, 1, 8, 8}, Shape{{2, 4}, 49, 49, 24, 24},
                    Shape{{1}, 300, 512, 32, 16},      // one block of keys, exactly
                    Shape{{1}, 300, 513, 32, 16},      // one key more
                    Shape{{1}, 2500, 1700, 32, 16},    // several blocks of both
                    Shape{{5}, 256, 1856, 64, 64}, Shape{{2, 3}, 100, 1200, 16, 40},
                    Shape{{2, 8}, 256, 8, 8, 8},       // few keys
                    Shape{{3}, 5, 16, 32, 24}));

Tensor Bias(int64_t rows, int64_t keys, int64_t from, int64_t to) {
  Tensor bias = at::zeros({rows, 1, keys});
  bias.slice(2, from, to).fill_(kMasked);
  return bias;
}

TEST(Attention, MaskedKeysAreAsIfTheyWereNotThere) {
  const Operands x = Random({{2}, 70, 1500, 32, 16}, at::kFloat);
  const Tensor out = ScaledDotProductAttention(x.q, x.k, x.v, Bias(2, 1500, 600, 1500));
  const Operands kept{x.q, x.k.slice(1, 0, 600), x.v.slice(1, 0, 600)};
  EXPECT_LT(RelativeError(out, PlainAttention(kept)), 1e-5);
}

TEST(Attention, AMaskedFirstBlockLeavesNoTrace) {
  const Operands x = Random({{1}, 70, 1500, 32, 16}, at::kFloat);
  const Tensor out = ScaledDotProductAttention(x.q, x.k, x.v, Bias(1, 1500, 0, 1100));
  const Operands kept{x.q, x.k.slice(1, 1100), x.v.slice(1, 1100)};
  EXPECT_LT(RelativeError(out, PlainAttention(kept)), 1e-5);
}

TEST(Attention, EachRowOfABatchHasItsOwnMask) {
  const Operands x = Random({{2}, 70, 1500, 32, 16}, at::kFloat);
  Tensor bias = Bias(2, 1500, 700, 1500);
  bias.select(0, 0).zero_();
  const Tensor out = ScaledDotProductAttention(x.q, x.k, x.v, bias);
  EXPECT_LT(RelativeError(out, PlainAttention(x, bias)), 1e-5);
  EXPECT_GT(RelativeError(out, PlainAttention(x)), 1e-2);
}

TEST(Attention, AmongFewKeysMaskedOnesAreAsIfTheyWereNotThere) {
  const Operands x = Random({{2}, 70, 9, 32, 16}, at::kFloat);
  const Tensor out = ScaledDotProductAttention(x.q, x.k, x.v, Bias(2, 9, 4, 9));
  const Operands kept{x.q, x.k.slice(1, 0, 4), x.v.slice(1, 0, 4)};
  EXPECT_LT(RelativeError(out, PlainAttention(kept)), 1e-5);
  EXPECT_GT(RelativeError(out, PlainAttention(x)), 1e-2);
}

TEST(Attention, HugeScoresDoNotOverflow) {
  Operands x = Random({{1}, 70, 1500, 32, 16}, at::kFloat);
  x.q = x.q * 1e4;
  const Tensor out = ScaledDotProductAttention(x.q, x.k, x.v);
  EXPECT_TRUE(at::isfinite(out).all().item<bool>());
}

// ---------------------------------------------------------------- convolutions

TEST(Conv2d, AddToLeavesTheSumInThePlaceOfTheFirst) {
  const c10::InferenceMode inference_mode;
  at::manual_seed(7);
  const Tensor weight = at::randn({24, 16, 1, 1}), bias = at::randn({24});
  const Tensor x = at::randn({2, 16, 8, 8}).contiguous(at::MemoryFormat::ChannelsLast);
  const Tensor start = at::randn({2, 24, 8, 8}).contiguous(at::MemoryFormat::ChannelsLast);
  const Tensor truth = start + at::conv2d(x, weight, bias);
  for (const int64_t side : {int64_t{0}, int64_t{8}}) {  // 0: not packed
    const Conv2d conv(weight, bias, {.side = side});
    const Tensor sum = start.clone();
    const Tensor result = conv.AddTo(sum, x);
    EXPECT_LT(RelativeError(sum, truth), 1e-5) << side;
    EXPECT_EQ(result.const_data_ptr(), sum.const_data_ptr()) << side;
    EXPECT_GT(RelativeError(conv(x), truth), 1e-2) << side;
  }
}

// ---------------------------------------------------------------- neck

using Change = std::function<void(Checkpoint&)>;

Tensor PlainConv(const Checkpoint& checkpoint, const std::string& name, const Tensor& x) {
  return at::conv2d(x, checkpoint.tensors.at(name + ".weight").to(at::kFloat),
                    checkpoint.tensors.at(name + ".bias").to(at::kFloat));
}

TEST(Neck, TheFoldedConvolutionsAreThoseOfTheCheckpointInTurn) {
  const c10::InferenceMode inference_mode;
  const Checkpoint checkpoint = ReadCheckpoint(SAM2_BUILTIN_MODEL);
  Weights weights(ReadCheckpoint(SAM2_BUILTIN_MODEL), "builtin", at::kFloat, at::kCPU);
  const Sam2Model model(weights, 0);
  at::manual_seed(7);
  const Tensor image = at::randn({1, 3, 256, 256}).contiguous(at::MemoryFormat::ChannelsLast);
  const std::vector<Tensor> maps = model.image_encoder().Trunk(image);
  const FrameFeatures features = model.EncodeImage(image);
  const auto plain = [&](const char* first, const char* second, const Tensor& map) {
    return PlainConv(checkpoint, second, PlainConv(checkpoint, first, map));
  };
  EXPECT_LT(RelativeError(features.feat_s0, plain("image_encoder.neck.convs.3.conv",
                                                  "sam_mask_decoder.conv_s0", maps[0])), 1e-4);
  EXPECT_LT(RelativeError(features.feat_s1, plain("image_encoder.neck.convs.2.conv",
                                                  "sam_mask_decoder.conv_s1", maps[1])), 1e-4);
}

std::string LoadingError(const Change& change) {
  Checkpoint checkpoint = ReadCheckpoint(SAM2_BUILTIN_MODEL);
  change(checkpoint);
  Weights weights(std::move(checkpoint), "changed.safetensors", at::kFloat, at::kCPU);
  const Error error = ErrorOf([&] { Sam2Model(weights, 0); });
  EXPECT_EQ(error.code(), ErrorCode::kBadCheckpoint);
  return error.what();
}

TEST(Neck, AMissingHalfOfAFoldedPairIsNamed) {
  EXPECT_THAT(LoadingError([](Checkpoint& c) { c.tensors.erase("sam_mask_decoder.conv_s0.weight"); }),
              HasSubstr("sam_mask_decoder.conv_s0.weight"));
}

TEST(Neck, AMisshapenHalfOfAFoldedPairIsNamedWithBothShapes) {
  EXPECT_THAT(LoadingError([](Checkpoint& c) {
                Tensor& bias = c.tensors.at("sam_mask_decoder.conv_s1.bias");
                bias = bias.slice(0, 1);
              }),
              AllOf(HasSubstr("sam_mask_decoder.conv_s1.bias"), HasSubstr("31"),
                    HasSubstr("32")));
}

TEST(Neck, AFoldedPairThatDoesNotFitTogetherIsRefused) {
  EXPECT_THAT(LoadingError([](Checkpoint& c) {
                Tensor& weight = c.tensors.at("image_encoder.neck.convs.3.conv.weight");
                weight = weight.slice(0, 1);
              }),
              HasSubstr("image_encoder.neck.convs.3.conv.weight"));
}

// ---------------------------------------------------------------- pieces

std::shared_ptr<ModelEngine> OpenEngine(const std::string& precision, int threads) {
  const auto engine = std::make_shared<ModelEngine>(
      Resolve({.model = SAM2_BUILTIN_MODEL, .device = "cpu", .precision = precision}));
  engine->set_threads(threads);
  return engine;
}

TEST(Engines, OfOneDeviceRunTheirStepsOnOneThread) {
  const auto exact = OpenEngine("fp32", 1), fast = OpenEngine("bf16", 2);
  const auto thread_of = [](ModelEngine& engine) {
    std::thread::id id;
    engine.Run([&] { id = std::this_thread::get_id(); });
    return id;
  };
  EXPECT_EQ(thread_of(*exact), thread_of(*fast));
  EXPECT_NE(thread_of(*exact), std::this_thread::get_id());
}

// Masks of three discs, frame by frame; the third from frame 4.
std::vector<std::vector<Object>> FollowThree(int threads, MemoryPolicy policy) {
  const auto tracker =
      OpenEngine("fp32", threads)->CreateVideoTracker({.memory_policy = policy});
  std::vector<std::vector<Object>> frames;
  for (int frame = 0; frame < 10; ++frame) {
    const float x = 80 + 3 * static_cast<float>(frame);
    const std::vector<Disc> discs = {{x, 80, 30, 230, 50, 40}, {230, 110, 26, 40, 70, 235},
                                     {290, 40, 20, 30, 200, 60}};
    std::vector<Prompt> prompts;
    for (size_t i = 0; i < discs.size(); ++i) {
      if (frame == (i < 2 ? 0 : 4)) prompts.emplace_back().box = BoxOf(discs[i]);
    }
    frames.push_back(
        tracker->Step(Picture(320, 180, discs).view(), frame * 40'000'000, prompts).objects);
  }
  return frames;
}

TEST(Pieces, ObjectsOnSeveralThreadsAreAsOnOne) {
  for (const MemoryPolicy policy : {MemoryPolicy::kOfficial, MemoryPolicy::kRobust}) {
    const auto one = FollowThree(1, policy), several = FollowThree(3, policy);
    for (size_t frame = 0; frame < one.size(); ++frame) {
      ASSERT_EQ(one[frame].size(), frame < 4 ? 2u : 3u);
      ASSERT_EQ(several[frame].size(), one[frame].size());
      for (size_t i = 0; i < one[frame].size(); ++i) {
        EXPECT_FALSE(one[frame][i].mask.empty());
        EXPECT_EQ(several[frame][i].id, one[frame][i].id);
        EXPECT_GE(Iou(several[frame][i].mask, one[frame][i].mask), 0.999) << frame;
      }
    }
  }
}

// One frame's features, answers for two objects and a store with a memory in use.
struct Late {
  explicit Late(ModelEngine& engine) {
    const int64_t side = engine.model().image_size() / 4;
    at::manual_seed(7);
    features = engine.model().EncodeImage(at::randn({1, 3, 4 * side, 4 * side}));
    heads.masks = at::randn({2, 1, side, side}) * 5;
    heads.object_score_logits = at::tensor({1.0f, -1.0f}).view({2, 1});
    memory = engine.model().EncodeMemory(features, heads, /*binarize=*/false);
    first = store.features.Write(at::zeros_like(memory.slice(0, 0, 1)));
    slots = store.features.Take(2);
  }
  LateMemories::Part Part() const {
    return {.features = features, .heads = heads, .slots = slots, .memory = {}};
  }

  const c10::InferenceMode inference_mode;
  FrameFeatures features;
  HeadsOutput heads;
  Tensor memory;  // the truth
  MemoryStore store;
  std::vector<SlotBuffer::Slot> first, slots;
};

TEST(LateMemories, AreThoseEncodedAtOnce) {
  for (const int threads : {1, 2}) {
    const auto engine = OpenEngine("fp32", threads);
    Late late(*engine);
    LateMemories memories;
    memories.Begin(*engine, {late.Part()});
    memories.Finish(*engine, late.store);
    for (int i = 0; i < 2; ++i) {
      EXPECT_TRUE(at::equal(late.store.features.rows()[late.slots[i].index()], late.memory[i]));
    }
    EXPECT_TRUE(late.store.features.rows()[late.first[0].index()].eq(0).all().item<bool>());
  }
}

TEST(LateMemories, AFailureIsToldUntilTheyAreDropped) {
  for (const int threads : {1, 2}) {
    const auto engine = OpenEngine("fp32", threads);
    Late late(*engine);
    late.heads.masks = at::randn({2, 1, 8, 8, 8});
    LateMemories memories;
    memories.Begin(*engine, {late.Part()});
    EXPECT_ANY_THROW(memories.Finish(*engine, late.store));
    EXPECT_ANY_THROW(memories.Finish(*engine, late.store));
    memories.Drop();
    EXPECT_NO_THROW(memories.Finish(*engine, late.store));
  }
}

TEST(LateMemories, KeepTheirPlacesUntilTheyAreDropped) {
  const auto engine = OpenEngine("fp32", 2);
  Late late(*engine);
  LateMemories memories;
  memories.Begin(*engine, {late.Part()});
  late.slots.clear();
  EXPECT_EQ(late.store.features.used(), 3);
  memories.Drop();
  EXPECT_EQ(late.store.features.used(), 1);
}

// ---------------------------------------------------------------- precision

std::vector<Mask> Follow(const std::string& precision) {
  const auto tracker = OpenEngine(precision, 1)->CreateVideoTracker({});
  std::vector<Mask> masks;
  for (int frame = 0; frame < 12; ++frame) {
    const Disc disc{80.0f + 3 * static_cast<float>(frame), 80, 30, 230, 50, 40};
    const Picture picture(320, 180, {disc, {230, 110, 26, 40, 70, 235}});
    std::vector<Prompt> prompts;
    if (frame == 0) prompts.emplace_back().box = BoxOf(disc);
    masks.push_back(tracker->Step(picture.view(), frame * 40'000'000, prompts).objects[0].mask);
  }
  return masks;
}

TEST(Precision, Bf16FollowsTheSameMasksAsFp32) {
  const std::vector<Mask> exact = Follow("fp32"), fast = Follow("bf16");
  double sum = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    EXPECT_FALSE(exact[i].empty());
    sum += Iou(exact[i], fast[i]);
  }
  EXPECT_GE(sum / static_cast<double>(exact.size()), 0.98);
}

}  // namespace
}  // namespace sam2
