// SPDX-License-Identifier: Apache-2.0
#include "image/mask.h"

#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "image/stretches.h"

namespace sam2 {
namespace {

// Where the pixels of one axis of the frame fall among the logits.
class Axis {
 public:
  Axis(int logits, int pixels) : index_(pixels), weight_(pixels), first_(logits + 1, pixels) {
    const float scale = static_cast<float>(logits) / static_cast<float>(pixels);
    for (int i = pixels - 1; i >= 0; --i) {
      const float source =
          std::max(scale * (static_cast<float>(i) + 0.5f) - 0.5f, 0.0f);
      index_[i] = std::min(static_cast<int>(source), logits - 1);
      weight_[i] = std::min(source - static_cast<float>(index_[i]), 1.0f);
      first_[index_[i]] = i;
    }
    // A logit that no pixel starts from begins where the next one does.
    for (int i = logits - 1; i >= 0; --i) first_[i] = std::min(first_[i], first_[i + 1]);
  }

  int index(int pixel) const { return index_[pixel]; }     // of the logit before the pixel
  float weight(int pixel) const { return weight_[pixel]; }  // of the logit after it
  // The pixels between logit i and logit i + 1 are first(i) .. first(i + 1) - 1.
  int first(int logit) const { return first_[logit]; }

 private:
  std::vector<int> index_;
  std::vector<float> weight_;
  std::vector<int> first_;
};

// The part of the logits that reaches above 0.
struct Extent {
  std::vector<bool> rows;  // which rows have a positive logit
  int left, right;         // first and last column that has one; left > right: none
};

Extent FindExtent(const float* logits, int height, int width) {
  Extent extent{std::vector<bool>(height), width, -1};
  for (int y = 0; y < height; ++y) {
    const Ends ends = EndsAbove(logits + std::int64_t{y} * width, width);
    extent.rows[y] = ends.last >= 0;
    extent.left = std::min(extent.left, ends.first);
    extent.right = std::max(extent.right, ends.last);
  }
  return extent;
}

void AddRun(int y, int begin, int end, std::vector<Run>* runs) {
  if (begin == end) return;
  if (!runs->empty() && runs->back().y == y && runs->back().end == begin) {
    runs->back().end = end;
  } else {
    runs->push_back({y, begin, end});
  }
}

// How many of the pixels between logits i and i + 1, only one of which is above
// 0, are so: those next to it.
int CountAbove(const float* row, const Axis& axis, int i) {
  int count = 0;
  for (int x = axis.first(i); x < axis.first(i + 1); ++x) {
    const float weight = axis.weight(x);
    count += row[i] * (1 - weight) + row[i + 1] * weight > 0 ? 1 : 0;
  }
  return count;
}

// The pixels above 0 of one row of the frame. row: its logits from `left` to
// `right`, interpolated vertically. Between two logits of one sign all pixels
// have that sign.
void AddRowRuns(int y, const float* row, const Axis& axis, int left, int right,
                std::vector<Run>* runs) {
  ForEachStretch(row + left, right + 1 - left, /*above=*/true, [&](int begin, int end) {
    const int first = left + begin, last = left + end - 1;
    const int before = begin == 0 ? 0 : CountAbove(row, axis, first - 1);
    AddRun(y, axis.first(first) - before,
           last == right ? axis.first(last + 1) : axis.first(last) + CountAbove(row, axis, last),
           runs);
  });
}

std::vector<Run> FindRuns(const float* logits, int height, int width, int frame_width,
                          int frame_height) {
  std::vector<Run> runs;
  const Extent extent = FindExtent(logits, height, width);
  if (extent.left > extent.right) return runs;
  const Axis columns(width, frame_width), rows(height, frame_height);
  // With those beyond, which the outline lies between.
  const int left = std::max(extent.left - 1, 0), right = std::min(extent.right + 1, width - 1);
  std::vector<float> blended(width);
  for (int y = 0; y < frame_height; ++y) {
    const int above = rows.index(y);
    const int below = std::min(above + 1, height - 1);
    if (!extent.rows[above] && !extent.rows[below]) continue;
    const float weight = rows.weight(y);
    const float* a = logits + std::int64_t{above} * width;
    const float* b = logits + std::int64_t{below} * width;
    for (int x = left; x <= right; ++x) {
      blended[x] = a[x] * (1 - weight) + b[x] * weight;
    }
    AddRowRuns(y, blended.data(), columns, left, right, &runs);
  }
  return runs;
}

}  // namespace

std::vector<Run> RunsFromLogits(const at::Tensor& logits, float threshold, int frame_width,
                                int frame_height) {
  const float* values = logits.const_data_ptr<float>();
  std::vector<float> shifted;
  if (threshold != 0) {  // interpolation and a constant may change places
    shifted.assign(values, values + logits.numel());
    for (float& value : shifted) value -= threshold;
    values = shifted.data();
  }
  return FindRuns(values, static_cast<int>(logits.size(0)), static_cast<int>(logits.size(1)),
                  frame_width, frame_height);
}

std::int64_t AreaOfRuns(const std::vector<Run>& runs) {
  std::int64_t area = 0;
  for (const Run& run : runs) area += run.end - run.begin;
  return area;
}

Mask MaskFromRuns(const std::vector<Run>& runs) {
  Mask mask;
  if (runs.empty()) return mask;
  int left = runs.front().begin, right = runs.front().end;
  for (const Run& run : runs) {
    left = std::min(left, run.begin);
    right = std::max(right, run.end);
  }
  mask.x = left;
  mask.y = runs.front().y;
  mask.width = right - left;
  mask.height = runs.back().y + 1 - mask.y;
  mask.pixels.resize(static_cast<std::size_t>(mask.width) * mask.height);
  for (const Run& run : runs) {
    const std::size_t row = static_cast<std::size_t>(run.y - mask.y) * mask.width;
    std::memset(&mask.pixels[row + (run.begin - left)], 255, run.end - run.begin);
  }
  return mask;
}

Mask Tight(const Mask& mask) {
  std::vector<Run> runs;
  for (int y = 0; y < mask.height; ++y) {
    const std::uint8_t* row = mask.pixels.data() + static_cast<size_t>(y) * mask.width;
    for (int x = 0; x < mask.width; ++x) {
      if (row[x] == 0) continue;
      const int begin = x;
      while (x < mask.width && row[x] != 0) ++x;
      runs.push_back({mask.y + y, mask.x + begin, mask.x + x});
    }
  }
  return MaskFromRuns(runs);
}

std::int64_t AreaOf(const Mask& mask) {
  std::uint32_t area = 0;  // what a vector counts in
  for (const std::uint8_t pixel : mask.pixels) area += pixel != 0 ? 1 : 0;
  return area;
}

Box BoxOf(const Mask& mask) {
  return {static_cast<float>(mask.x), static_cast<float>(mask.y),
          static_cast<float>(mask.x + mask.width), static_cast<float>(mask.y + mask.height)};
}

Mask MaskFromLogits(const at::Tensor& logits, int frame_width, int frame_height) {
  return MaskFromRuns(RunsFromLogits(logits, 0, frame_width, frame_height));
}

void CheckMask(const Mask& mask) {
  const bool good = mask.width >= 0 && mask.height >= 0 &&
                    mask.pixels.size() == static_cast<std::size_t>(mask.width) * mask.height;
  if (good) return;
  throw Error(ErrorCode::kBadSettings, "a mask of " + std::to_string(mask.width) + "x" +
                                           std::to_string(mask.height) + " with " +
                                           std::to_string(mask.pixels.size()) + " pixels");
}

at::Tensor MaskToInput(const Mask& mask, int frame_width, int frame_height, int size) {
  CheckMask(mask);
  at::Tensor frame = at::zeros({1, 1, frame_height, frame_width}, at::kFloat);
  float* out = frame.mutable_data_ptr<float>();
  const std::int64_t x_end = std::min<std::int64_t>(std::int64_t{mask.x} + mask.width, frame_width);
  const std::int64_t y_end =
      std::min<std::int64_t>(std::int64_t{mask.y} + mask.height, frame_height);
  for (std::int64_t y = std::max(mask.y, 0); y < y_end; ++y) {
    const std::uint8_t* row = mask.pixels.data() + (y - mask.y) * mask.width - mask.x;
    for (std::int64_t x = std::max(mask.x, 0); x < x_end; ++x) {
      out[y * frame_width + x] = row[x] != 0 ? 1 : 0;
    }
  }
  if (frame_width == size && frame_height == size) return frame;
  return at::_upsample_bilinear2d_aa(frame, std::array<std::int64_t, 2>{size, size}, false,
                                     std::nullopt, std::nullopt)
      .ge(0.5)
      .to(at::kFloat);
}

}  // namespace sam2
