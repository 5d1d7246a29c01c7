// SPDX-License-Identifier: Apache-2.0
//
// ITU-R BT.601-7, BT.709-6 and BT.2020-2 (the non-constant luminance form),
// items on derivation of colour-difference signals and on quantisation.
#include "image/color.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "vector_clones.h"

namespace sam2 {
namespace {

// What chroma adds to the channels of each pixel of a row.
struct ChromaRow {
  std::vector<std::int32_t> red, green, blue;
  explicit ChromaRow(int width)
      : red(width + 1), green(width + 1), blue(width + 1) {}  // room for an odd width's last pair
};

// step: bytes from one sample to the next, 2 where Cb and Cr alternate.
void ExpandChroma(const ColorWeights& k, const std::uint8_t* cb, const std::uint8_t* cr, int step,
                  int width, ChromaRow* row) {
  for (int x = 0; x < width; x += 2) {
    const int u = cb[x / 2 * step] - 128;
    const int v = cr[x / 2 * step] - 128;
    row->red[x] = row->red[x + 1] = k.red_cr * v + kColorHalf;
    row->green[x] = row->green[x + 1] = k.green_cb * u + k.green_cr * v + kColorHalf;
    row->blue[x] = row->blue[x + 1] = k.blue_cb * u + kColorHalf;
  }
}

inline std::uint32_t ToLevel(std::int32_t value) {
  return static_cast<std::uint32_t>(std::clamp(value >> kColorFraction, 0, 255));
}

// Written so that the compiler makes vector code of it, of the widest kind that
// the processor has; plain code takes a dozen times as long.
SAM2_VECTOR_CLONES void ConvertRow(ColorWeights k, const std::uint8_t* __restrict luma,
                                   const std::int32_t* __restrict red,
                                   const std::int32_t* __restrict green,
                                   const std::int32_t* __restrict blue, int width,
                                   std::uint32_t* __restrict out) {
  for (int x = 0; x < width; ++x) {
    const std::int32_t y = k.luma * (luma[x] - k.black);
    out[x] = ToLevel(y + red[x]) | ToLevel(y + green[x]) << 8 | ToLevel(y + blue[x]) << 16 |
             0xff000000u;
  }
}

}  // namespace

ColorWeights ColorWeightsOf(ColorMatrix matrix, bool full_range) {
  double kr = 0.299, kb = 0.114;  // BT.601
  if (matrix == ColorMatrix::kBT709) kr = 0.2126, kb = 0.0722;
  if (matrix == ColorMatrix::kBT2020) kr = 0.2627, kb = 0.0593;
  const double kg = 1 - kr - kb;
  const double chroma = full_range ? 1 : 255.0 / 224;
  const auto fixed = [](double weight) {
    return static_cast<std::int32_t>(std::lround(weight * (1 << kColorFraction)));
  };
  return {.black = full_range ? 0 : 16,
          .luma = fixed(full_range ? 1 : 255.0 / 219),
          .red_cr = fixed(2 * (1 - kr) * chroma),
          .green_cb = fixed(-2 * kb * (1 - kb) / kg * chroma),
          .green_cr = fixed(-2 * kr * (1 - kr) / kg * chroma),
          .blue_cb = fixed(2 * (1 - kb) * chroma)};
}

void YCbCrToRgbx(const FrameView& frame, std::uint8_t* rgbx) {
  const ColorWeights k = ColorWeightsOf(frame.matrix, frame.full_range);
  const bool interleaved = frame.format == PixelFormat::kNV12;
  const int cr_plane = interleaved ? 1 : 2;
  ChromaRow chroma(frame.width);
  for (std::int64_t y = 0; y < frame.height; ++y) {
    if (y % 2 == 0) {
      const std::uint8_t* cb = frame.plane[1] + y / 2 * frame.stride[1];
      const std::uint8_t* cr = frame.plane[cr_plane] + y / 2 * frame.stride[cr_plane];
      ExpandChroma(k, cb, interleaved ? cr + 1 : cr, interleaved ? 2 : 1, frame.width, &chroma);
    }
    ConvertRow(k, frame.plane[0] + y * frame.stride[0], chroma.red.data(), chroma.green.data(),
               chroma.blue.data(), frame.width,
               reinterpret_cast<std::uint32_t*>(rgbx) + y * frame.width);
  }
}

}  // namespace sam2
