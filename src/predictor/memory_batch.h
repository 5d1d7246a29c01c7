// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "model/sam2_model.h"
#include "predictor/memory_bank.h"

namespace sam2 {

// The memories of several objects as one batch for the memory attention, also
// when the objects have different numbers of them: shorter rows are filled up
// and the filling is masked, so that each object's result is as if it were
// alone.
MemoryTokens BatchMemories(const Sam2Model& model,
                           std::span<const MemoryBank::Selection> objects);

}  // namespace sam2
