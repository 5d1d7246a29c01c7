// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "predictor/side_workers.h"

namespace sam2 {

// Runs the job on this thread. What it throws is thrown as an Error.
void RunTranslatingErrors(const std::function<void()>& job);

// All inference on one device runs here, on one thread, in the order of
// asking: N streams neither fight for cores nor starve, and the parallel
// runtime keeps one team of threads instead of one for each stream.
class ExecutionQueue {
 public:
  // The queue of a device, shared by all who hold it.
  static std::shared_ptr<ExecutionQueue> ForDevice(at::Device device);

  ExecutionQueue();
  ~ExecutionQueue();

  // Runs the job and waits for it. What the job throws is thrown here, as an
  // Error. threads: for parallel work inside the job's operators.
  void Run(int threads, const std::function<void()>& job);

  // Jobs that have not begun.
  std::size_t waiting() const;

  // For pieces of jobs.
  SideWorkers& workers() { return workers_; }

 private:
  void Loop(std::stop_token stop);

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<std::function<void()>> jobs_;
  SideWorkers workers_;
  std::jthread thread_;
};

}  // namespace sam2
