// SPDX-License-Identifier: Apache-2.0
#include "image/cuda_memory.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>

#include <array>
#include <string>

#include "sam2.h"

namespace sam2 {
namespace {

// Of CUpointer_attribute and CUmemorytype.
constexpr int kContext = 1, kMemoryType = 2, kDeviceOrdinal = 9;
constexpr unsigned kDeviceMemory = 2;

template <typename Function>
void Find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (!function) throw Error(ErrorCode::kDeviceMissing, std::string("libcuda.so.1 has no ") + name);
}

CudaDriver Open() {
  void* library = dlopen("libcuda.so.1", RTLD_LAZY);
  if (!library) throw Error(ErrorCode::kDeviceMissing, "no NVIDIA driver is installed");
  CudaDriver driver{};
  Find(library, "cuPointerGetAttributes", driver.pointer_get_attributes);
  Find(library, "cuCtxGetCurrent", driver.ctx_get_current);
  Find(library, "cuMemcpyPeerAsync", driver.memcpy_peer_async);
  return driver;
}

void Check(int result, const char* what) {
  if (result == 0) return;
  throw Error(ErrorCode::kFailed,
              std::string(what) + ": CUDA driver error " + std::to_string(result));
}

// Whose a pointer is.
struct Owner {
  CudaDriver::Context context = nullptr;  // none: memory of the device's pools
  unsigned memory_type = 0;
  int device = -1;
};

Owner OwnerOf(CudaDriver::Pointer pointer, const CudaDriver& driver) {
  Owner owner;
  std::array<int, 3> attributes = {kContext, kMemoryType, kDeviceOrdinal};
  std::array<void*, 3> values = {&owner.context, &owner.memory_type, &owner.device};
  Check(driver.pointer_get_attributes(attributes.size(), attributes.data(), values.data(), pointer),
        "cannot tell where the frame lies");
  if (owner.memory_type != kDeviceMemory) {
    throw Error(ErrorCode::kFailed, "the frame does not lie in CUDA memory, as it is said to");
  }
  return owner;
}

// PyTorch's, the current one of a thread that has worked on the device before.
CudaDriver::Context OurContext(at::Device device, const CudaDriver& driver) {
  CudaDriver::Context context = nullptr;
  Check(driver.ctx_get_current(&context), "no current CUDA context");
  if (context != nullptr) return context;
  at::zeros({1}, at::TensorOptions(at::kByte).device(device));  // makes it the current one
  Check(driver.ctx_get_current(&context), "no current CUDA context");
  return context;
}

// The stream that PyTorch works on; nullptr on the CPU.
void* CurrentStream(at::Device device) {
  if (device.is_cpu()) return nullptr;
  return c10::impl::VirtualGuardImpl(device.type()).getStream(device).native_handle();
}

}  // namespace

const CudaDriver& CudaDriver::Get() {
  static const CudaDriver driver = Open();
  return driver;
}

at::Tensor FromCuda(const std::uint8_t* data, std::int64_t bytes, at::Device device,
                    const CudaDriver& driver) {
  const c10::DeviceGuard guard(device);
  const auto from = static_cast<CudaDriver::Pointer>(reinterpret_cast<std::uintptr_t>(data));
  const Owner owner = OwnerOf(from, driver);
  const CudaDriver::Context ours = OurContext(device, driver);
  if (owner.context == ours || (owner.context == nullptr && owner.device == device.index())) {
    return at::for_blob(const_cast<std::uint8_t*>(data), {bytes})
        .options(at::TensorOptions(at::kByte).device(device))
        .target_device(device)
        .make_tensor();
  }
  const at::Tensor copy = at::empty({bytes}, at::TensorOptions(at::kByte).device(device));
  const auto to = reinterpret_cast<std::uintptr_t>(copy.mutable_data_ptr());
  Check(driver.memcpy_peer_async(to, ours, from, owner.context, static_cast<std::size_t>(bytes),
                                 CurrentStream(device)),
        "cannot copy the frame from another CUDA context");
  return copy;
}

}  // namespace sam2
