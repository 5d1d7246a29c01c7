// SPDX-License-Identifier: Apache-2.0
//
// That a tracker step in its form for a GPU can be captured: what runs depends
// on shapes alone, and nothing waits for the device or comes from the host. On
// the CPU with values, and with meta tensors, which take all branches that are
// not the CPU's and have no value that could be asked for.
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator_log.h"
#include "predictor/memory_batch.h"
#include "step_input.h"

namespace sam2 {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

// Every tensor elsewhere: only shapes and types are left on kMeta.
StepInput On(at::Device device, StepInput input) {
  for (Tensor* tensor :
       {&input.features.embedding, &input.features.feat_s0, &input.features.feat_s1,
        &input.memories.features, &input.memories.obj_ptrs, &input.memories.positions,
        &input.memories.counts, &input.motion.boxes, &input.motion.areas, &input.motion.weight}) {
    if (tensor->defined()) *tensor = tensor->to(device);
  }
  return input;
}

class StepOperators : public testing::TestWithParam<at::DeviceType> {
 protected:
  StepOperators() : host_(BuiltinOn(at::kCPU)), model_(BuiltinOn(GetParam())) {}

  // Objects of these ages into a new frame.
  StepInput Input(const std::vector<int64_t>& ages, bool motion) const {
    const SomeObjects objects(host_, ages);
    return On(GetParam(),
              {.features = SomeFeatures(host_),
               .memories = GatherMemories(objects.store(), objects.selections(),
                                          BatchShapes::For(host_, /*on_gpu=*/true)),
               .motion = motion ? SomeMotion(std::ssize(ages)) : MotionPrior{}});
  }

  std::vector<Operator> OperatorsOf(const StepInput& input) const {
    const TrackerStep step(model_, /*on_gpu=*/true);
    const OperatorLog log;
    const StepOutput output = step.FollowBatch(input);
    EXPECT_TRUE(output.memory.defined());
    EXPECT_THAT(log.Forbidden(), IsEmpty());
    return log.operators();
  }

  const c10::InferenceMode inference_mode_;
  const Sam2Model host_, model_;
};

TEST_P(StepOperators, NoneWaitsForTheDevice) {
  for (const bool motion : {false, true}) {
    for (const std::vector<int64_t>& ages : {std::vector<int64_t>{40}, {40, 3, 20, 1}}) {
      EXPECT_GT(OperatorsOf(Input(ages, motion)).size(), 200u);
    }
  }
}

TEST_P(StepOperators, AreTheSameForAllStepsOfAShape) {
  for (const bool motion : {false, true}) {
    // Whatever the memories are and hold: new objects, others far apart in age.
    EXPECT_EQ(OperatorsOf(Input({1, 1}, motion)), OperatorsOf(Input({5, 33}, motion)));
    EXPECT_EQ(OperatorsOf(Input({16, 16}, motion)), OperatorsOf(Input({60, 17}, motion)));
  }
  EXPECT_NE(OperatorsOf(Input({1, 1}, false)), OperatorsOf(Input({16, 16}, false)));
}

TEST_P(StepOperators, OfTheImageEncoderNoneWaitsForTheDevice) {
  const OperatorLog log;
  SomeFeatures(model_);
  EXPECT_THAT(log.Forbidden(), IsEmpty());
  EXPECT_GT(log.operators().size(), 100u);
}

TEST_P(StepOperators, AttentionIsAskedForAsItsKernelsTakeIt) {
  if (GetParam() == at::kCPU) GTEST_SKIP() << "the CPU has its own attention";
  int count = 0;
  for (const Operator& op : OperatorsOf(Input({40, 3}, /*motion=*/false))) {
    if (op.name != "aten::scaled_dot_product_attention") continue;
    ++count;
    const size_t begin = op.inputs.find('['), end = op.inputs.find(']');
    EXPECT_EQ(std::count(&op.inputs[begin], &op.inputs[end], ','), 3) << op.inputs;
    EXPECT_NE(op.inputs.substr(end, 4), "][0,") << "one row for all objects: " << op.inputs;
  }
  EXPECT_GT(count, 8);
}

INSTANTIATE_TEST_SUITE_P(Devices, StepOperators, testing::Values(at::kCPU, at::kMeta),
                         [](const auto& info) { return c10::DeviceTypeName(info.param, true); });

// ---------------------------------------------------------------- the log itself

int ForbiddenIn(const std::function<void()>& job) {
  const OperatorLog log;
  job();
  return static_cast<int>(log.Forbidden().size());
}

TEST(OperatorLog, KnowsWhatMustNotBeCaptured) {
  const c10::InferenceMode inference_mode;
  const Tensor x = at::randn({4, 4}), meta = x.to(at::kMeta);
  EXPECT_EQ(ForbiddenIn([&] { at::relu(x + 1.0).sum(); }), 0);
  EXPECT_GT(ForbiddenIn([&] { x.sum().item<float>(); }), 0);
  EXPECT_GT(ForbiddenIn([&] { at::nonzero(x); }), 0);
  EXPECT_GT(ForbiddenIn([&] { x.index({x > 0}); }), 0);
  EXPECT_GT(ForbiddenIn([&] { at::masked_select(x, x > 0); }), 0);
  EXPECT_GT(ForbiddenIn([&] { at::is_nonzero(x.sum()); }), 0);
  EXPECT_GT(ForbiddenIn([&] { at::tensor({1.0f, 2.0f}, meta.options()); }), 0);
  EXPECT_GT(ForbiddenIn([&] { meta + x.to(at::kMeta); }), 0);
}

}  // namespace
}  // namespace sam2
