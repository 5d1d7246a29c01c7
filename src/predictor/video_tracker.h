// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>

#include "predictor/engine.h"
#include "predictor/memory_bank.h"
#include "predictor/tracker_step.h"
#include "sam2.h"

namespace sam2 {

// See sam2.h. Semantics of SAM2VideoPredictor on a stream: every frame is seen
// once, in order. An object that is prompted on a frame is decoded alone, as
// the reference does; all others are followed as one batch.
class StreamingTracker : public VideoTracker {
 public:
  StreamingTracker(std::shared_ptr<ModelEngine> engine, const TrackerOptions& options);

  StepResult Step(const FrameView& frame, std::int64_t pts_ns,
                  std::span<const Prompt> prompts) override;
  void Reset() override;

 private:
  struct TrackedObject {
    int id;
    MemoryBank bank;
    std::int64_t last_seen_ns;
  };
  // One object's prompts on the current frame, put together.
  struct PendingPrompt {
    PromptAction action = PromptAction::kAdd;
    std::vector<Prompt> prompts;
  };
  // Ids with their prompts, and which objects are to go.
  struct FramePlan {
    std::map<int, PendingPrompt> pending;
    std::vector<int> removed;
  };
  // What the network said of one object on the current frame.
  struct ObjectAnswer {
    int id;
    bool prompted;
    int64_t row;  // of `output`
    const StepOutput* output;
  };

  FramePlan PlanPrompts(const FrameView& frame, std::span<const Prompt> prompts,
                        std::vector<PromptOutcome>& outcomes);
  void PlanPrompt(const FrameView& frame, const Prompt& prompt, FramePlan& plan,
                  PromptOutcome& outcome);
  // Empty when the action fits the object, else why not.
  std::string CheckAction(const Prompt& prompt, const FramePlan& plan) const;
  bool Exists(int id, const FramePlan& plan) const;

  FramePrompt ToNetwork(const FrameView& frame, const PendingPrompt& pending) const;
  std::vector<Object> RunStep(const FrameView& frame, std::int64_t pts_ns,
                              const FramePlan& plan);
  void Remember(const std::vector<ObjectAnswer>& answers, std::int64_t pts_ns,
                const FramePlan& plan);
  Object Report(const FrameView& frame, const ObjectAnswer& answer, std::int64_t pts_ns) const;

  TrackedObject* Find(int id);
  const TrackedObject* Find(int id) const;

  std::shared_ptr<ModelEngine> engine_;
  TrackerOptions options_;
  std::vector<TrackedObject> objects_;
  int64_t frame_ = 0;
  int next_id_ = 1;
};

}  // namespace sam2
