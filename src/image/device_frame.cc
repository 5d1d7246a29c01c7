// SPDX-License-Identifier: Apache-2.0
#include "image/device_frame.h"

#include <ATen/ops/bitwise_right_shift.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/sum.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "image/bicubic.h"
#include "image/color.h"
#include "image/cuda_memory.h"
#include "image/layout.h"

namespace sam2 {
namespace {

// Values of a pass at once: bounds its working memory to some 200 MB.
constexpr std::int64_t kMaxValues = 1 << 25;

// From a plane's first byte to its last pixel's.
std::int64_t PlaneBytes(const FrameView& frame, int plane) {
  return std::int64_t{frame.stride[plane]} * (PlaneRows(frame, plane) - 1) +
         PlaneRowBytes(frame, plane);
}

at::Tensor ViewHost(const std::uint8_t* data, std::int64_t bytes) {
  return at::from_blob(const_cast<std::uint8_t*>(data), {bytes}, at::kByte);
}

// Through pinned memory, which PyTorch keeps until it is read.
at::Tensor Upload(const std::uint8_t* data, std::int64_t bytes, at::Device device) {
  const at::Tensor pinned = at::empty({bytes}, at::TensorOptions(at::kByte).pinned_memory(true));
  std::memcpy(pinned.mutable_data_ptr(), data, static_cast<std::size_t>(bytes));
  return pinned.to(device, /*non_blocking=*/true);
}

// [bytes] uint8
at::Tensor BytesOn(const FrameView& frame, int plane, at::Device device) {
  const std::int64_t bytes = PlaneBytes(frame, plane);
  if (frame.memory == FrameMemory::kCuda) return FromCuda(frame.plane[plane], bytes, device);
  return device.is_cpu() ? ViewHost(frame.plane[plane], bytes)
                         : Upload(frame.plane[plane], bytes, device);
}

// chroma: [h, w] uint8. Returns the same less 128, int32.
at::Tensor Centered(const at::Tensor& chroma) { return chroma.to(at::kInt).sub_(128); }

// Each sample of [h, w, 3] for its four pixels: [height, width, 3].
at::Tensor ForEachPixel(const at::Tensor& samples, std::int64_t height, std::int64_t width) {
  const std::int64_t h = samples.size(0), w = samples.size(1);
  return samples.view({h, 1, w, 1, 3})
      .expand({h, 2, w, 2, 3})
      .reshape({2 * h, 2 * w, 3})
      .narrow(0, 0, height)
      .narrow(1, 0, width);
}

// [H, W, 3] uint8
at::Tensor ToRgb(const FrameView& frame, const std::array<at::Tensor, 3>& planes) {
  const ColorWeights k = ColorWeightsOf(frame.matrix, frame.full_range);
  const bool interleaved = frame.format == PixelFormat::kNV12;
  const at::Tensor pairs = interleaved ? planes[1].view({planes[1].size(0), -1, 2}) : at::Tensor();
  const at::Tensor cb = Centered(interleaved ? pairs.select(2, 0) : planes[1]);
  const at::Tensor cr = Centered(interleaved ? pairs.select(2, 1) : planes[2]);
  const at::Tensor chroma =
      at::stack({cr * k.red_cr, (cb * k.green_cb).add_(cr * k.green_cr), cb * k.blue_cb}, 2);
  const at::Tensor luma =
      planes[0].to(at::kInt).sub_(k.black).mul_(k.luma).add_(kColorHalf).unsqueeze(2);
  return (luma + ForEachPixel(chroma, frame.height, frame.width))
      .bitwise_right_shift_(kColorFraction)
      .clamp_(0, 255)
      .to(at::kByte);
}

// The host's numbers on a device.
at::Tensor ToDevice(const std::vector<std::int32_t>& values, at::Device device) {
  return at::from_blob(const_cast<std::int32_t*>(values.data()), {std::ssize(values)}, at::kInt)
      .to(device, /*non_blocking=*/false, /*copy=*/true);
}

}  // namespace

std::array<at::Tensor, 3> PlanesOn(const FrameView& frame, at::Device device) {
  std::array<at::Tensor, 3> planes;
  for (int i = 0; i < PlaneCount(frame.format); ++i) {
    planes[i] = BytesOn(frame, i, device)
                    .as_strided({PlaneRows(frame, i), PlaneRowBytes(frame, i)},
                                {frame.stride[i], 1});
  }
  return planes;
}

at::Tensor PixelsOf(const FrameView& frame, const std::array<at::Tensor, 3>& planes) {
  const at::Tensor pixels =
      IsYCbCr(frame.format)
          ? ToRgb(frame, planes)
          : planes[0].view({frame.height, frame.width, PixelBytes(frame.format)});
  return pixels.permute({2, 0, 1}).unsqueeze(0);
}

void TensorResize::Axis::Prepare(int source, int result, at::Device device) {
  if (source == source_ && result == result_ && places_.device() == device) return;
  const Taps taps = BicubicTaps(source, result);
  std::vector<std::int32_t> places;
  for (int i = 0; i < result; ++i) {
    for (int t = 0; t < taps.most; ++t) {
      places.push_back(std::min(taps.first[i] + t, source - 1));  // those too many weigh nothing
    }
  }
  places_ = ToDevice(places, device);
  weights_ = ToDevice(taps.weights, device).view({result, taps.most, 1});
  source_ = source;
  result_ = result;
}

at::Tensor TensorResize::Axis::Resize(const at::Tensor& levels, int result) {
  Prepare(static_cast<int>(levels.size(1)), result, levels.device());
  const std::int64_t taps = weights_.size(1);
  at::Tensor resized = at::empty({levels.size(0), result, levels.size(2)}, levels.options());
  // In parts of the longer of the other axes.
  const int axis = levels.size(0) > levels.size(2) ? 0 : 2;
  const std::int64_t length = levels.size(axis);
  const std::int64_t part =
      std::max<std::int64_t>(1, kMaxValues / (taps * resized.numel() / length));
  for (std::int64_t begin = 0; begin < length; begin += part) {
    const std::int64_t count = std::min(part, length - begin);
    const at::Tensor some = levels.narrow(axis, begin, count).index_select(1, places_);
    const at::Tensor weighted = some.view({some.size(0), result, taps, some.size(2)}) * weights_;
    resized.narrow(axis, begin, count)
        .copy_(at::sum(weighted, {2}, /*keepdim=*/false, at::kInt)
                   .add_(kTapHalf)
                   .bitwise_right_shift_(kTapFraction)
                   .clamp_(0, 255));
  }
  return resized;
}

at::Tensor TensorResize::Resize(const at::Tensor& pixels, int size) {
  const std::int64_t channels = pixels.size(1);
  const int height = static_cast<int>(pixels.size(2)), width = static_cast<int>(pixels.size(3));
  const auto down = [&](const at::Tensor& rows) {  // [H, W, C]
    return down_.Resize(rows.reshape({1, rows.size(0), -1}), size).view({size, -1, channels});
  };
  const at::Tensor rows = pixels[0].permute({1, 2, 0});
  if (HeightGoesFirst(width, height, size)) return across_.Resize(down(rows), size);
  return down(across_.Resize(rows, size));
}

}  // namespace sam2
