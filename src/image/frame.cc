// SPDX-License-Identifier: Apache-2.0
#include "image/frame.h"

#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/tensor.h>
#include <ATen/record_function.h>

#include <array>
#include <string>
#include <vector>

#include "image/bicubic.h"
#include "image/color.h"

namespace sam2 {
namespace {

constexpr std::array<float, 3> kMean = {0.485f, 0.456f, 0.406f};
constexpr std::array<float, 3> kStd = {0.229f, 0.224f, 0.225f};

// How a pixel's bytes lie, and where red, green and blue stand among them.
struct Layout {
  int bytes;
  std::array<int, 3> rgb;
};

bool IsYCbCr(PixelFormat format) {
  return format == PixelFormat::kNV12 || format == PixelFormat::kI420;
}

// Of the first plane; of Y'CbCr after its conversion.
Layout LayoutOf(PixelFormat format) {
  switch (format) {
    case PixelFormat::kRGB:
      return {3, {0, 1, 2}};
    case PixelFormat::kBGR:
      return {3, {2, 1, 0}};
    case PixelFormat::kRGBx:
    case PixelFormat::kNV12:
    case PixelFormat::kI420:
      return {4, {0, 1, 2}};
    case PixelFormat::kBGRx:
      return {4, {2, 1, 0}};
    case PixelFormat::kxRGB:
      return {4, {1, 2, 3}};
    case PixelFormat::kxBGR:
      return {4, {3, 2, 1}};
    case PixelFormat::kGRAY8:
      return {1, {0, 0, 0}};
  }
  throw Error(ErrorCode::kBadSettings, "unknown pixel format");
}

// Bytes of one row of a plane.
std::int64_t RowBytes(const FrameView& frame, int plane) {
  const std::int64_t chroma_width = (std::int64_t{frame.width} + 1) / 2;
  if (frame.format == PixelFormat::kNV12) return plane == 0 ? frame.width : 2 * chroma_width;
  if (frame.format == PixelFormat::kI420) return plane == 0 ? frame.width : chroma_width;
  return std::int64_t{frame.width} * LayoutOf(frame.format).bytes;
}

int PlaneCount(PixelFormat format) {
  if (format == PixelFormat::kNV12) return 2;
  return format == PixelFormat::kI420 ? 3 : 1;
}

// The frame's pixels: [1, C, H, W] uint8, channels innermost; a view where the
// frame is not Y'CbCr.
at::Tensor Pixels(const FrameView& frame) {
  if (IsYCbCr(frame.format)) {
    at::Tensor rgbx = at::empty({1, 4, frame.height, frame.width},
                                at::TensorOptions(at::kByte).memory_format(
                                    at::MemoryFormat::ChannelsLast));
    YCbCrToRgbx(frame, rgbx.mutable_data_ptr<std::uint8_t>());
    return rgbx;
  }
  const int bytes = LayoutOf(frame.format).bytes;
  const std::int64_t stride = frame.stride[0];
  return at::from_blob(const_cast<std::uint8_t*>(frame.plane[0]),
                       {1, bytes, frame.height, frame.width},
                       {stride * frame.height, 1, stride, bytes}, at::kByte);
}

// The bytes of the pixels: those of the frame, or of its conversion.
PixelView ViewOf(const at::Tensor& pixels) {
  return {.data = pixels.const_data_ptr<std::uint8_t>(),
          .stride = pixels.stride(2),
          .width = static_cast<int>(pixels.size(3)),
          .height = static_cast<int>(pixels.size(2)),
          .channels = static_cast<int>(pixels.size(1))};
}

// Levels 0..255 after the resize of the video predictor: [1, C, S, S] uint8 on
// another device than the CPU. Not Pillow's bit for bit: a level may be one off.
at::Tensor ResizeForVideo(const at::Tensor& pixels, int size) {
  return at::_upsample_bicubic2d_aa(pixels.to(at::kFloat), std::array<std::int64_t, 2>{size, size},
                                    false, std::nullopt, std::nullopt)
      .round_()
      .clamp_(0, 255)
      .to(at::kByte);
}

// Levels 0..255 after the resize of the stills predictor: [1, C, S, S] float32.
// Works through bands of rows, so that a huge picture needs no huge float copy.
at::Tensor ResizeForStills(const at::Tensor& pixels, int size) {
  constexpr std::int64_t kBand = 256;  // rows
  const std::int64_t height = pixels.size(2);
  at::Tensor narrow = at::empty({1, pixels.size(1), height, size},
                                pixels.options().dtype(at::kFloat));
  for (std::int64_t y = 0; y < height; y += kBand) {
    const std::int64_t rows = std::min(kBand, height - y);
    const at::Tensor band = pixels.narrow(2, y, rows).to(at::kFloat, false, false,
                                                         at::MemoryFormat::Contiguous);
    narrow.narrow(2, y, rows).copy_(at::_upsample_bilinear2d_aa(
        band, std::array<std::int64_t, 2>{rows, size}, false, std::nullopt, std::nullopt));
  }
  return at::_upsample_bilinear2d_aa(narrow, std::array<std::int64_t, 2>{size, size}, false,
                                     std::nullopt, std::nullopt);
}

// Every level of one channel, normalised as the reference does it.
std::array<float, 256> NormalizedLevels(int channel) {
  std::array<float, 256> table;
  for (int level = 0; level < 256; ++level) {
    table[level] = (static_cast<float>(level / 255.0) - kMean[channel]) / kStd[channel];
  }
  return table;
}

// levels: size rows of size pixels of 4 bytes.
at::Tensor NormalizeByTable(const std::vector<std::uint8_t>& levels, int size,
                            const Layout& layout) {
  const std::array<std::array<float, 256>, 3> table = {NormalizedLevels(0), NormalizedLevels(1),
                                                       NormalizedLevels(2)};
  at::Tensor result =
      at::empty({1, 3, size, size},
                at::TensorOptions(at::kFloat).memory_format(at::MemoryFormat::ChannelsLast));
  float* out = result.mutable_data_ptr<float>();
  for (std::size_t i = 0; i < levels.size(); i += 4, out += 3) {
    for (int c = 0; c < 3; ++c) out[c] = table[c][levels[i + layout.rgb[c]]];
  }
  return result;
}

// levels: [1, C, S, S], any type and device.
at::Tensor Normalize(const at::Tensor& levels, const Layout& layout) {
  const auto options = at::TensorOptions(at::kFloat).device(levels.device());
  const at::Tensor channels = at::tensor({layout.rgb[0], layout.rgb[1], layout.rgb[2]},
                                         at::TensorOptions(at::kLong).device(levels.device()));
  return levels.index_select(1, channels)
      .to(at::kFloat)
      .div_(255)
      .sub_(at::tensor(kMean, options).view({1, 3, 1, 1}))
      .div_(at::tensor(kStd, options).view({1, 3, 1, 1}))
      .contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace

void CheckFrame(const FrameView& frame) {
  if (frame.width < 1 || frame.height < 1) {
    throw Error(ErrorCode::kBadSettings, "a frame of " + std::to_string(frame.width) + "x" +
                                             std::to_string(frame.height) + " pixels");
  }
  for (int plane = 0; plane < PlaneCount(frame.format); ++plane) {
    if (frame.plane[plane] == nullptr || frame.stride[plane] < RowBytes(frame, plane)) {
      throw Error(ErrorCode::kBadSettings,
                  "plane " + std::to_string(plane) + " of the frame is missing, or its stride of " +
                      std::to_string(frame.stride[plane]) + " bytes is shorter than a row");
    }
  }
}

at::Tensor FrameToTensor(const FrameView& frame, int size, Resize mode, at::Device device) {
  RECORD_USER_SCOPE("frame");
  CheckFrame(frame);
  const Layout layout = LayoutOf(frame.format);
  const at::Tensor pixels = Pixels(frame);
  if (mode == Resize::kVideo && device.is_cpu()) {
    return NormalizeByTable(ResizeBicubic(ViewOf(pixels), size), size, layout);
  }
  const at::Tensor moved = pixels.to(device);
  const at::Tensor levels =
      mode == Resize::kVideo ? ResizeForVideo(moved, size) : ResizeForStills(moved, size);
  return Normalize(levels, layout);
}

}  // namespace sam2
