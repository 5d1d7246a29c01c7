// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace sam2 {

// Lets operators that this thread calls use so many threads.
void UseOperatorThreads(int threads);

// Threads beside the one that runs inference. Each computes whole pieces of
// work alone: operators on it do not split their work further. Threads inside
// of operators meet at the end of each one; with a small network that costs as
// much as the work itself, and many times that where another program keeps one
// of them from its core. Pieces of work wait for nobody.
class SideWorkers {
  struct State;

 public:
  // Pieces 0 .. count-1 that are being computed.
  class Work {
   public:
    explicit Work(std::shared_ptr<State> state) : state_(std::move(state)) {}
    // Drops the pieces that nobody has begun and waits for the others. What
    // `piece` holds goes here.
    ~Work();
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;

    // Computes the pieces that nobody has begun and waits for the others.
    // Throws what one of them threw. To be called once.
    void Finish();

   private:
    std::shared_ptr<State> state_;
  };

  SideWorkers() = default;
  ~SideWorkers();
  SideWorkers(const SideWorkers&) = delete;
  SideWorkers& operator=(const SideWorkers&) = delete;

  // Begins the pieces on the workers, of which there are from then on at least
  // `workers`, or as many as the pieces are. With none the pieces wait for Finish().
  std::unique_ptr<Work> Start(int workers, int64_t pieces, std::function<void(int64_t)> piece);

  // Computes the pieces on so many threads, this one among them, operators on one
  // thread each; a single piece as it is. Throws what one of them threw.
  void ForEach(int threads, int64_t pieces, std::function<void(int64_t)> piece);

 private:
  void Loop(std::stop_token stop);

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<std::shared_ptr<State>> waiting_;  // with pieces nobody has begun, at least lately
  std::vector<std::jthread> threads_;
};

}  // namespace sam2
