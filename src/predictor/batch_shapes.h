// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "model/sam2_model.h"

namespace sam2 {

// Which shapes batches of objects may have. Each further shape costs memory
// for good: on the CPU the kernels that oneDNN keeps for it, half a megabyte for
// each layer, on a GPU its captured graph. So few sizes occur. Objects are not
// filled up, memories are: from the first frame on to what there is later, so
// that an object costs the same on all its frames.
struct BatchShapes {
  // Numbers of memories and of pointers, which go up together: as two of their
  // own they would make more shapes.
  struct Length {
    int64_t memories, obj_ptrs;
  };

  std::vector<int64_t> objects;  // the sizes of a batch, falling, the last one 1
  // Those of prompts, which have many shapes of their own: numbers of clicks.
  std::vector<int64_t> prompts;
  std::vector<int64_t> images;  // those of frames of several streams
  std::vector<Length> lengths;  // rising, the last one the most there can be
  // Whether position codes that all objects share may be one row.
  bool may_share_positions;

  // on_gpu: those of a GPU, which may be asked for on the CPU too.
  static BatchShapes For(const Sam2Model& model, bool on_gpu);
  static BatchShapes For(const Sam2Model& model) { return For(model, !model.device().is_cpu()); }

  // The first of the lengths that so many fit in; where none is long enough, so many.
  Length LengthOf(Length needed) const;

  // The batches that `count` objects are divided into, of these sizes.
  static std::vector<int64_t> Divide(int64_t count, const std::vector<int64_t>& sizes);
};

}  // namespace sam2
