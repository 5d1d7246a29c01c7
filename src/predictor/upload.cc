// SPDX-License-Identifier: Apache-2.0
#include "predictor/upload.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace sam2 {
namespace {

template <typename T>
at::Tensor UploadValues(std::span<const T> values, at::Device device) {
  const at::Tensor host =
      at::empty({std::ssize(values)}, at::TensorOptions(c10::CppTypeToScalarType<T>::value)
                                          .pinned_memory(!device.is_cpu()));
  std::ranges::copy(values, host.mutable_data_ptr<T>());
  return host.to(device, /*non_blocking=*/true);
}

}  // namespace

at::Tensor Upload(std::span<const int64_t> values, at::Device device) {
  return UploadValues(values, device);
}

at::Tensor Upload(std::span<const float> values, at::Device device) {
  return UploadValues(values, device);
}

}  // namespace sam2
