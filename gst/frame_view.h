// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/video/video.h>

#include "sam2.h"

namespace gstsam2 {

// Formats that the core reads.
#define SAM2_VIDEO_FORMATS "{ RGB, BGR, RGBx, BGRx, RGBA, BGRA, xRGB, xBGR, NV12, I420, GRAY8 }"

// A buffer mapped for reading, as the core sees it.
class MappedFrame {
 public:
  // Throws ElementError (STREAM/FAILED) when the buffer does not hold a frame.
  MappedFrame(GstBuffer* buffer, const GstVideoInfo& info);
  ~MappedFrame();
  MappedFrame(const MappedFrame&) = delete;
  MappedFrame& operator=(const MappedFrame&) = delete;

  // Valid as long as this object.
  sam2::FrameView view() const;

 private:
  GstVideoFrame frame_;
};

}  // namespace gstsam2
