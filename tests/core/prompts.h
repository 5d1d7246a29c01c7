// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sam2.h"

namespace sam2 {

inline Prompt BarePrompt(int id, PromptAction action) {
  Prompt prompt;
  prompt.id = id;
  prompt.action = action;
  return prompt;
}

inline Prompt BoxPrompt(int id, const Box& box, PromptAction action = PromptAction::kAdd) {
  Prompt prompt = BarePrompt(id, action);
  prompt.box = box;
  return prompt;
}

inline Prompt ClickPrompt(int id, float x, float y, PromptAction action = PromptAction::kAdd) {
  Prompt prompt = BarePrompt(id, action);
  prompt.points = {{x, y, true}};
  return prompt;
}

inline Prompt MaskPrompt(int id, const Mask& mask, PromptAction action = PromptAction::kAdd) {
  Prompt prompt = BarePrompt(id, action);
  prompt.mask = mask;
  return prompt;
}

}  // namespace sam2
