// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "image/window.h"
#include "predictor/engine.h"
#include "predictor/picture.h"
#include "sam2.h"

namespace sam2 {

// See sam2.h. Semantics of SAM2ImagePredictor with the objects' histories
// beside it: what a step of an object asks of the decoder is all its clicks so
// far and, from the second step on, its former logits. With a search window
// each object has its own part of the picture, encoded on its own.
class StillsPredictor : public ImagePredictor {
 public:
  // Throws Error kBadSettings for an option that is not allowed.
  StillsPredictor(std::shared_ptr<ModelEngine> engine, const StillsOptions& options);

  bool SetImage(const FrameView& frame) override;
  StepResult Step(std::span<const Prompt> prompts, std::stop_token stop = {}) override;
  std::vector<Object> Everything(const EverythingOptions& options,
                                 std::stop_token stop = {}) override;
  void SetMaskChoice(MaskChoice choice) override;
  void Reset() override { objects_.clear(); }

  // The logits behind an object's mask, which is alive: [4h, 4w] float32 on the
  // CPU, as the decoder gave them.
  Tensor Logits(int id) const;

 private:
  // What the decoder said to one step.
  struct Answer {
    Tensor logits;            // [K, 4h, 4w] float32 on the CPU; K = 3 after a single click, else 1
    std::vector<float> ious;  // [K], predicted
    float score = 0;          // sigmoid of the object score
    int chosen = 0;
    std::shared_ptr<const Mask> given;  // the user's own mask, which the logits only resemble
  };
  // All that was asked of an object up to a step, and the answer.
  struct HistoryStep {
    std::optional<Box> box;
    std::vector<Point> points;
    Window window;  // what the answer's logits are of
    Answer answer;
  };
  struct StillObject {
    int id = 0;
    bool accepted = false;
    std::vector<HistoryStep> steps;
    std::shared_ptr<const Object> report;  // of the last step
  };
  // A step before its answer.
  struct Question {
    int id = 0;
    HistoryStep step;
    PointList points;  // in the step's window
    Tensor mask;       // former logits: undefined, or [1, 1, 4h, 4w]
    bool multimask = false;
    bool replaces = false;  // the object's history

    bool FitsWith(const Question& other) const;
  };
  // The state that a call of Step works on, so that a failure leaves no trace.
  struct Draft {
    std::vector<StillObject> objects;
    int next_id = 1;
    std::vector<Question> waiting;  // all of one shape, of different objects
    std::stop_token stop;           // once asked for nothing more is decoded, nor kept

    StillObject* Find(int id);
    StillObject& FindOrAdd(int id);
    bool Waits(int id) const;
  };

  void Apply(Prompt prompt, Draft& draft, PromptOutcome& outcome);
  std::string CheckAction(const Prompt& prompt, Draft& draft) const;
  std::string CheckUndo(const StillObject& object) const;
  void Undo(StillObject& object, Draft& draft) const;
  static void SetAccepted(StillObject& object, bool accepted);
  void TakeMask(const Prompt& prompt, Draft& draft);
  Question Ask(const Prompt& prompt, Draft& draft) const;
  Window WholePicture() const { return WholeFrame(frame_.width, frame_.height); }
  // Where a step of an object is looked for. former: the object before it, if it counts.
  Window WindowOf(const HistoryStep& step, const StillObject* former) const;
  Tensor FormerLogits(const StillObject& object, const Window& window) const;
  Tensor MaskToLogits(const Mask& mask, int width, int height) const;
  void SetPoints(Question& question) const;
  void Decode(Draft& draft);
  void Narrow(Question& question, Answer& answer);
  std::vector<Answer> DecodeBatch(std::span<const Question> questions);
  // What the decoder says to questions of one shape in one view of their window, with masks of
  // the window as it is. Without its tokens.
  DecoderOutput DecodeView(std::span<const Question> questions, bool mirrored);
  int Choose(const Answer& answer) const;
  void ChooseAgain(Draft& draft) const;
  // logits: [4h, 4w], or refined.
  Mask MaskOf(Tensor logits, const Window& window) const;
  Mask MaskOf(const HistoryStep& step) const;  // with edges as the options want them
  std::shared_ptr<const Object> Report(const StillObject& object) const;
  // What is encoded: a window as it is, or its mirror image.
  struct View {
    Window window;
    bool mirrored = false;
    bool operator==(const View&) const = default;
  };
  const EncodedPicture& Encoded(const View& view);  // on the engine's queue

  std::shared_ptr<ModelEngine> engine_;
  StillsOptions options_;
  FrameView frame_;
  std::optional<std::uint64_t> fingerprint_;  // of frame_; none: no picture yet
  std::optional<EncodedPicture> picture_;  // the whole one
  std::vector<std::pair<View, EncodedPicture>> views_;  // others, the last few, oldest first
  std::vector<StillObject> objects_;
  int next_id_ = 1;
  bool choose_again_ = false;  // among the masks of single clicks
  std::optional<EverythingOptions> everything_options_;  // those of everything_
  std::vector<Object> everything_;
};

}  // namespace sam2
