// SPDX-License-Identifier: Apache-2.0
#include "predictor/graph_cache.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <sstream>
#include <utility>

namespace sam2 {
namespace {

std::string KeyOf(const char* name, const GraphCache::Tensors& inputs) {
  std::ostringstream key;
  key << name;
  for (const at::Tensor& input : inputs) {
    key << ' ';
    if (input.defined()) key << input.scalar_type() << input.sizes();
  }
  return key.str();
}

template <typename Make>
GraphCache::Tensors ForDefined(const GraphCache::Tensors& tensors, Make make) {
  GraphCache::Tensors made;
  for (const at::Tensor& tensor : tensors) made.push_back(tensor.defined() ? make(tensor) : tensor);
  return made;
}

GraphCache::Tensors Copies(const GraphCache::Tensors& tensors) {
  return ForDefined(tensors, [](const at::Tensor& x) { return x.clone(); });
}

}  // namespace

GraphCache::GraphCache(std::unique_ptr<GraphPool> pool, size_t capacity)
    : pool_(std::move(pool)), capacity_(capacity) {}

GraphCache::Tensors GraphCache::Run(const char* name, const Tensors& inputs, const Function& fn) {
  if (failed_) return fn(inputs);
  Entry& entry = Find(KeyOf(name, inputs));
  if (!std::exchange(entry.has_run, true) || !Prepare(entry, inputs, fn)) return fn(inputs);
  Replay(name, entry);
  return Copies(entry.outputs);
}

GraphCache::Tensors GraphCache::RunInPlace(const char* name, const Tensors& inputs,
                                           const Function& fn) {
  if (failed_) return fn(inputs);
  Entry& entry = Find(KeyOf(name, inputs));
  if (entry.kept.empty()) return entry.kept = Copies(fn(inputs));
  const Tensors kept = entry.kept;  // also when the entry goes
  const auto fill = [fn, kept](const Tensors& own) {
    const Tensors results = fn(own);
    for (size_t i = 0; i < results.size(); ++i) {
      if (results[i].defined()) kept[i].copy_(results[i]);
    }
    return kept;
  };
  if (!Prepare(entry, inputs, fill)) return fn(inputs);
  Replay(name, entry);
  return kept;
}

int GraphCache::captured() const {
  return static_cast<int>(
      std::ranges::count_if(entries_, [](const Entry& entry) { return entry.graph != nullptr; }));
}

GraphCache::Entry& GraphCache::Find(const std::string& key) {
  const auto found = std::ranges::find(entries_, key, &Entry::key);
  if (found != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, found);
  } else {
    entries_.emplace_front().key = key;
    if (entries_.size() > capacity_) entries_.pop_back();
  }
  return entries_.front();
}

bool GraphCache::IsKept(const at::Tensor& tensor) const {
  return std::ranges::any_of(entries_, [&](const Entry& entry) {
    return std::ranges::any_of(entry.kept,
                               [&](const at::Tensor& kept) { return kept.is_same(tensor); });
  });
}

void GraphCache::Replay(const char* name, Entry& entry) {
  RECORD_USER_SCOPE(name);
  entry.graph->Replay();
}

bool GraphCache::Prepare(Entry& entry, const Tensors& inputs, const Function& fn) try {
  if (!entry.graph) {
    entry.inputs = ForDefined(
        inputs, [&](const at::Tensor& x) { return IsKept(x) ? x : at::empty_like(x); });
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].defined() || inputs[i].is_same(entry.inputs[i])) continue;
    entry.inputs[i].copy_(inputs[i], /*non_blocking=*/true);
  }
  if (!entry.graph) {
    std::unique_ptr<Graph> graph = pool_->New();
    entry.outputs = graph->Capture([fn, own = entry.inputs] { return fn(own); });
    entry.graph = std::move(graph);
  }
  return true;
} catch (const std::exception& error) {
  const std::string why = error.what();  // the first line tells it
  TORCH_WARN("going on without CUDA graphs, one of which could not be captured: ",
             why.substr(0, why.find('\n')));
  failed_ = true;
  entries_.clear();
  return false;
}

}  // namespace sam2
