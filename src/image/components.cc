// SPDX-License-Identifier: Apache-2.0
#include "image/components.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "image/stretches.h"

namespace sam2 {
namespace {

constexpr float kFilled = 0.1f;  // the reference's "small positive mask score"

// One mask's logits, or a part of them.
struct Plane {
  float* data;
  int width, height;
  int stride;  // logits from one row to the next

  float* row(int y) const { return data + std::int64_t{y} * stride; }
};

// The part of the logits that holds all holes of at most max_area. A hole
// touches the mask, hence lies within max_area of the rectangle that just
// holds the mask; any other component that this part cuts has more than
// max_area logits inside it.
Plane SearchedPart(const Plane& plane, int max_area) {
  int left = plane.width, right = -1, top = plane.height, bottom = -1;
  for (int y = 0; y < plane.height; ++y) {
    const Ends ends = EndsAbove(plane.row(y), plane.width);
    if (ends.last < 0) continue;
    left = std::min(left, ends.first);
    right = std::max(right, ends.last);
    top = std::min(top, y);
    bottom = y;
  }
  if (right < 0) return plane;
  const int margin = max_area + 1;
  const int x0 = std::max(left - margin, 0), y0 = std::max(top - margin, 0);
  return {.data = plane.row(y0) + x0,
          .width = std::min(right + margin + 1, plane.width) - x0,
          .height = std::min(bottom + margin + 1, plane.height) - y0,
          .stride = plane.stride};
}

// Logits of one kind that stand together in a row.
struct Stretch {
  int y, begin, end;
};

// The stretches of logits above 0 (or of the others), row by row.
std::vector<Stretch> FindStretches(const Plane& plane, bool above) {
  std::vector<Stretch> stretches;
  for (int y = 0; y < plane.height; ++y) {
    ForEachStretch(plane.row(y), plane.width, above,
                   [&](int begin, int end) { stretches.push_back({y, begin, end}); });
  }
  return stretches;
}

// A number for each stretch that those of one component, and no others, share.
class Components {
 public:
  explicit Components(const std::vector<Stretch>& stretches) : parent_(stretches.size()) {
    const int count = static_cast<int>(stretches.size());
    std::iota(parent_.begin(), parent_.end(), 0);
    // `above` goes through the row before as `i` goes through its own.
    for (int i = 0, above = 0; i < count; ++i) {
      const Stretch& s = stretches[i];
      const auto before = [&](const Stretch& t) {
        return t.y < s.y - 1 || (t.y == s.y - 1 && t.end < s.begin);
      };
      while (before(stretches[above])) ++above;
      // Those that touch, if only at a corner.
      for (int j = above; stretches[j].y == s.y - 1 && stretches[j].begin <= s.end; ++j) {
        Join(j, i);
      }
    }
    // Parents come after their children.
    for (int i = count; i-- > 0;) parent_[i] = parent_[parent_[i]];
  }

  int operator[](std::size_t stretch) const { return parent_[stretch]; }

 private:
  // `i` is the root of all that was joined to it so far, and the latest.
  void Join(int j, int i) {
    while (parent_[j] != j) j = parent_[j] = parent_[parent_[j]];
    parent_[j] = i;
  }

  std::vector<int> parent_;  // of each stretch; of a root, itself
};

// The stretches of 8-connected components of at most max_area logits; with
// keep_largest only of those that are smaller than another one.
std::vector<Stretch> FindSmall(const Plane& plane, bool above, int max_area,
                               bool keep_largest = false) {
  const std::vector<Stretch> stretches = FindStretches(plane, above);
  const Components component(stretches);
  std::vector<int> area(stretches.size());
  for (std::size_t i = 0; i < stretches.size(); ++i) {
    area[component[i]] += stretches[i].end - stretches[i].begin;
  }
  if (keep_largest && !area.empty()) max_area = std::min(max_area, std::ranges::max(area) - 1);
  std::vector<Stretch> small;
  for (std::size_t i = 0; i < stretches.size(); ++i) {
    if (area[component[i]] <= max_area) small.push_back(stretches[i]);
  }
  return small;
}

void Set(const Plane& plane, const std::vector<Stretch>& stretches, float value) {
  for (const Stretch& s : stretches) {
    std::fill(plane.row(s.y) + s.begin, plane.row(s.y) + s.end, value);
  }
}

// Calls visit(Plane) with each mask of logits [..., h, w], contiguous.
template <typename Visit>
void ForEachMask(at::Tensor& logits, Visit visit) {
  const int height = static_cast<int>(logits.size(-2)), width = static_cast<int>(logits.size(-1));
  float* data = logits.mutable_data_ptr<float>();
  for (std::int64_t at = 0; at < logits.numel(); at += std::int64_t{height} * width) {
    visit(Plane{data + at, width, height, width});
  }
}

}  // namespace

void FillHoles(at::Tensor logits, int max_area) {
  if (max_area <= 0) return;
  ForEachMask(logits, [&](const Plane& mask) {
    const Plane part = SearchedPart(mask, max_area);
    Set(part, FindSmall(part, /*above=*/false, max_area), kFilled);
  });
}

void RemoveSpecks(at::Tensor logits, int max_area) {
  if (max_area <= 0) return;
  ForEachMask(logits, [&](const Plane& mask) {
    Set(mask, FindSmall(mask, /*above=*/true, max_area, /*keep_largest=*/true), -kFilled);
  });
}

void RemoveHolesAndSpecks(at::Tensor logits, int max_hole_area, int max_speck_area) {
  constexpr float kSure = 10;
  ForEachMask(logits, [&](const Plane& mask) {
    // Both of the logits as they were; an area of 0 finds nothing.
    const std::vector<Stretch> holes = FindSmall(mask, false, max_hole_area);
    const std::vector<Stretch> specks = FindSmall(mask, true, max_speck_area);
    Set(mask, holes, kSure);
    Set(mask, specks, -kSure);
  });
}

}  // namespace sam2
