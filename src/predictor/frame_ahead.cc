// SPDX-License-Identifier: Apache-2.0
#include "predictor/frame_ahead.h"

#include "predictor/engine.h"

namespace sam2 {

FrameAhead::FrameAhead(ModelEngine& engine, FrameReader& reader, const FrameView& frame)
    : frame_(frame) {
  const auto encode = [this, &engine, &reader](int64_t) {
    image_ = reader.Read(frame_);
    features_ = engine.step().EncodeImage(image_);
  };
  if (engine.EncodesBesideSteps()) {
    work_ = engine.Start(1, encode);
  } else {
    encode(0);
    features_ = features_.CopyOf(0);  // they outlive another stream's in the same place
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
