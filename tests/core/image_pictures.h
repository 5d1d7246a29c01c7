// SPDX-License-Identifier: Apache-2.0
//
// Pictures and masks for the tests, given by formulas; the same as those of
// tests/data/image/make.py.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "sam2.h"

namespace sam2::test {

inline std::uint8_t PictureLevel(int x, int y, int channel) {
  return static_cast<std::uint8_t>((x * x * (channel + 1) / 7 + y * 13 + x * y / 3 + channel * 40) %
                                   256);
}

inline bool ShapeAt(int x, int y, int grain) { return (x * x + 3 * y * y + x * y) / grain % 3 == 0; }

// A frame with its bytes.
struct Picture {
  std::vector<std::uint8_t> bytes;
  FrameView view;
};

// The picture with the channels in the order of `layout`: a letter for each
// byte of a pixel, x for padding of value `padding`; rows `spare` bytes longer.
inline Picture MakePicture(PixelFormat format, const char* layout, int width, int height,
                           int spare = 0, std::uint8_t padding = 0) {
  const int pixel_bytes = static_cast<int>(std::char_traits<char>::length(layout));
  Picture picture;
  const int stride = width * pixel_bytes + spare;
  picture.bytes.assign(static_cast<std::size_t>(stride) * height, padding);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int i = 0; i < pixel_bytes; ++i) {
        const int channel = layout[i] == 'R' ? 0 : layout[i] == 'G' ? 1 : layout[i] == 'B' ? 2 : -1;
        if (channel >= 0) {
          picture.bytes[y * stride + x * pixel_bytes + i] = PictureLevel(x, y, channel);
        }
      }
    }
  }
  picture.view = {.format = format, .width = width, .height = height};
  picture.view.plane[0] = picture.bytes.data();
  picture.view.stride[0] = stride;
  return picture;
}

// A mask of the given pixels, tight or not.
template <typename IsSet>
Mask MakeMask(int x, int y, int width, int height, IsSet is_set) {
  Mask mask{x, y, width, height, {}};
  for (int row = 0; row < height; ++row) {
    for (int column = 0; column < width; ++column) {
      mask.pixels.push_back(is_set(column, row) ? 255 : 0);
    }
  }
  return mask;
}

// Blobs of random size and place, with holes.
inline Mask RandomBlobs(int width, int height, unsigned seed) {
  std::mt19937 random(seed);
  struct Disc {
    int x, y, radius;
    bool hole;
  };
  std::vector<Disc> discs;
  for (int i = 0; i < 12; ++i) {
    discs.push_back({static_cast<int>(random() % width), static_cast<int>(random() % height),
                     1 + static_cast<int>(random() % (1 + width / 4)), i % 4 == 3});
  }
  return MakeMask(0, 0, width, height, [&](int x, int y) {
    bool set = false;
    for (const Disc& d : discs) {
      const bool in = (x - d.x) * (x - d.x) + (y - d.y) * (y - d.y) <= d.radius * d.radius;
      if (in) set = !d.hole;
    }
    return set;
  });
}

}  // namespace sam2::test
