// SPDX-License-Identifier: Apache-2.0
#include "duplicates.h"

#include <algorithm>

#include "mask_overlap.h"

namespace gstsam2 {

int Duplicates::GoesOf(int older, int younger) const {
  if (born_.contains(younger)) return younger;
  return born_.contains(older) ? older : 0;
}

std::vector<Duplicates::Pair> Duplicates::Update(std::span<const sam2::Object> objects,
                                                 GstClockTime now) {
  std::erase_if(born_, [&](int id) {
    return std::ranges::find(objects, id, &sam2::Object::id) == objects.end();
  });
  std::map<std::pair<int, int>, GstClockTime> since;
  std::map<int, int> over;  // the ids that go, and one that each stays as
  for (std::size_t young = 1; young < objects.size() && !born_.empty(); ++young) {
    for (std::size_t old = 0; old < young; ++old) {
      const sam2::Object &a = objects[old], &b = objects[young];
      const int goes = GoesOf(a.id, b.id);
      if (goes == 0 || Iou(a.mask, b.mask) <= iou_) continue;
      const std::pair pair(goes, goes == a.id ? b.id : a.id);
      const auto before = since_.find(pair);
      since[pair] = before != since_.end() ? before->second : now;
      if (now - since[pair] >= time_) over.emplace(pair);
    }
  }
  since_ = std::move(since);
  std::vector<Pair> pairs;
  for (const auto& [goes, stays] : over) pairs.push_back({goes, stays});
  return pairs;
}

void Duplicates::Reset() {
  born_.clear();
  since_.clear();
}

}  // namespace gstsam2
