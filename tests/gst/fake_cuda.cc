// SPDX-License-Identifier: Apache-2.0
#include "fake_cuda.h"

#include <vector>

namespace {

struct Memory {
  GstMemory memory;
  std::vector<guint8>* pixels;   // what is there
  std::vector<guint8>* written;  // what is still being written, until the sync
};

FakeCudaCounts g_counts;
bool g_fail = false;

Memory* Cast(GstMemory* memory) { return reinterpret_cast<Memory*>(memory); }

gpointer Map(GstMemory* memory, gsize, GstMapFlags flags) {
  if (g_fail) return nullptr;
  if ((flags & (GST_MAP_FLAG_LAST << 1)) == 0) {
    ++g_counts.host_maps;
    return Cast(memory)->written->data();  // the real one waits and downloads
  }
  ++g_counts.cuda_maps;
  return Cast(memory)->pixels->data();
}

void Unmap(GstMemory*) { ++g_counts.unmaps; }

GstMemory* Copy(GstMemory* memory, gssize, gssize) {
  ++g_counts.copies;
  return FakeCudaMemory(Cast(memory)->written->data(), memory->size);
}

struct Allocator {
  GstAllocator parent;
};
struct AllocatorClass {
  GstAllocatorClass parent;
};
G_DEFINE_TYPE(Allocator, allocator, GST_TYPE_ALLOCATOR)

void allocator_init(Allocator* self) {
  self->parent.mem_type = "gst.cuda.memory";
  self->parent.mem_map = Map;
  self->parent.mem_unmap = Unmap;
  self->parent.mem_copy = Copy;
  GST_OBJECT_FLAG_SET(self, GST_ALLOCATOR_FLAG_CUSTOM_ALLOC);
}

void allocator_class_init(AllocatorClass* klass) {
  klass->parent.free = [](GstAllocator*, GstMemory* memory) {
    delete Cast(memory)->pixels;
    delete Cast(memory)->written;
    delete Cast(memory);
  };
}

}  // namespace

FakeCudaCounts FakeCudaRead() { return g_counts; }

void FakeCudaReset() {
  g_counts = {};
  g_fail = false;
}

void FakeCudaFail(bool fail) { g_fail = fail; }

GstMemory* FakeCudaMemory(const void* data, gsize size) {
  const auto* bytes = static_cast<const guint8*>(data);
  auto* memory = new Memory{{}, new std::vector<guint8>(size),
                            new std::vector<guint8>(bytes, bytes + size)};
  auto* allocator =
      static_cast<GstAllocator*>(gst_object_ref_sink(g_object_new(allocator_get_type(), nullptr)));
  gst_memory_init(&memory->memory, static_cast<GstMemoryFlags>(0), allocator, nullptr, size, 0, 0,
                  size);
  gst_object_unref(allocator);
  return &memory->memory;
}

// Of the library whose name this one has, since 1.24.
FAKE_CUDA_EXPORT void gst_cuda_memory_sync(GstMemory* memory);
void gst_cuda_memory_sync(GstMemory* memory) {
  ++g_counts.syncs;
  *Cast(memory)->pixels = *Cast(memory)->written;
}
