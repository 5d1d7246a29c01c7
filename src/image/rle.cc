// SPDX-License-Identifier: Apache-2.0
//
// The format: pycocotools' common/maskApi.c, rleEncode and rleToString.
#include "image/rle.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "image/mask.h"

namespace sam2 {
namespace {

// Where the mask changes between background and object when the frame's pixels
// are counted down the columns, in ascending order.
std::vector<std::int64_t> FindChanges(const Mask& mask, int frame_width, int frame_height) {
  const std::int64_t left = std::max(mask.x, 0), top = std::max(mask.y, 0);
  const std::int64_t right = std::min<std::int64_t>(std::int64_t{mask.x} + mask.width, frame_width);
  const std::int64_t bottom =
      std::min<std::int64_t>(std::int64_t{mask.y} + mask.height, frame_height);
  constexpr std::int64_t kChunk = 64;  // most of a row equals the one above it
  std::vector<std::int64_t> changes;
  if (left >= right || top >= bottom) return changes;
  // Row by row, as the pixels lie. Every column starts and ends as background.
  const std::vector<std::uint8_t> background(mask.width, 0);
  const std::uint8_t* above = background.data();
  for (std::int64_t y = top; y <= bottom; ++y) {
    const std::uint8_t* row =
        y < bottom ? mask.pixels.data() + (y - mask.y) * mask.width : background.data();
    for (std::int64_t x = left; x < right; x += kChunk) {
      const std::int64_t end = std::min(x + kChunk, right);
      if (std::memcmp(row + x - mask.x, above + x - mask.x, end - x) == 0) continue;
      for (std::int64_t i = x; i < end; ++i) {
        const bool changed = (row[i - mask.x] != 0) != (above[i - mask.x] != 0);
        if (changed) changes.push_back(i * frame_height + y);
      }
    }
    above = row;
  }
  std::sort(changes.begin(), changes.end());
  // A column that ends in the object where the next one starts in it has two
  // changes in one place, which are none.
  std::vector<std::int64_t> real;
  for (const std::int64_t change : changes) {
    if (!real.empty() && real.back() == change) {
      real.pop_back();
    } else {
      real.push_back(change);
    }
  }
  return real;
}

// Five bits at a time, the lowest first; 0x20 says that more follow.
void AppendNumber(std::int64_t number, std::string* text) {
  bool more = true;
  while (more) {
    const std::int64_t bits = number & 0x1f;
    number >>= 5;
    more = (bits & 0x10) != 0 ? number != -1 : number != 0;
    text->push_back(static_cast<char>('0' + (more ? bits | 0x20 : bits)));
  }
}

}  // namespace

std::string EncodeRle(const Mask& mask, int frame_width, int frame_height) {
  CheckMask(mask);
  if (frame_width < 1 || frame_height < 1) {
    throw Error(ErrorCode::kBadSettings, "a frame of " + std::to_string(frame_width) + "x" +
                                             std::to_string(frame_height) + " pixels");
  }
  std::vector<std::int64_t> changes = FindChanges(mask, frame_width, frame_height);
  const std::int64_t total = std::int64_t{frame_width} * frame_height;
  if (changes.empty() || changes.back() != total) changes.push_back(total);

  std::string text;
  std::vector<std::int64_t> counts;
  std::int64_t begin = 0;
  for (const std::int64_t end : changes) {
    counts.push_back(end - begin);
    begin = end;
    // From the fourth on, the difference from the last count of its kind.
    const std::size_t last = counts.size() - 1;
    AppendNumber(last > 2 ? counts[last] - counts[last - 2] : counts[last], &text);
  }
  return text;
}

}  // namespace sam2
