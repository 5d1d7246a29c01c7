// SPDX-License-Identifier: Apache-2.0
#include "prompt_event.h"

#include <exception>
#include <string>
#include <utility>

#include "errors.h"

namespace gstsam2 {

bool IsPromptEvent(GstEvent* event) {
  return (GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_DOWNSTREAM ||
          GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_DOWNSTREAM_OOB) &&
         gst_event_has_name(event, "sam2-prompt");
}

void QueueEventPrompt(GstElement* element, PromptQueue& queue, GstEvent* event) {
  try {
    PromptRequest request = ParsePromptStructure(*gst_event_get_structure(event));
    request.source = "event";
    queue.Add(std::move(request));
  } catch (const std::exception& error) {
    PostRefusal(element, std::string("Prompt refused (event): ") + error.what() + ".");
  }
}

}  // namespace gstsam2
