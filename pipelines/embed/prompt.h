// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <string>

// A prompt, written as a line of a prompts file, as the event that sam2track
// understands:
//   {"box": [110, 0, 103, 100], "label": "car"}
//   {"id": 1, "action": "refine", "points": [[150, 40, 1]]}
//   {"id": 1, "action": "remove"}
// What the fields mean is checked by sam2track, which posts a warning when it
// refuses the prompt. Throws std::invalid_argument when the line is no JSON object.
GstEvent* PromptEvent(const std::string& line);
