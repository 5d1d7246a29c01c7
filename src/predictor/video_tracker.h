// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>

#include "image/frame.h"
#include "predictor/confidence.h"
#include "predictor/cut_detector.h"
#include "predictor/engine.h"
#include "predictor/frame_ahead.h"
#include "predictor/late_memories.h"
#include "predictor/memory_bank.h"
#include "predictor/motion.h"
#include "predictor/prompt_plan.h"
#include "predictor/readout.h"
#include "predictor/tracker_step.h"
#include "sam2.h"

namespace sam2 {

// See sam2.h. Semantics of SAM2VideoPredictor on a stream: every frame is seen
// once, in order. Objects that are prompted on a frame are decoded by their
// prompts, as the reference does, all others followed as one batch.
class StreamingTracker : public VideoTracker {
 public:
  StreamingTracker(std::shared_ptr<ModelEngine> engine, const TrackerOptions& options);

  StepResult Step(const FrameView& frame, std::int64_t pts_ns,
                  std::span<const Prompt> prompts, std::stop_token stop = {}) override;
  void Expect(const FrameView* frame) override;
  StepResult Predict(std::int64_t pts_ns) override;
  void Reset() override;

 private:
  struct TrackedObject {
    MemoryBank bank;
    // Frames that the bank has heard of. Counted for each object, so that a
    // frame on which nobody looked for it does not age its memories.
    int64_t frames = 0;
    BoxMotion motion;  // of boxes relative to the frame
    Confidence confidence;
    bool across_cut = false;  // not seen since a cut
    int64_t last_anchor = 0;  // as frames
    float fill = 1;           // how much of its box the object covers
    std::int64_t last_seen_ns = 0, last_looked_ns = 0;
    Object report;  // of the last step
    int id() const { return report.id; }
  };
  // What the network said of one object on the current frame.
  struct ObjectAnswer {
    int id = 0;
    bool prompted = false;
    ObjectMemory memory;  // of this frame, not yet in its bank
    Sight sight;
    Tensor mask;  // see Readout
    Object report;
  };
  using FramePrompts = std::map<int, FramePrompt>;  // by object
  // Some of the objects that are followed, and what the network says of them.
  struct Following {
    std::span<const TrackedObject* const> objects;
    std::vector<MemoryBank::Selection> selections;
    StepOutput output;
    std::optional<Readout> readout;
  };

  using Looks = std::map<int, Object>;  // by object

  PromptPlan NewPlan() const;
  // Whether the object is lost and was looked for a moment ago.
  bool Rests(const TrackedObject& object, std::int64_t pts_ns) const;

  // What a search window or a second look shows of the objects that begin on this frame.
  Looks LookClosely(const FrameView& frame, const PromptPlan& plan,
                    const std::stop_token& stop) const;
  FramePrompt ToNetwork(const FrameView& frame, const PromptPlan::Pending& pending) const;
  Tensor ToNetwork(const FrameView& frame, const Mask& mask) const;
  // What is asked of the network. Looks that its size has no pixel of are dropped.
  FramePrompts Ask(const FrameView& frame, const PromptPlan& plan, Looks& looks) const;
  // This frame's features: as it was encoded ahead, or else as they come of a request.
  struct Encoding {
    std::unique_ptr<FrameAhead> ahead;
    std::optional<EncoderBatcher::Request> request;
    const FrameFeatures& Features();  // in the stream's turn
    const Tensor& image() const { return ahead ? ahead->image() : request->image(); }
  };
  // Of the next frame: beside this one's step, or when a GPU has been given all of that.
  void EncodeBeside();
  void EncodeBehind();
  void RunStep(Encoding& encoding, const FrameView& frame, std::int64_t pts_ns,
               const PromptPlan& plan, Looks looks);
  std::vector<const TrackedObject*> Followed(std::int64_t pts_ns, const PromptPlan& plan,
                                             const FramePrompts& asked) const;
  void FollowPart(const FrameFeatures& features, std::int64_t pts_ns, const Pieces& within,
                  Following& part) const;
  // Gives the prompts that refine what is followed their objects' answers.
  std::vector<ObjectAnswer> FollowObjects(const FrameFeatures& features, std::int64_t pts_ns,
                                          const PromptPlan& plan, FramePrompts& asked,
                                          std::vector<LateMemories::Part>& late);
  std::vector<ObjectAnswer> AnswerPrompts(const FrameFeatures& features,
                                          const FramePrompts& asked,
                                          std::vector<LateMemories::Part>& late);
  // The answers. Their memories are in the store, or have their place there and
  // are added to `late`.
  std::vector<ObjectAnswer> Collect(const StepOutput& output, Readout& readout,
                                    std::vector<LateMemories::Part>& late);
  // Where motion has these objects, for MemoryPolicy::kRobust.
  MotionPrior Prior(std::span<const TrackedObject* const> objects, std::int64_t pts_ns) const;
  // Completes the answer by what it means. cut: the frame begins a scene.
  void Report(const FrameView& frame, std::int64_t pts_ns, bool cut, ObjectAnswer& answer) const;
  // Whether an object that the network calls present is to be taken as seen.
  bool IsSeen(const ObjectAnswer& answer, bool cut) const;
  ObjectState UnseenState(const TrackedObject* object, std::int64_t pts_ns) const;
  // Takes over the answer and what was made of it. Does not fail.
  void Learn(const FrameView& frame, std::int64_t pts_ns, bool cut, const PromptPlan& plan,
             ObjectAnswer answer);
  void Remember(TrackedObject& object, const ObjectAnswer& answer) const;
  bool IsWorthRemembering(const TrackedObject& object, const ObjectAnswer& answer) const;
  void Follow(TrackedObject& object, const FrameView& frame, std::int64_t pts_ns,
              const ObjectAnswer& answer) const;
  Object Predicted(const TrackedObject& object, std::int64_t pts_ns) const;

  TrackedObject* Find(int id);
  const TrackedObject* Find(int id) const;
  TrackedObject& FindOrAdd(int id);

  std::shared_ptr<ModelEngine> engine_;
  TrackerOptions options_;
  MemoryStore store_;  // before those whose memories it holds
  std::vector<TrackedObject> objects_;  // in order of their first appearance
  int frame_width_ = 0, frame_height_ = 0;  // of the last step
  int next_id_ = 1;
  FrameReader reader_;
  std::optional<FrameView> expected_;  // after the next frame
  std::optional<FrameView> next_;      // after this one, until it is encoded
  std::unique_ptr<FrameAhead> ahead_;  // of the next frame, perhaps; before its reader goes
  CutDetector cuts_;
  LateMemories late_memories_;
};

}  // namespace sam2
