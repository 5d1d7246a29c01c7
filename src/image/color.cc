// SPDX-License-Identifier: Apache-2.0
//
// ITU-R BT.601-7, BT.709-6 and BT.2020-2 (the non-constant luminance form),
// items on derivation of colour-difference signals and on quantisation.
#include "image/color.h"

#include <algorithm>
#include <vector>

#include "image/vector_clones.h"

namespace sam2 {
namespace {

// R' = luma * (Y - black) + red_cr * Cr, and so on; Cb, Cr with 128 taken off.
struct Coefficients {
  float black, luma, red_cr, green_cb, green_cr, blue_cb;
};

Coefficients CoefficientsOf(ColorMatrix matrix, bool full_range) {
  float kr = 0.299f, kb = 0.114f;  // BT.601
  if (matrix == ColorMatrix::kBT709) kr = 0.2126f, kb = 0.0722f;
  if (matrix == ColorMatrix::kBT2020) kr = 0.2627f, kb = 0.0593f;
  const float kg = 1 - kr - kb;
  const float chroma = full_range ? 1 : 255.0f / 224;
  return {.black = full_range ? 0.0f : 16.0f,
          .luma = full_range ? 1 : 255.0f / 219,
          .red_cr = 2 * (1 - kr) * chroma,
          .green_cb = -2 * kb * (1 - kb) / kg * chroma,
          .green_cr = -2 * kr * (1 - kr) / kg * chroma,
          .blue_cb = 2 * (1 - kb) * chroma};
}

// What chroma adds to the channels of each pixel of a row.
struct ChromaRow {
  std::vector<float> red, green, blue;
  explicit ChromaRow(int width)
      : red(width + 1), green(width + 1), blue(width + 1) {}  // room for an odd width's last pair
};

// step: bytes from one sample to the next, 2 where Cb and Cr alternate.
void ExpandChroma(const Coefficients& k, const std::uint8_t* cb, const std::uint8_t* cr, int step,
                  int width, ChromaRow* row) {
  for (int x = 0; x < width; x += 2) {
    const float u = static_cast<float>(cb[x / 2 * step]) - 128;
    const float v = static_cast<float>(cr[x / 2 * step]) - 128;
    row->red[x] = row->red[x + 1] = k.red_cr * v;
    row->green[x] = row->green[x + 1] = k.green_cb * u + k.green_cr * v;
    row->blue[x] = row->blue[x + 1] = k.blue_cb * u;
  }
}

inline std::uint32_t ToLevel(float value) {
  return static_cast<std::uint32_t>(
      static_cast<std::int32_t>(std::min(std::max(value, 0.0f), 255.0f) + 0.5f));
}

// Written so that the compiler makes vector code of it, of the widest kind that
// the processor has; plain code takes a dozen times as long.
SAM2_VECTOR_CLONES void ConvertRow(Coefficients k, const std::uint8_t* __restrict luma,
                                   const float* __restrict red, const float* __restrict green,
                                   const float* __restrict blue, int width,
                                   std::uint32_t* __restrict out) {
  for (int x = 0; x < width; ++x) {
    const float y = k.luma * (static_cast<float>(luma[x]) - k.black);
    out[x] = ToLevel(y + red[x]) | ToLevel(y + green[x]) << 8 | ToLevel(y + blue[x]) << 16 |
             0xff000000u;
  }
}

}  // namespace

void YCbCrToRgbx(const FrameView& frame, std::uint8_t* rgbx) {
  const Coefficients k = CoefficientsOf(frame.matrix, frame.full_range);
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
