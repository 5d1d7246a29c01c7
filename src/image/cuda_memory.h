// SPDX-License-Identifier: Apache-2.0
//
// Memory of others on NVIDIA GPUs. Needs no header of CUDA: the three functions
// of the driver that are called are looked up in its library.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace sam2 {

// Functions of the CUDA driver API: libcuda.so.1. All return 0 on success.
struct CudaDriver {
  using Context = void*;
  using Pointer = unsigned long long;

  int (*pointer_get_attributes)(unsigned count, int* attributes, void** values, Pointer pointer);
  int (*ctx_get_current)(Context* context);
  int (*memcpy_peer_async)(Pointer to, Context to_context, Pointer from, Context from_context,
                           std::size_t bytes, void* stream);

  // Of this machine. Throws Error kDeviceMissing when there is no driver.
  static const CudaDriver& Get();
};

// Bytes in GPU memory as a tensor [bytes] uint8 on `device`. A view when they
// belong to the context that PyTorch uses, or to none. PyTorch's is the
// device's primary context, GStreamer makes one of its own: memory of another
// context is copied, on the device, without waiting.
// Throws Error kFailed, also when the pointer is no device pointer.
at::Tensor FromCuda(const std::uint8_t* data, std::int64_t bytes, at::Device device,
                    const CudaDriver& driver = CudaDriver::Get());

}  // namespace sam2
