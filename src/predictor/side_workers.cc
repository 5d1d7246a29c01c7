// SPDX-License-Identifier: Apache-2.0
#include "predictor/side_workers.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace sam2 {
namespace {

class OperatorsOnOneThread {
 public:
  OperatorsOnOneThread() { UseOperatorThreads(1); }
  ~OperatorsOnOneThread() { UseOperatorThreads(before_); }
  OperatorsOnOneThread(const OperatorsOnOneThread&) = delete;
  OperatorsOnOneThread& operator=(const OperatorsOnOneThread&) = delete;

 private:
  int before_ = at::get_num_threads();
};

}  // namespace

// Asked for the first time, ATen sets the number itself.
void UseOperatorThreads(int threads) {
  if (at::get_num_threads() != threads) at::set_num_threads(threads);
}

struct SideWorkers::State {
  std::function<void(int64_t)> piece;
  int64_t count;
  std::mutex mutex;
  std::condition_variable all_done;
  int64_t begun = 0, done = 0;
  std::exception_ptr failure;

  // The next piece, or -1.
  int64_t Begin() {
    const std::lock_guard lock(mutex);
    return begun < count ? begun++ : -1;
  }

  // Computes a piece, if there is one left.
  bool RunOne() {
    const int64_t index = Begin();
    if (index < 0) return false;
    std::exception_ptr thrown;
    try {
      piece(index);
    } catch (...) {
      thrown = std::current_exception();
    }
    const std::lock_guard lock(mutex);
    if (!failure) failure = thrown;
    if (++done == begun) all_done.notify_all();
    return true;
  }

  void WaitForBegun() {
    std::unique_lock lock(mutex);
    all_done.wait(lock, [this] { return done == begun; });
  }
};

SideWorkers::Work::~Work() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->count = state_->begun;
  }
  state_->WaitForBegun();
  state_->piece = nullptr;  // a worker may hold on to the state for a moment
}

void SideWorkers::Work::Finish() {
  while (state_->RunOne()) {
  }
  state_->WaitForBegun();
  if (state_->failure) std::rethrow_exception(std::exchange(state_->failure, nullptr));
}

SideWorkers::~SideWorkers() {
  for (std::jthread& thread : threads_) thread.request_stop();
}

std::unique_ptr<SideWorkers::Work> SideWorkers::Start(int workers, int64_t pieces,
                                                      std::function<void(int64_t)> piece) {
  auto state = std::make_shared<State>();
  state->piece = std::move(piece);
  state->count = pieces;
  auto work = std::make_unique<Work>(state);
  workers = static_cast<int>(std::min<int64_t>(workers, pieces));
  if (workers <= 0) return work;
  {
    const std::lock_guard lock(mutex_);
    while (std::ssize(threads_) < workers) {
      threads_.emplace_back([this](std::stop_token stop) { Loop(stop); });
    }
    waiting_.push_back(std::move(state));
  }
  wake_.notify_all();
  return work;
}

void SideWorkers::ForEach(int threads, int64_t pieces, std::function<void(int64_t)> piece) {
  if (pieces == 1) return piece(0);
  const OperatorsOnOneThread one_thread;
  Start(threads - 1, pieces, std::move(piece))->Finish();
}

void SideWorkers::Loop(std::stop_token stop) {
  const c10::InferenceMode inference_mode;
  UseOperatorThreads(1);
  for (;;) {
    std::shared_ptr<State> state;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return !waiting_.empty(); })) return;
      state = waiting_.front();
    }
    if (state->RunOne()) continue;
    const std::lock_guard lock(mutex_);
    std::erase(waiting_, state);
  }
}

}  // namespace sam2
