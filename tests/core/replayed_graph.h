// SPDX-License-Identifier: Apache-2.0
//
// A stand-in for CUDA graphs on the CPU: a replay runs the function again on
// what lies at its inputs by then, and writes to where its first results lie. As
// with graphs that share their memory, what the others gave is gone by then, and
// capturing computes nothing.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <memory>
#include <vector>

#include "predictor/engine.h"
#include "predictor/graph.h"

namespace sam2 {

// What became of a pool's graphs; outlives it.
struct GraphCounts {
  int captures = 0, replays = 0, alive = 0;
};

class ReplayedGraph;

class ReplayedPool : public GraphPool {
 public:
  explicit ReplayedPool(GraphCounts& counts) : counts_(counts) {}
  std::unique_ptr<Graph> New() override;

  // Makes a capture fail when this many have gone well.
  void FailAfter(int captures) { most_ = captures; }

 private:
  friend class ReplayedGraph;
  GraphCounts& counts_;
  int most_ = 1 << 30;
  std::vector<ReplayedGraph*> graphs_;
};

// A pool of which so many captures go well.
std::unique_ptr<GraphPool> Graphs(GraphCounts& counts, int most_captures = 1000);

// The built-in model in fp32 on one thread, with these graphs.
std::shared_ptr<ModelEngine> OpenEngine(std::unique_ptr<GraphPool> graphs);

}  // namespace sam2
