// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>

#include "image/frame.h"
#include "image/window.h"
#include "predictor/confidence.h"
#include "predictor/cut_detector.h"
#include "predictor/engine.h"
#include "predictor/follow_window.h"
#include "predictor/late_memories.h"
#include "predictor/memory_bank.h"
#include "predictor/motion.h"
#include "predictor/prompt_plan.h"
#include "predictor/readout.h"
#include "predictor/tracker_step.h"
#include "predictor/view.h"
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
    FollowWindow window;
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
    bool is_other = false;  // what was found is no such object
    Object report;
  };
  using FramePrompts = std::map<int, FramePrompt>;  // by object
  // Some of the objects that are followed in a view, and what the network says of them.
  struct Following {
    const View* view = nullptr;
    std::vector<const TrackedObject*> objects;
    std::vector<MemoryBank::Selection> selections;
    StepOutput output;
    std::optional<Readout> readout;
  };

  using Looks = std::map<int, Object>;  // by object

  PromptPlan NewPlan() const;
  // Whether the object is lost and was looked for a moment ago.
  bool Rests(const TrackedObject& object, std::int64_t pts_ns) const;

  // What a look up close, in a search window or a second time, shows of the objects that begin
  // on this frame.
  Looks LookClosely(const FrameView& frame, const PromptPlan& plan,
                    const std::stop_token& stop) const;
  // Where an object is looked for: one that is there, or begins on this frame.
  Window WindowFor(const FrameView& frame, int id, const PromptPlan& plan,
                   const Looks& looks) const;
  void ChooseWindows(const FrameView& frame, std::int64_t pts_ns, const PromptPlan& plan,
                     const Looks& looks, Views::Ahead& ahead, Views& views) const;
  // What is asked of the network. Looks that its size has no pixel of are dropped.
  FramePrompts Ask(const PromptPlan& plan, const Views& views, Looks& looks) const;
  // The next frame: beside this one's step, or when a GPU has been given all of that.
  void EncodeBeside(const Views& views);
  void EncodeBehind(const Views& views);
  void RunStep(Views& views, const FrameView& frame, std::int64_t pts_ns, const PromptPlan& plan,
               Looks looks);
  std::vector<const TrackedObject*> Followed(std::int64_t pts_ns, const PromptPlan& plan,
                                             const FramePrompts& asked) const;
  std::vector<Following> Divide(const Views& views,
                                const std::vector<const TrackedObject*>& followed) const;
  void FollowPart(const FrameView& frame, std::int64_t pts_ns, const Pieces& within,
                  Following& part) const;
  // Gives the prompts that refine what is followed their objects' answers.
  std::vector<ObjectAnswer> FollowObjects(const Views& views, const FrameView& frame,
                                          std::int64_t pts_ns, const PromptPlan& plan,
                                          FramePrompts& asked,
                                          std::vector<LateMemories::Part>& late);
  // In order of ids.
  std::vector<ObjectAnswer> AnswerPrompts(const Views& views, const FramePrompts& asked,
                                          std::vector<LateMemories::Part>& late);
  // The answers. Their memories are in the store, or have their place there and
  // are added to `late`.
  std::vector<ObjectAnswer> Collect(const View& view, const StepOutput& output, Readout& readout,
                                    std::vector<LateMemories::Part>& late);
  // Where motion has these objects, for MemoryPolicy::kRobust.
  MotionPrior Prior(const FrameView& frame, const Following& part, std::int64_t pts_ns) const;
  // Completes the answer by what it means. cut: the frame begins a scene.
  void Report(const FrameView& frame, const Window& window, std::int64_t pts_ns, bool cut,
              ObjectAnswer& answer) const;
  // Whether the answer's mask, found in that window, cannot be the object's.
  bool IsOther(const FrameView& frame, const Window& window, bool cut,
               const ObjectAnswer& answer) const;
  // Whether an object that the network calls present is to be taken as seen.
  bool IsSeen(const ObjectAnswer& answer, bool cut) const;
  ObjectState UnseenState(const TrackedObject* object, std::int64_t pts_ns) const;
  // Takes over the answer and what was made of it. Does not fail.
  void Learn(const FrameView& frame, const Window& window, std::int64_t pts_ns, bool cut,
             const PromptPlan& plan, ObjectAnswer answer);
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
  const std::shared_ptr<FrameReader> reader_;  // of whole frames
  std::vector<Window> former_windows_;         // of the last step
  std::optional<FrameView> expected_;  // after the next frame
  std::optional<FrameView> next_;      // after this one, until it is encoded
  Views::Ahead ahead_;                 // of the next frame, perhaps
  CutDetector cuts_;
  LateMemories late_memories_;
};

}  // namespace sam2
