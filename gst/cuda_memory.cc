// SPDX-License-Identifier: Apache-2.0
#include "cuda_memory.h"

#include <dlfcn.h>

namespace gstsam2 {
namespace {

constexpr char kMemoryType[] = "gst.cuda.memory";  // GST_CUDA_MEMORY_TYPE_NAME

// gst_cuda_memory_sync() of the library that made the memory and therefore is
// loaded, which has it since 1.24; or nullptr.
using SyncFunction = void(GstMemory* memory);

SyncFunction* FindSync() {
  void* library = dlopen("libgstcuda-1.0.so.0", RTLD_LAZY | RTLD_NOLOAD);
  if (library == nullptr) return nullptr;
  return reinterpret_cast<SyncFunction*>(dlsym(library, "gst_cuda_memory_sync"));
}

}  // namespace

bool IsCudaBuffer(GstBuffer* buffer) {
  const guint count = gst_buffer_n_memory(buffer);
  for (guint i = 0; i < count; ++i) {
    if (!gst_memory_is_type(gst_buffer_peek_memory(buffer, i), kMemoryType)) return false;
  }
  return count > 0;
}

void WaitForCudaBuffer(GstBuffer* buffer) {
  // Called for CUDA memory alone: its library is there by the first time.
  static SyncFunction* const sync = FindSync();
  if (sync == nullptr) return;
  for (guint i = 0; i < gst_buffer_n_memory(buffer); ++i) sync(gst_buffer_peek_memory(buffer, i));
}

}  // namespace gstsam2
