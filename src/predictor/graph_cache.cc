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

GraphCache::Tensors ForDefined(const GraphCache::Tensors& tensors,
                               at::Tensor (*make)(const at::Tensor&)) {
  GraphCache::Tensors made;
  for (const at::Tensor& tensor : tensors) made.push_back(tensor.defined() ? make(tensor) : tensor);
  return made;
}

}  // namespace

GraphCache::GraphCache(std::unique_ptr<GraphPool> pool, size_t capacity)
    : pool_(std::move(pool)), capacity_(capacity) {}

GraphCache::Tensors GraphCache::Run(const char* name, const Tensors& inputs, const Function& fn) {
  if (failed_) return fn(inputs);
  bool is_new = false;
  Entry& entry = Find(KeyOf(name, inputs), is_new);
  if (is_new || !Prepare(entry, inputs, fn)) return fn(inputs);
  RECORD_USER_SCOPE(name);
  entry.graph->Replay();
  return ForDefined(entry.outputs, [](const at::Tensor& x) { return x.clone(); });
}

int GraphCache::captured() const {
  return static_cast<int>(
      std::ranges::count_if(entries_, [](const Entry& entry) { return entry.graph != nullptr; }));
}

GraphCache::Entry& GraphCache::Find(const std::string& key, bool& is_new) {
  const auto found = std::ranges::find(entries_, key, &Entry::key);
  is_new = found == entries_.end();
  if (!is_new) {
    entries_.splice(entries_.begin(), entries_, found);
  } else {
    entries_.push_front({.key = key, .inputs = {}, .outputs = {}, .graph = nullptr});
    if (entries_.size() > capacity_) entries_.pop_back();
  }
  return entries_.front();
}

bool GraphCache::Prepare(Entry& entry, const Tensors& inputs, const Function& fn) try {
  if (!entry.graph) {
    entry.inputs = ForDefined(inputs, [](const at::Tensor& x) { return at::empty_like(x); });
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].defined()) entry.inputs[i].copy_(inputs[i], /*non_blocking=*/true);
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
