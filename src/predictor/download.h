// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include <optional>
#include <vector>

namespace sam2 {

// Of all that was asked of the device, which is not the CPU, by now.
c10::Event RecordEvent(at::Device device);

// Tensors of one device and type on their way to the host, in one copy.
class Download {
 public:
  // Begins the copy, after all that was asked of the device before.
  explicit Download(const std::vector<at::Tensor>& tensors);

  // Waits for it, not for what was asked of the device since. The tensors, contiguous: views of one buffer, from a GPU a
  // pinned one.
  std::vector<at::Tensor> Wait() const;

 private:
  std::optional<c10::Event> done_;  // none on the CPU
  std::vector<at::Tensor> parts_;  // of the buffer
};

}  // namespace sam2
