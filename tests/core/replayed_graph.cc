// SPDX-License-Identifier: Apache-2.0
#include "replayed_graph.h"

#include <limits>

#include "checkpoint/checkpoint.h"

namespace sam2 {

class ReplayedGraph : public Graph {
 public:
  explicit ReplayedGraph(ReplayedPool& pool) : pool_(pool) {
    pool_.graphs_.push_back(this);
    ++pool_.counts_.alive;
  }
  ~ReplayedGraph() override {
    std::erase(pool_.graphs_, this);
    --pool_.counts_.alive;
  }

  std::vector<at::Tensor> Capture(const std::function<std::vector<at::Tensor>()>& fn) override {
    fn_ = fn;
    for (const at::Tensor& result : fn()) {
      results_.push_back(result.defined() ? result.clone() : result);
    }
    TORCH_CHECK(pool_.counts_.captures < pool_.most_, "cannot be captured");
    ++pool_.counts_.captures;
    Spoil();
    return results_;
  }

  void Replay() override {
    for (ReplayedGraph* graph : pool_.graphs_) graph->Spoil();
    const std::vector<at::Tensor> results = fn_();
    for (size_t i = 0; i < results.size(); ++i) {
      if (results[i].defined()) results_[i].copy_(results[i]);
    }
    ++pool_.counts_.replays;
  }

 private:
  void Spoil() {
    for (const at::Tensor& result : results_) {
      if (result.defined()) result.fill_(std::numeric_limits<double>::quiet_NaN());
    }
  }

  ReplayedPool& pool_;
  std::function<std::vector<at::Tensor>()> fn_;
  std::vector<at::Tensor> results_;
};

std::unique_ptr<Graph> ReplayedPool::New() { return std::make_unique<ReplayedGraph>(*this); }

std::unique_ptr<GraphPool> Graphs(GraphCounts& counts, int most_captures) {
  auto pool = std::make_unique<ReplayedPool>(counts);
  pool->FailAfter(most_captures);
  return pool;
}

std::shared_ptr<ModelEngine> OpenEngine(std::unique_ptr<GraphPool> graphs) {
  const ResolvedOptions options =
      Resolve({.model = SAM2_BUILTIN_MODEL, .device = "cpu", .precision = "fp32"});
  auto engine = std::make_shared<ModelEngine>(options, ReadCheckpoint(SAM2_BUILTIN_MODEL),
                                              std::move(graphs));
  engine->set_threads(1);
  return engine;
}

}  // namespace sam2
