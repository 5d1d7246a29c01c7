// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <c10/core/Event.h>

#include <memory>
#include <optional>

#include "image/frame.h"
#include "predictor/side_workers.h"
#include "predictor/tracker_step.h"

namespace sam2 {

class ModelEngine;

// A frame, or a window of it, that is read and encoded beside the step of the one before it.
class FrameAhead {
 public:
  // In a job of that step. On a CPU the work begins on another core; a GPU is
  // given it behind all that it has been given before, and throws what that
  // throws. The reader and the frame's pixels are this object's until it goes.
  FrameAhead(ModelEngine& engine, std::shared_ptr<FrameReader> reader, const FrameView& frame);
  ~FrameAhead();
  FrameAhead(const FrameAhead&) = delete;
  FrameAhead& operator=(const FrameAhead&) = delete;

  bool IsOf(const FrameView& frame) const;

  // Inside of a job of a step. Throws what reading or encoding threw. Once.
  void Finish();
  // After Finish(): the network's input and what the encoder made of it.
  const Tensor& image() const { return image_; }
  const FrameFeatures& features() const { return features_; }

 private:
  const FrameView frame_;
  const std::shared_ptr<FrameReader> reader_;
  Tensor image_;
  FrameFeatures features_;
  std::optional<c10::Event> read_;           // when a GPU has read it where it lies
  std::unique_ptr<SideWorkers::Work> work_;  // on a CPU; before what it works on goes
};

}  // namespace sam2
