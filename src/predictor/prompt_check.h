// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "sam2.h"

namespace sam2 {

// Sees whether a prompt makes sense on a frame of this size. Cuts what reaches
// over the edge; sets outcome.clipped then, and outcome.error when nothing
// usable is left, naming the value and what is allowed.
void CheckPrompt(Prompt& prompt, int frame_width, int frame_height, PromptOutcome& outcome);

// Why the prompt's id is none that may be asked for, else empty.
std::string CheckId(const Prompt& prompt);

// Throws Error kBadSettings for a window that cannot be. name: as the elements have it.
// 0 and `least` to kMaxWindow are allowed.
void CheckWindow(const char* name, float factor, float least);

}  // namespace sam2
