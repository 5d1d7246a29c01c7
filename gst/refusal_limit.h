// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace gstsam2 {

// Keeps refusals that come again and again from flooding the bus: of each kind
// one is told every ten seconds.
class RefusalLimit {
 public:
  // The reason as it is to be told, with how many of its kind were not; nothing
  // while it is not to be told. `time` never goes back.
  std::optional<std::string> Tell(const std::string& kind, const std::string& reason,
                                  GstClockTime time);

  // The same text for reasons that differ in numbers alone.
  static std::string KindOf(const std::string& reason);

 private:
  struct Kind {
    GstClockTime told;  // when last
    std::uint64_t untold = 0;
  };
  std::map<std::string, Kind> kinds_;
};

}  // namespace gstsam2
