// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "predictor/graph.h"

namespace sam2 {

// Functions of tensors, each run as it is the first time its inputs have these
// shapes, which also warms up whatever it needs, then by a graph captured the
// second time. Only so many graphs are kept, the latest used.
//
// Inputs are copied to a graph's own before it is replayed, results from it
// afterwards: the caller's tensors may lie anywhere, and results are the
// caller's, whatever is replayed next. When a graph cannot be captured, that is
// told once and everything runs as it is from then on.
//
// Not thread-safe.
class GraphCache {
 public:
  using Tensors = std::vector<at::Tensor>;
  using Function = std::function<Tensors(const Tensors&)>;

  explicit GraphCache(std::unique_ptr<GraphPool> pool, size_t capacity = 16);

  // fn(inputs), of which any may be undefined: tensors of the caller's. What fn does must depend on
  // nothing but `name` and the inputs: which operators run, on their shapes and
  // types and on which are defined. It must do as well with contiguous inputs.
  Tensors Run(const char* name, const Tensors& inputs, const Function& fn);

  // The same with results that lie in one place for good, so that graphs of which
  // they are inputs read them there. They hold until the next such call.
  Tensors RunInPlace(const char* name, const Tensors& inputs, const Function& fn);

  int captured() const;  // graphs there are

 private:
  struct Entry {
    std::string key;
    bool has_run = false;
    Tensors inputs, outputs;       // the graph's own
    Tensors kept;                  // results of RunInPlace()
    std::unique_ptr<Graph> graph;  // none while fn has run but once
  };

  // The latest used one is the first. Adds it if need be.
  Entry& Find(const std::string& key);
  bool IsKept(const at::Tensor& tensor) const;
  // Copies the inputs and sees to it that there is a graph that reads them there.
  bool Prepare(Entry& entry, const Tensors& inputs, const Function& fn);
  static void Replay(const char* name, Entry& entry);

  std::unique_ptr<GraphPool> pool_;  // before its graphs
  size_t capacity_;
  std::list<Entry> entries_;
  bool failed_ = false;
};

}  // namespace sam2
