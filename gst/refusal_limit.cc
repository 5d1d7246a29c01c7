// SPDX-License-Identifier: Apache-2.0
#include "refusal_limit.h"

#include <sstream>

namespace gstsam2 {
namespace {

constexpr GstClockTime kInterval = 10 * GST_SECOND;

}  // namespace

std::optional<std::string> RefusalLimit::Tell(const std::string& kind, const std::string& reason,
                                              GstClockTime time) {
  const auto [entry, is_new] = kinds_.try_emplace(kind, Kind{.told = time});
  Kind& known = entry->second;
  if (!is_new && time - known.told < kInterval) {
    ++known.untold;
    return std::nullopt;
  }
  std::string text = reason;
  if (known.untold > 0) text += " (and " + std::to_string(known.untold) + " more)";
  known = {.told = time};
  return text;
}

// Coordinates, sizes and ids are words with digits.
std::string RefusalLimit::KindOf(const std::string& reason) {
  std::istringstream words(reason);
  std::string kind;
  for (std::string word; words >> word;) {
    if (word.find_first_of("0123456789") == std::string::npos) kind += word + " ";
  }
  return kind;
}

}  // namespace gstsam2
