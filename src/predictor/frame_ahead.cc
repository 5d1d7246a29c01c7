// SPDX-License-Identifier: Apache-2.0
#include "predictor/frame_ahead.h"

#include <utility>

#include "predictor/download.h"
#include "predictor/engine.h"

namespace sam2 {

FrameAhead::FrameAhead(ModelEngine& engine, std::shared_ptr<FrameReader> reader,
                       const FrameView& frame)
    : frame_(frame), reader_(std::move(reader)) {
  if (engine.EncodesBesideSteps()) {
    work_ = engine.Start(1, [this, &engine](int64_t) {
      image_ = reader_->Read(frame_);
      features_ = engine.step().EncodeImage(image_);
    });
    return;
  }
  image_ = reader_->Read(frame_);
  if (frame_.memory == FrameMemory::kCuda) read_ = RecordEvent(image_.device());
  // A copy, which outlives another stream's features in the same place.
  features_ = engine.step().EncodeImage(image_).CopyOf(0);
}

FrameAhead::~FrameAhead() {
  try {
    if (read_) read_->synchronize();
  } catch (const std::exception&) {
    // The device failed: the next step tells.
  }
}

void FrameAhead::Finish() {
  if (work_) work_->Finish();
}

bool FrameAhead::IsOf(const FrameView& frame) const {
  return frame.plane == frame_.plane && frame.width == frame_.width &&
         frame.height == frame_.height && frame.format == frame_.format;
}

}  // namespace sam2
