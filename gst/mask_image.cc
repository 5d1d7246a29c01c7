// SPDX-License-Identifier: Apache-2.0
#include "mask_image.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace gstsam2 {
namespace {

// For one pixel of the frame along one axis: the two mask pixels beside it and
// the weight of the second, in 256ths.
struct Tap {
  int first = 0, second = 0, weight = 0;
};

// Taps for the frame's pixels begin..end-1, where `count` mask pixels span
// [origin, origin + extent) of the frame.
std::vector<Tap> Taps(int begin, int end, double origin, double extent, int count) {
  std::vector<Tap> taps;
  for (int i = begin; i < end; ++i) {
    const double at =
        std::clamp((i + 0.5 - origin) * count / extent - 0.5, 0.0, static_cast<double>(count - 1));
    const int first = static_cast<int>(at);
    taps.push_back({first, std::min(first + 1, count - 1),
                    static_cast<int>(std::lround((at - first) * 256))});
  }
  return taps;
}

int Mix(int a, int b, int weight) { return a * (256 - weight) + b * weight; }

// First and last + 1 pixel whose centre lies in [origin, origin + extent) and in the frame.
struct Span {
  int begin, end;
};
Span CentresIn(double origin, double extent, int size) {
  const auto at = [size](double edge) {
    return static_cast<int>(std::clamp(std::ceil(edge - 0.5), 0.0, static_cast<double>(size)));
  };
  return {at(origin), at(origin + extent)};
}

void Resample(const std::uint8_t* pixels, int cols, const std::vector<Tap>& xs,
              const std::vector<Tap>& ys, std::vector<std::uint8_t>& out) {
  for (const Tap& y : ys) {
    const std::uint8_t* upper = pixels + static_cast<std::ptrdiff_t>(y.first) * cols;
    const std::uint8_t* lower = pixels + static_cast<std::ptrdiff_t>(y.second) * cols;
    for (const Tap& x : xs) {
      const int value = Mix(Mix(upper[x.first], upper[x.second], x.weight),
                            Mix(lower[x.first], lower[x.second], x.weight), y.weight);
      out.push_back(value >= 128 * 256 * 256 ? 255 : 0);
    }
  }
}

}  // namespace

void FitToFrame(ObjectsRecord& record, int frame_width, int frame_height) {
  if (record.frame_width == frame_width && record.frame_height == frame_height) return;
  const double sx = static_cast<double>(frame_width) / record.frame_width;
  const double sy = static_cast<double>(frame_height) / record.frame_height;
  const auto scale = [&](Rect& rect) {
    rect = {rect.x * sx, rect.y * sy, rect.width * sx, rect.height * sy};
  };
  for (ObjectRecord& object : record.objects) {
    if (object.box) scale(*object.box);
    if (object.mask) scale(object.mask->rect);
  }
  record.frame_width = frame_width;
  record.frame_height = frame_height;
}

sam2::Mask ToFrameMask(const ObjectMask& mask, int frame_width, int frame_height) {
  const Span columns = CentresIn(mask.rect.x, mask.rect.width, frame_width);
  const Span rows = CentresIn(mask.rect.y, mask.rect.height, frame_height);
  sam2::Mask out{.x = columns.begin, .y = rows.begin, .width = columns.end - columns.begin,
                 .height = rows.end - rows.begin, .pixels = {}};
  if (out.width <= 0 || out.height <= 0) return {};
  GstMapInfo map;
  if (!gst_buffer_map(mask.pixels.get(), &map, GST_MAP_READ)) return {};
  out.pixels.reserve(static_cast<std::size_t>(out.width) * out.height);
  if (out.width == mask.cols && out.height == mask.rows) {
    out.pixels.assign(map.data, map.data + static_cast<std::size_t>(mask.cols) * mask.rows);
  } else {
    Resample(map.data, mask.cols,
             Taps(columns.begin, columns.end, mask.rect.x, mask.rect.width, mask.cols),
             Taps(rows.begin, rows.end, mask.rect.y, mask.rect.height, mask.rows), out.pixels);
  }
  gst_buffer_unmap(mask.pixels.get(), &map);
  return out;
}

}  // namespace gstsam2
