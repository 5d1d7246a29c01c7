// SPDX-License-Identifier: Apache-2.0
//
// Bicubic resize of 8-bit pixels, equal to Pillow's bit for bit: the reference
// makes the network's input with it, and a tracker fed with its own answers
// turns differences of one level into other masks within some twenty frames.
#pragma once

#include <cstdint>
#include <vector>

namespace sam2 {

// Interleaved pixels of 1, 3 or 4 bytes.
struct PixelView {
  const std::uint8_t* data;
  std::int64_t stride;  // bytes from one row to the next
  int width, height;
  int channels;
};

// The pixels at size x size, as Image.resize((size, size)) of Pillow 13 gives
// them (default filter, antialiased, each pass rounded to 8 bits): rows of size
// pixels of 4 bytes, of which the first `channels` mean something.
std::vector<std::uint8_t> ResizeBicubic(const PixelView& pixels, int size);

}  // namespace sam2
