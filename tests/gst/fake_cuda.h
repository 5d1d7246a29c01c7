// SPDX-License-Identifier: Apache-2.0
//
// Memory that GStreamer takes for GstCudaMemory. It lies on the host, but is
// given out only when mapped with GST_MAP_CUDA, and as with the decoders of
// GStreamer 1.24 its pixels are there only after gst_cuda_memory_sync().
#pragma once

#include <gst/gst.h>

#define FAKE_CUDA_EXPORT extern "C" __attribute__((visibility("default")))

// What was done with such memory since FakeCudaReset().
struct FakeCudaCounts {
  int cuda_maps, host_maps, unmaps, syncs, copies;
};

FAKE_CUDA_EXPORT FakeCudaCounts FakeCudaRead();
FAKE_CUDA_EXPORT void FakeCudaReset();
// Makes every mapping fail, or not.
FAKE_CUDA_EXPORT void FakeCudaFail(bool fail);

// Memory with these contents.
FAKE_CUDA_EXPORT GstMemory* FakeCudaMemory(const void* data, gsize size);
