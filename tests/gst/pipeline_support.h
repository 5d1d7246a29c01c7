// SPDX-License-Identifier: Apache-2.0
//
// Pieces of whole pipelines with the fake core.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support.h"

namespace gstsam2::testing {

// Descriptions: the element with the fake core, a source of a moving white ball.
std::string Track();
std::string Source(int frames, const std::string& format);

// The lines that sam2jsonenc wrote.
std::vector<nlohmann::json> ReadLines(const std::string& path);

// At EOS and without a warning.
bool EndedWell(const std::vector<Message>& messages);

// A pipeline that the test drives.
class Driven {
 public:
  explicit Driven(const std::string& description);
  ~Driven();
  Driven(const Driven&) = delete;
  Driven& operator=(const Driven&) = delete;

  // Waits until the state is reached; live pipelines do not preroll.
  void SetState(GstState state);
  bool SeekToStart(GstSeekFlags flags, GstClockTime stop);
  // Waits for a message of this type; false when there is an error instead, or none.
  bool WaitFor(GstMessageType type);
  GstElement* Get(const char* name);  // owned by the pipeline
  GstElement* top() { return pipeline_; }

 private:
  GstElement* pipeline_;
  GstBus* bus_;
};

// Does `change` while no buffer passes the element's source pad.
void WhileIdle(GstElement* element, const std::function<void()>& change);

}  // namespace gstsam2::testing
