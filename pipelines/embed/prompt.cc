// SPDX-License-Identifier: Apache-2.0
#include "prompt.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace {

using Json = nlohmann::json;

bool IsNumbers(const Json& json) {
  return json.is_array() && std::ranges::all_of(json, &Json::is_number);
}

// A number, text, a list of numbers or a list of such lists.
bool IsField(const Json& json) {
  return json.is_number() || json.is_string() || IsNumbers(json) ||
         (json.is_array() && std::ranges::all_of(json, IsNumbers));
}

// All items of a list must have the same type: numbers in lists are doubles.
GValue ToValue(const Json& json, bool in_list = false) {
  GValue value = G_VALUE_INIT;
  if (json.is_array()) {
    g_value_init(&value, GST_TYPE_ARRAY);
    for (const Json& member : json) {
      GValue item = ToValue(member, true);
      gst_value_array_append_and_take_value(&value, &item);
    }
  } else if (json.is_number_integer() && !in_list) {
    g_value_init(&value, G_TYPE_INT64);
    g_value_set_int64(&value, json.get<gint64>());
  } else if (json.is_number()) {
    g_value_init(&value, G_TYPE_DOUBLE);
    g_value_set_double(&value, json.get<double>());
  } else {
    g_value_init(&value, G_TYPE_STRING);
    g_value_set_string(&value, json.get<std::string>().c_str());
  }
  return value;
}

}  // namespace

GstEvent* PromptEvent(const std::string& line) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) throw std::invalid_argument("not a JSON object: " + line);
  for (const auto& [key, member] : json.items()) {
    if (!IsField(member)) throw std::invalid_argument(key + " cannot be " + member.dump());
  }
  GstStructure* prompt = gst_structure_new_empty("sam2-prompt");
  for (const auto& [key, member] : json.items()) {
    GValue value = ToValue(member);
    gst_structure_take_value(prompt, key.c_str(), &value);
  }
  // Out of band: it overtakes waiting frames, and to send it blocks nobody.
  return gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM_OOB, prompt);
}
