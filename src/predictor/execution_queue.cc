// SPDX-License-Identifier: Apache-2.0
#include "predictor/execution_queue.h"

#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <future>
#include <map>
#include <new>

#include "predictor/caching_allocator.h"
#include "sam2.h"

namespace sam2 {
namespace {

// Host and device allocators tell of the same thing in different ways.
bool IsOutOfMemory(const c10::Error& error) {
  return dynamic_cast<const c10::OutOfMemoryError*>(&error) ||
         error.msg().find("can't allocate memory") != std::string::npos;
}

}  // namespace

void RunTranslatingErrors(const std::function<void()>& job) {
  try {
    job();
  } catch (const Error&) {
    throw;
  } catch (const c10::Error& error) {
    throw Error(IsOutOfMemory(error) ? ErrorCode::kOutOfMemory : ErrorCode::kFailed,
                error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kOutOfMemory, "out of memory");
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kFailed, error.what());
  }
}

std::shared_ptr<ExecutionQueue> ExecutionQueue::ForDevice(at::Device device) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<ExecutionQueue>> queues;
  static std::once_flag first_use;
  std::call_once(first_use, InstallCachingAllocator);
  std::lock_guard lock(mutex);
  std::weak_ptr<ExecutionQueue>& known = queues[device.str()];
  std::shared_ptr<ExecutionQueue> queue = known.lock();
  if (!queue) known = queue = std::make_shared<ExecutionQueue>();
  return queue;
}

ExecutionQueue::ExecutionQueue() : thread_([this](std::stop_token stop) { Loop(stop); }) {}

// Nobody waits for a job any more: Run() holds the queue through its caller.
ExecutionQueue::~ExecutionQueue() = default;

void ExecutionQueue::Run(int threads, const std::function<void()>& job) {
  // Shared, because the worker may still be leaving the task when its result
  // is already here.
  auto task = std::make_shared<std::packaged_task<void()>>([&] {
    UseOperatorThreads(threads);
    RunTranslatingErrors(job);
  });
  {
    std::lock_guard lock(mutex_);
    jobs_.emplace_back([task] { (*task)(); });
  }
  wake_.notify_one();
  task->get_future().get();
}

std::size_t ExecutionQueue::waiting() const {
  std::lock_guard lock(mutex_);
  return jobs_.size();
}

void ExecutionQueue::Loop(std::stop_token stop) {
  const c10::InferenceMode inference_mode;
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return !jobs_.empty(); })) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

}  // namespace sam2
