// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/video/video.h>

#include "sam2.h"

namespace gstsam2 {

// Formats that the core reads.
#define SAM2_VIDEO_FORMATS "{ RGB, BGR, RGBx, BGRx, RGBA, BGRA, xRGB, xBGR, NV12, I420, GRAY8 }"

// Those that GStreamer's CUDA elements have of them.
#define SAM2_CUDA_FORMATS "{ NV12, I420, RGB, BGR, RGBx, BGRx, RGBA, BGRA }"

// A buffer mapped for reading, as the core sees it.
class MappedFrame {
 public:
  // With `on_cuda` CUDA memory is mapped where it is, else on the host, as all
  // other memory.
  // Throws ElementError (STREAM/FAILED) when the buffer does not hold a frame.
  MappedFrame(GstBuffer* buffer, const GstVideoInfo& info, bool on_cuda = false);
  ~MappedFrame();
  MappedFrame(const MappedFrame&) = delete;
  MappedFrame& operator=(const MappedFrame&) = delete;

  // Valid as long as this object.
  sam2::FrameView view() const;

 private:
  sam2::FrameMemory memory_;
  GstVideoFrame frame_;
};

}  // namespace gstsam2
