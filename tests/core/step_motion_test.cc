// SPDX-License-Identifier: Apache-2.0
//
// The step's choice among the masks, with motion and without.
#include <gtest/gtest.h>

#include "step_input.h"

namespace sam2 {
namespace {

// The built-in model with the same predicted IoU for every mask, and an object
// in whatever it is shown.
Sam2Model UndecidedModel() {
  Checkpoint checkpoint = ReadCheckpoint(SAM2_BUILTIN_MODEL);
  for (const char* name : {"weight", "bias"}) {
    Tensor& tensor =
        checkpoint.tensors.at(std::string("sam_mask_decoder.iou_prediction_head.layers.2.") + name);
    tensor = at::zeros_like(tensor);
  }
  for (int mask = 0; mask < 4; ++mask) {  // masks that are not empty, each another one
    std::string last = "sam_mask_decoder.output_hypernetworks_mlps.";
    last.append(std::to_string(mask)).append(".layers.2.");
    Tensor& weight = checkpoint.tensors.at(last + "weight");
    weight = at::zeros_like(weight);
    Tensor& bias = checkpoint.tensors.at(last + "bias");
    bias = at::randn(bias.sizes());
  }
  Tensor& present = checkpoint.tensors.at("sam_mask_decoder.pred_obj_score_head.layers.2.bias");
  present = at::full_like(present, 100);
  Weights weights(std::move(checkpoint), "undecided", at::kFloat, at::kCPU);
  return Sam2Model(weights, 0);
}

TEST(StepWithMotion, TakesTheMaskThatMotionSpeaksFor) {
  const c10::InferenceMode inference_mode;
  at::manual_seed(7);
  const Sam2Model model = UndecidedModel();
  const TrackerStep step(model, /*on_gpu=*/false);
  const FrameFeatures features = SomeFeatures(model);
  const SomeObjects objects(model, {3, 9, 5, 12});
  const GatheredMemories memories =
      GatherMemories(objects.store(), objects.selections(), step.shapes());
  const Tensor pix_feat = model.WithMemory(features, ToMemoryTokens(model, memories));
  const DecoderOutput decoded = model.DecodeUnprompted(features, pix_feat, 4);
  const auto taken = [&](const Tensor& choice) {
    return model.TakeMasks(decoded, choice, choice).masks;
  };
  const Tensor plain = taken(BestMultimask(decoded));
  EXPECT_TRUE(step.FollowBatch({.features = features, .memories = memories, .motion = {}})
                  .heads.masks.equal(plain));
  int moved = 0;  // how often motion was of consequence
  for (int i = 0; i < 20; ++i) {
    const MotionPrior motion = SomeMotion(4);
    const Tensor masks = step.FollowBatch({features, memories, motion}).heads.masks;
    EXPECT_TRUE(masks.equal(taken(BestMaskWithMotion(decoded, motion))));
    moved += !masks.equal(plain);
  }
  EXPECT_GT(moved, 0);
}

}  // namespace
}  // namespace sam2
