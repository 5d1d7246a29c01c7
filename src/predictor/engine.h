// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "checkpoint/checkpoint.h"
#include "model/sam2_model.h"
#include "predictor/encoder_batcher.h"
#include "predictor/execution_queue.h"
#include "predictor/graph_cache.h"
#include "predictor/tracker_step.h"
#include "sam2.h"

namespace sam2 {

// Options with every "auto" decided.
struct ResolvedOptions {
  std::string model;  // canonical path
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;
  int image_size = 0;
  bool graphs = true;  // on a CUDA device

  std::string Key() const;
};

// With GST_SAM2_GRAPHS=off in the environment there are no CUDA graphs.
// Throws Error: kNotFound, kBadSettings (naming value and what is allowed), kDeviceMissing.
ResolvedOptions Resolve(const EngineOptions& options);

class ModelEngine : public Engine, public std::enable_shared_from_this<ModelEngine> {
 public:
  explicit ModelEngine(const ResolvedOptions& options);
  // With weights from elsewhere; options.model is then but a name for messages.
  ModelEngine(const ResolvedOptions& options, Checkpoint checkpoint);
  // With graphs from elsewhere; steps then are in the form for a GPU.
  ModelEngine(const ResolvedOptions& options, Checkpoint checkpoint,
              std::unique_ptr<GraphPool> graphs);

  const ModelInfo& info() const override { return info_; }
  std::unique_ptr<VideoTracker> CreateVideoTracker(const TrackerOptions& options) override;
  std::unique_ptr<ImagePredictor> CreateImagePredictor(const StillsOptions& options) override;

  const Sam2Model& model() const { return *model_; }
  const TrackerStep& step() const { return *step_; }
  EncoderBatcher& encoder() { return *encoder_; }
  // Captured so far. Between steps.
  int graphs() const { return graphs_ ? graphs_->captured() : 0; }
  // Runs a job of a step, in turn with those of other streams.
  void Run(const std::function<void()>& job) { queue_->Run(OperatorThreads(), job); }
  std::size_t jobs_waiting() const { return queue_->waiting(); }
  // Begins pieces beside the jobs to come, on the threads that these leave.
  std::unique_ptr<SideWorkers::Work> Start(int64_t pieces, std::function<void(int64_t)> piece);
  // Whether a frame is best encoded beside the step before: a core is free for it.
  bool EncodesBesideSteps() const { return short_operators_ && AllThreads() > 1; }
  // Whether it is best encoded behind that, while the host reads its results: unless other
  // streams wait, whose frames are best encoded together with it.
  bool EncodesBehindSteps() const { return step_->on_gpu() && jobs_waiting() == 0; }
  // Computes pieces of a job, inside of it.
  void ForEach(int64_t pieces, std::function<void(int64_t)> piece);
  // Into how many parts so many objects are best divided.
  int64_t Parts(int64_t objects) const;
  // Computes so many equal pieces of a job in such parts, inside of it.
  void ForEachOf(int64_t pieces, const std::function<void(int64_t)>& piece);
  // How the work on one of so many parts is divided further.
  Pieces Within(int64_t parts);
  void set_threads(int threads) { threads_ = threads; }

 private:
  int OperatorThreads() const;  // at work inside of an operator
  int AllThreads() const;       // at work on pieces, the queue's own among them

  std::shared_ptr<ExecutionQueue> queue_;
  std::unique_ptr<const Sam2Model> model_;
  std::optional<GraphCache> graphs_;
  std::optional<const TrackerStep> step_;
  std::optional<EncoderBatcher> encoder_;
  ModelInfo info_;
  bool short_operators_ = false;
  std::atomic<int> threads_ = 0;
};

}  // namespace sam2
