// SPDX-License-Identifier: Apache-2.0
#include "frame_view.h"

#include <string>

#include "cuda_memory.h"
#include "errors.h"

namespace gstsam2 {
namespace {

sam2::PixelFormat ToPixelFormat(GstVideoFormat format) {
  switch (format) {
    case GST_VIDEO_FORMAT_RGB: return sam2::PixelFormat::kRGB;
    case GST_VIDEO_FORMAT_BGR: return sam2::PixelFormat::kBGR;
    case GST_VIDEO_FORMAT_RGBx:
    case GST_VIDEO_FORMAT_RGBA: return sam2::PixelFormat::kRGBx;
    case GST_VIDEO_FORMAT_BGRx:
    case GST_VIDEO_FORMAT_BGRA: return sam2::PixelFormat::kBGRx;
    case GST_VIDEO_FORMAT_xRGB: return sam2::PixelFormat::kxRGB;
    case GST_VIDEO_FORMAT_xBGR: return sam2::PixelFormat::kxBGR;
    case GST_VIDEO_FORMAT_NV12: return sam2::PixelFormat::kNV12;
    case GST_VIDEO_FORMAT_I420: return sam2::PixelFormat::kI420;
    case GST_VIDEO_FORMAT_GRAY8: return sam2::PixelFormat::kGRAY8;
    default: break;
  }
  throw ElementError::Stream(std::string("Video format ") + gst_video_format_to_string(format) +
                             " is not supported.");
}

sam2::ColorMatrix ToColorMatrix(GstVideoColorMatrix matrix) {
  switch (matrix) {
    case GST_VIDEO_COLOR_MATRIX_BT709: return sam2::ColorMatrix::kBT709;
    case GST_VIDEO_COLOR_MATRIX_BT2020: return sam2::ColorMatrix::kBT2020;
    default: return sam2::ColorMatrix::kBT601;
  }
}

}  // namespace

MappedFrame::MappedFrame(GstBuffer* buffer, const GstVideoInfo& info, bool on_cuda)
    : memory_(on_cuda && IsCudaBuffer(buffer) ? sam2::FrameMemory::kCuda
                                              : sam2::FrameMemory::kHost) {
  // NO_REF: metas are added to the buffer later, which must stay writable.
  int flags =
      static_cast<int>(GST_MAP_READ) | static_cast<int>(GST_VIDEO_FRAME_MAP_FLAG_NO_REF);
  if (memory_ == sam2::FrameMemory::kCuda) flags |= kMapCuda;
  if (!gst_video_frame_map(&frame_, &info, buffer, static_cast<GstMapFlags>(flags))) {
    throw ElementError::Stream("Cannot map a buffer of " +
                               std::to_string(gst_buffer_get_size(buffer)) + " bytes as a " +
                               std::to_string(info.width) + "x" + std::to_string(info.height) +
                               " frame.");
  }
  // Only now: mapping may have begun to upload what was written on the host.
  if (memory_ == sam2::FrameMemory::kCuda) WaitForCudaBuffer(buffer);
}

MappedFrame::~MappedFrame() { gst_video_frame_unmap(&frame_); }

sam2::FrameView MappedFrame::view() const {
  const GstVideoInfo& info = frame_.info;
  sam2::FrameView view;
  view.format = ToPixelFormat(GST_VIDEO_INFO_FORMAT(&info));
  view.width = info.width;
  view.height = info.height;
  for (guint i = 0; i < GST_VIDEO_FRAME_N_PLANES(&frame_); ++i) {
    view.plane[i] = static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame_, i));
    view.stride[i] = GST_VIDEO_FRAME_PLANE_STRIDE(&frame_, i);
  }
  view.matrix = ToColorMatrix(info.colorimetry.matrix);
  view.memory = memory_;
  view.full_range = info.colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255;
  return view;
}

}  // namespace gstsam2
