// SPDX-License-Identifier: Apache-2.0
#include "predictor/frame_ahead.h"

#include "predictor/engine.h"

namespace sam2 {

FrameAhead::FrameAhead(ModelEngine& engine, FrameReader& reader, const FrameView& frame)
    : frame_(frame), work_(engine.Start(1, [this, &engine, &reader](int64_t) {
        image_ = reader.Read(frame_);
        features_ = engine.step().EncodeImage(image_);
      })) {}

bool FrameAhead::IsOf(const FrameView& frame) const {
  return frame.plane == frame_.plane && frame.width == frame_.width &&
         frame.height == frame_.height && frame.format == frame_.format;
}

}  // namespace sam2
