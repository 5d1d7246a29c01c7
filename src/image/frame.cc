// SPDX-License-Identifier: Apache-2.0
#include "image/frame.h"

#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "image/bicubic.h"
#include "image/color.h"
#include "image/layout.h"

namespace sam2 {
namespace {

constexpr std::array<float, 3> kMean = {0.485f, 0.456f, 0.406f};
constexpr std::array<float, 3> kStd = {0.229f, 0.224f, 0.225f};

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
  const int bytes = PixelBytes(frame.format);
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

// [3 * 256] float32
at::Tensor NormalizedLevels() {
  const at::Tensor table = at::empty({3, 256}, at::kFloat);
  for (int c = 0; c < 3; ++c) {
    std::ranges::copy(NormalizedLevels(c), table[c].mutable_data_ptr<float>());
  }
  return table.flatten();
}

// levels: size rows of size pixels of 4 bytes.
at::Tensor NormalizeByTable(std::span<const std::uint8_t> levels, int size,
                            const std::array<int, 3>& rgb) {
  static const std::array<std::array<float, 256>, 3> table = {
      NormalizedLevels(0), NormalizedLevels(1), NormalizedLevels(2)};
  at::Tensor result =
      at::empty({1, 3, size, size},
                at::TensorOptions(at::kFloat).memory_format(at::MemoryFormat::ChannelsLast));
  float* out = result.mutable_data_ptr<float>();
  for (std::size_t i = 0; i < levels.size(); i += 4, out += 3) {
    for (int c = 0; c < 3; ++c) out[c] = table[c][levels[i + rgb[c]]];
  }
  return result;
}

// Red, green and blue of levels with their channels in `axis`.
at::Tensor PickRgb(const at::Tensor& levels, int axis, const std::array<int, 3>& rgb) {
  return at::stack({levels.select(axis, rgb[0]), levels.select(axis, rgb[1]),
                    levels.select(axis, rgb[2])}, axis);
}

// levels: [1, C, S, S] float32, any device.
at::Tensor Normalize(const at::Tensor& levels, const std::array<int, 3>& rgb) {
  const auto options = at::TensorOptions(at::kFloat).device(levels.device());
  return PickRgb(levels, 1, rgb)
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
    if (frame.plane[plane] == nullptr || frame.stride[plane] < PlaneRowBytes(frame, plane)) {
      throw Error(ErrorCode::kBadSettings,
                  "plane " + std::to_string(plane) + " of the frame is missing, or its stride of " +
                      std::to_string(frame.stride[plane]) + " bytes is shorter than a row");
    }
  }
}

void FrameReader::Check(const FrameView& frame) const {
  CheckFrame(frame);
  if (frame.memory == FrameMemory::kCuda && device_.is_cpu()) {
    throw Error(ErrorCode::kBadSettings, "a frame in CUDA memory, but the model is on the CPU");
  }
}

at::Tensor FrameReader::Read(const FrameView& frame) {
  if (!device_.is_cpu()) return ReadByTensors(frame);
  RECORD_USER_SCOPE("frame");
  Check(frame);
  const at::Tensor pixels = Pixels(frame);
  return mode_ == Resize::kVideo
             ? NormalizeByTable(bicubic_.Resize(ViewOf(pixels), size_), size_, RgbOrder(frame.format))
             : Normalize(ResizeForStills(pixels, size_), RgbOrder(frame.format));
}

at::Tensor FrameReader::ReadByTensors(const FrameView& frame) {
  RECORD_USER_SCOPE("frame");
  Check(frame);
  const at::Tensor pixels = PixelsOf(frame, PlanesOn(frame, device_));
  return mode_ == Resize::kVideo
             ? NormalizeLevels(resize_.Resize(pixels, size_), frame.format)
             : Normalize(ResizeForStills(pixels, size_), RgbOrder(frame.format));
}

// levels: [S, S, C] uint8.
at::Tensor FrameReader::NormalizeLevels(const at::Tensor& levels, PixelFormat format) {
  if (!table_.defined()) table_ = NormalizedLevels().to(device_);
  // The channels' parts of the table follow each other.
  const at::Tensor start = at::arange(0, 3 * 256, 256, levels.options().dtype(at::kInt));
  const at::Tensor places = PickRgb(levels, 2, RgbOrder(format)) + start;
  return table_.index_select(0, places.flatten())
      .view({1, size_, size_, 3})
      .permute({0, 3, 1, 2});
}

at::Tensor FrameToTensor(const FrameView& frame, int size, Resize mode, at::Device device) {
  return FrameReader(size, mode, device).Read(frame);
}

}  // namespace sam2
