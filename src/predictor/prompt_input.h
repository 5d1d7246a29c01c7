// SPDX-License-Identifier: Apache-2.0
//
// Prompts of a frame as the network takes them, in the part of the frame that it looks at.
#pragma once

#include <optional>

#include "image/window.h"
#include "model/sam2_model.h"
#include "predictor/prompt_plan.h"
#include "predictor/tracker_step.h"

namespace sam2 {

// Whether a mask is among what is asked of the object.
bool GivesMask(const PromptPlan::Pending& pending);

// Whether all that is asked of the object is a box or clicks on a frame where it begins.
bool BeginsByPoints(const PromptPlan::Pending& pending);

// The smallest box with all in it that is asked of the object: boxes and clicks, or a mask and
// what comes behind it.
Box ExtentOf(const PromptPlan::Pending& pending);

// A mask of the frame as one of the window: [1, 1, S, S] of 0 and 1, on the model's device.
Tensor ToMaskInput(const Mask& mask, const Window& window, const Sam2Model& model);

// Puts together what is asked of one object. A mask is an answer in itself, which clicks
// behind it refine; a box begins anew.
FramePrompt ToFramePrompt(const PromptPlan::Pending& pending, const Window& window,
                          const Sam2Model& model);

}  // namespace sam2
