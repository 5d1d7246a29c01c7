// SPDX-License-Identifier: Apache-2.0
#include "predictor/cuda_graphs.h"

#include <c10/util/Exception.h>
#include <dlfcn.h>

namespace sam2 {

std::unique_ptr<GraphPool> OpenCudaGraphs(at::Device device) {
  void* module = dlopen(kCudaModule, RTLD_NOW);
  void* entry = module ? dlsym(module, kCudaGraphsName) : nullptr;
  if (!entry) {
    const char* why = dlerror();
    TORCH_WARN("no CUDA graphs, the tracker will be slower: ", why ? why : "unknown error");
    return nullptr;
  }
  return std::unique_ptr<GraphPool>(reinterpret_cast<CudaGraphsEntry*>(entry)(device.index()));
}

}  // namespace sam2
