// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "predictor/graph.h"

namespace sam2 {

// The module with all that needs CUDA's headers, and its one C symbol; the
// number changes with graph.h. Its torch symbols are those of libtorch_cuda.so.
inline constexpr char kCudaModule[] = "libsam2cuda.so";
inline constexpr char kCudaGraphsName[] = "sam2_cuda_graphs_1";
using CudaGraphsEntry = GraphPool*(int device);

// CUDA graphs of a device, once libtorch_cuda.so is open. Null where the module
// is missing, which is told.
std::unique_ptr<GraphPool> OpenCudaGraphs(at::Device device);

}  // namespace sam2
