// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <vector>

#include "predictor/slot_buffer.h"

namespace sam2 {

// Where the memories of all objects of a tracker are.
struct MemoryStore {
  SlotBuffer features;  // [capacity, T, mem_dim] bfloat16
  SlotBuffer obj_ptrs;  // [capacity, C]
};

// What one object looked like on one frame.
struct ObjectMemory {
  int64_t frame = 0;
  SlotBuffer::Slot features;  // undefined once too old to attend to
  SlotBuffer::Slot obj_ptr;
};

// The memories of one object, never more than a fixed number of them.
//
// Which are attended to is the reference's choice
// (SAM2Base._prepare_memory_conditioned_features): prompted frames, the latest
// num_maskmem - 1 others, and the pointers of the latest 15. It differs where
// more frames were prompted than max_cond_frames: the reference keeps them all
// and attends to all (or to the closest); here the first one stays, with the
// latest of the others.
class MemoryBank {
 public:
  struct Limits {
    int64_t num_maskmem = 7;      // memories attended to, one of them prompted
    int64_t max_obj_ptrs = 16;    // max_obj_ptrs_in_encoder
    int64_t max_cond_frames = 4;  // prompted frames attended to
    int64_t max_anchors = 2;
  };

  explicit MemoryBank(Limits limits) : limits_(limits) {}

  // Frames come in rising order. A frame that is added as prompted replaces
  // what was tracked on it.
  void AddPrompted(ObjectMemory memory);
  void AddTracked(ObjectMemory memory);
  // Keeps the latest added one as if its frame had been prompted, the oldest
  // such giving way. The reference has none of these.
  void AnchorLatest();

  // What `frame`, later than all that were added, attends to.
  struct Selection {
    std::vector<const ObjectMemory*> memories;
    std::vector<int64_t> t_pos;  // of each memory, see Sam2Model::MemoryPositions
    std::vector<const ObjectMemory*> pointers;
    std::vector<int64_t> ages;  // of each pointer: how many frames ago
  };
  Selection Select(int64_t frame) const;

  size_t size() const { return prompted_.size() + tracked_.size() + anchors_.size(); }

 private:
  // Whether the prompted frame at this place is attended to as such.
  bool IsConditioning(size_t index) const;
  void DropOld(int64_t now);

  Limits limits_;
  std::deque<ObjectMemory> prompted_, tracked_, anchors_;  // by rising frame
};

}  // namespace sam2
