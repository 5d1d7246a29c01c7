// SPDX-License-Identifier: Apache-2.0
#include "image/layout.h"

namespace sam2 {

bool IsYCbCr(PixelFormat format) {
  return format == PixelFormat::kNV12 || format == PixelFormat::kI420;
}

int PixelBytes(PixelFormat format) {
  switch (format) {
    case PixelFormat::kRGB:
    case PixelFormat::kBGR:
      return 3;
    case PixelFormat::kRGBx:
    case PixelFormat::kBGRx:
    case PixelFormat::kxRGB:
    case PixelFormat::kxBGR:
      return 4;
    case PixelFormat::kNV12:
    case PixelFormat::kI420:
    case PixelFormat::kGRAY8:
      return 1;
  }
  throw Error(ErrorCode::kBadSettings, "unknown pixel format");
}

std::array<int, 3> RgbOrder(PixelFormat format) {
  switch (format) {
    case PixelFormat::kBGR:
    case PixelFormat::kBGRx:
      return {2, 1, 0};
    case PixelFormat::kxRGB:
      return {1, 2, 3};
    case PixelFormat::kxBGR:
      return {3, 2, 1};
    case PixelFormat::kGRAY8:
      return {0, 0, 0};
    default:
      return {0, 1, 2};
  }
}

int PlaneCount(PixelFormat format) {
  if (format == PixelFormat::kNV12) return 2;
  return format == PixelFormat::kI420 ? 3 : 1;
}

std::int64_t PlaneRows(const FrameView& frame, int plane) {
  return plane == 0 ? frame.height : (std::int64_t{frame.height} + 1) / 2;
}

std::int64_t PlaneRowBytes(const FrameView& frame, int plane) {
  if (plane == 0) return std::int64_t{frame.width} * PixelBytes(frame.format);
  const std::int64_t samples = (std::int64_t{frame.width} + 1) / 2;
  return frame.format == PixelFormat::kNV12 ? 2 * samples : samples;
}

}  // namespace sam2
