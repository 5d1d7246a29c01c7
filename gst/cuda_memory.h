// SPDX-License-Identifier: Apache-2.0
//
// Buffers in GPU memory, as GStreamer's nvcodec elements make them. Nothing of
// GStreamer's CUDA library is linked: Debian 12 ships it without headers, and a
// plugin that needs it could not be loaded where it is missing.
#pragma once

#include <gst/gst.h>

namespace gstsam2 {

// Of caps: GST_CAPS_FEATURE_MEMORY_CUDA_MEMORY.
#define SAM2_CUDA_FEATURE "memory:CUDAMemory"

// Maps the device's memory, not a copy on the host: GST_MAP_CUDA.
inline constexpr int kMapCuda = GST_MAP_FLAG_LAST << 1;

// Whether all of the buffer's pixels lie in GstCudaMemory. Only such memory may
// be mapped with kMapCuda: any other ignores the flag.
bool IsCudaBuffer(GstBuffer* buffer);

// Waits until the pixels of a CUDA buffer are there. GStreamer 1.22's elements
// have waited themselves; since 1.24 they leave it to the reader, and mapping
// with kMapCuda does not wait either.
void WaitForCudaBuffer(GstBuffer* buffer);

}  // namespace gstsam2
