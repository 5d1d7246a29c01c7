// SPDX-License-Identifier: Apache-2.0
//
// Downstream custom events named "sam2-prompt".
#pragma once

#include <gst/gst.h>

#include "prompts.h"

namespace gstsam2 {

bool IsPromptEvent(GstEvent* event);

// Queues the event's prompt; one that cannot be used is refused with a warning
// of `element`.
void QueueEventPrompt(GstElement* element, PromptQueue& queue, GstEvent* event);

}  // namespace gstsam2
