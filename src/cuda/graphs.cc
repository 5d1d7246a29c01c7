// SPDX-License-Identifier: Apache-2.0
//
// graph.h on CUDA. A module of its own, because it needs CUDA's headers and
// symbols of libtorch_cuda.so, which the core does without.
#include <ATen/Context.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/StreamGuard.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAStream.h>

#include "predictor/cuda_graphs.h"
#include "sam2.h"

namespace sam2 {
namespace {

namespace allocator = c10::cuda::CUDACachingAllocator;

// Where graphs are captured: not on the stream they are replayed on, which
// cannot be recorded, and in memory apart from what is not theirs.
struct Place {
  explicit Place(c10::DeviceIndex index)
      : device(index),
        stream(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, device)),
        memory(at::cuda::graph_pool_handle()) {
    allocator::createOrIncrefPool(device, memory);  // also while there is no graph
  }
  ~Place() { allocator::releasePool(device, memory); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  const c10::DeviceIndex device;
  const c10::cuda::CUDAStream stream;
  const at::cuda::MempoolId_t memory;
};

class CudaGraph : public Graph {
 public:
  explicit CudaGraph(std::shared_ptr<const Place> place) : place_(std::move(place)) {}

  std::vector<at::Tensor> Capture(
      const std::function<std::vector<at::Tensor>()>& fn) override {
    const c10::StreamGuard guard(place_->stream.unwrap());
    try {
      // Other threads, such as a decoder's, may wait and allocate meanwhile.
      graph_.capture_begin(place_->memory, cudaStreamCaptureModeThreadLocal);
      std::vector<at::Tensor> results = fn();
      graph_.capture_end();
      return results;
    } catch (...) {
      Abandon();
      throw;
    }
  }

  void Replay() override { graph_.replay(); }

 private:
  // Ends a capture that failed anywhere, so that stream and allocator work on.
  void Abandon() noexcept {
    try {
      graph_.capture_end();
    } catch (const std::exception&) {  // it was broken, or had ended
    }
    try {
      allocator::endAllocateToPool(place_->device, place_->memory);
    } catch (const std::exception&) {  // it had ended
    }
  }

  std::shared_ptr<const Place> place_;  // before what lies there
  at::cuda::CUDAGraph graph_;
};

class CudaGraphPool : public GraphPool {
 public:
  explicit CudaGraphPool(c10::DeviceIndex device) : place_(std::make_shared<Place>(device)) {}
  std::unique_ptr<Graph> New() override { return std::make_unique<CudaGraph>(place_); }

 private:
  std::shared_ptr<const Place> place_;
};

}  // namespace
}  // namespace sam2

extern "C" SAM2_EXPORT sam2::CudaGraphsEntry sam2_cuda_graphs_1;

sam2::GraphPool* sam2_cuda_graphs_1(int device) {
  at::globalContext().lazyInitDevice(at::kCUDA);  // nothing else has yet asked for CUDA's allocator
  return new sam2::CudaGraphPool(static_cast<c10::DeviceIndex>(device));
}
