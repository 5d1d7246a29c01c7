// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <vector>

namespace sam2 {

// Operators that were recorded once, to be run again on the same memory without
// the host issuing them one by one.
class Graph {
 public:
  virtual ~Graph() = default;

  // Records what fn does; nothing need be computed. To be called once. Returns
  // fn's results, which Replay() fills. fn reads its inputs where they lie, waits
  // for nothing and has run before. Throws what fn throws, or when it cannot be
  // recorded.
  virtual std::vector<at::Tensor> Capture(
      const std::function<std::vector<at::Tensor>()>& fn) = 0;

  // Computes all that was recorded, in the order of the device's current stream.
  virtual void Replay() = 0;
};

// Graphs of one device that share their working memory: the results of one hold
// until any of them is replayed.
class GraphPool {
 public:
  virtual ~GraphPool() = default;
  virtual std::unique_ptr<Graph> New() = 0;
};

}  // namespace sam2
