// SPDX-License-Identifier: Apache-2.0
#include "predictor/memory_bank.h"

#include <algorithm>
#include <iterator>

namespace sam2 {

void MemoryBank::AddPrompted(ObjectMemory memory) {
  const int64_t frame = memory.frame;
  std::erase_if(tracked_, [&](const ObjectMemory& m) { return m.frame == frame; });
  std::erase_if(prompted_, [&](const ObjectMemory& m) { return m.frame == frame; });
  prompted_.push_back(std::move(memory));
  DropOld(frame);
}

void MemoryBank::AddTracked(ObjectMemory memory) {
  const int64_t frame = memory.frame;
  tracked_.push_back(std::move(memory));
  DropOld(frame);
}

void MemoryBank::AnchorLatest() {
  if (tracked_.empty() || limits_.max_anchors == 0) return;
  if (std::ssize(anchors_) == limits_.max_anchors) anchors_.pop_front();
  anchors_.push_back(tracked_.back());
}

bool MemoryBank::IsConditioning(size_t index) const {
  return index == 0 || index + limits_.max_cond_frames > prompted_.size();
}

MemoryBank::Selection MemoryBank::Select(int64_t frame) const {
  Selection selection;
  const auto add_memory = [&](const ObjectMemory& memory, int64_t t_pos) {
    selection.memories.push_back(&memory);
    selection.t_pos.push_back(t_pos);
  };
  const auto add_pointer = [&](const ObjectMemory& memory) {
    selection.pointers.push_back(&memory);
    selection.ages.push_back(frame - memory.frame);
  };
  // A memory that is one of the latest, whatever made it.
  const auto add_recent = [&](const ObjectMemory& memory) {
    const int64_t age = frame - memory.frame;
    if (age < limits_.num_maskmem) add_memory(memory, limits_.num_maskmem - age);
    if (age < limits_.max_obj_ptrs) add_pointer(memory);
  };
  for (size_t i = 0; i < prompted_.size(); ++i) {
    if (IsConditioning(i)) {
      add_memory(prompted_[i], 0);
      add_pointer(prompted_[i]);
    } else {
      add_recent(prompted_[i]);
    }
  }
  for (const ObjectMemory& memory : anchors_) {  // the latest are there anyway
    if (frame - memory.frame >= limits_.num_maskmem) add_memory(memory, 0);
  }
  for (const ObjectMemory& memory : tracked_) add_recent(memory);
  return selection;
}

void MemoryBank::DropOld(int64_t now) {
  const auto age = [&](const ObjectMemory& memory) { return now + 1 - memory.frame; };
  std::erase_if(tracked_, [&](const ObjectMemory& m) { return age(m) >= limits_.max_obj_ptrs; });
  for (ObjectMemory& memory : tracked_) {
    if (age(memory) >= limits_.num_maskmem) memory.features.reset();
  }
  for (size_t i = prompted_.size(); i-- > 0;) {
    if (!IsConditioning(i) && age(prompted_[i]) >= limits_.max_obj_ptrs) {
      prompted_.erase(prompted_.begin() + i);
    }
  }
}

}  // namespace sam2
