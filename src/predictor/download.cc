// SPDX-License-Identifier: Apache-2.0
#include "predictor/download.h"

#include <ATen/ATen.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace sam2 {

c10::Event RecordEvent(at::Device device) {
  c10::Event event(device.type());
  event.record(c10::impl::VirtualGuardImpl(device.type()).getStream(device));
  return event;
}

Download::Download(const std::vector<at::Tensor>& tensors) {
  const at::Device device = tensors[0].device();
  std::vector<at::Tensor> flat;
  for (const at::Tensor& tensor : tensors) flat.push_back(tensor.flatten());
  const at::Tensor all = at::cat(flat);
  const at::Tensor host = at::empty(
      all.sizes(), at::TensorOptions(all.scalar_type()).pinned_memory(!device.is_cpu()));
  host.copy_(all, /*non_blocking=*/true);
  if (!device.is_cpu()) done_ = RecordEvent(device);
  int64_t begin = 0;
  for (const at::Tensor& tensor : tensors) {
    parts_.push_back(host.narrow(0, begin, tensor.numel()).view(tensor.sizes()));
    begin += tensor.numel();
  }
}

std::vector<at::Tensor> Download::Wait() const {
  if (done_) done_->synchronize();
  return parts_;
}

}  // namespace sam2
