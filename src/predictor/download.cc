// SPDX-License-Identifier: Apache-2.0
#include "predictor/download.h"

#include <ATen/ATen.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace sam2 {

std::vector<at::Tensor> Download(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> flat;
  for (const at::Tensor& tensor : tensors) flat.push_back(tensor.flatten());
  const at::Tensor all = at::cat(flat);
  const at::Device device = all.device();
  const at::Tensor host = at::empty(
      all.sizes(), at::TensorOptions(all.scalar_type()).pinned_memory(!device.is_cpu()));
  host.copy_(all, /*non_blocking=*/true);
  if (!device.is_cpu()) {
    c10::impl::VirtualGuardImpl(device.type()).getStream(device).synchronize();
  }
  std::vector<at::Tensor> parts;
  int64_t begin = 0;
  for (const at::Tensor& tensor : tensors) {
    parts.push_back(host.narrow(0, begin, tensor.numel()).view(tensor.sizes()));
    begin += tensor.numel();
  }
  return parts;
}

}  // namespace sam2
