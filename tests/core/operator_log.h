// SPDX-License-Identifier: Apache-2.0
//
// Which operators run on this thread, on which shapes.
#pragma once

#include <ATen/ATen.h>
#include <ATen/record_function.h>

#include <string>
#include <vector>

namespace sam2 {

struct Operator {
  std::string name;    // "aten::add"
  std::string inputs;  // types, sizes, strides and devices of its tensors
  bool operator==(const Operator&) const = default;
};

class OperatorLog {
 public:
  OperatorLog();  // begins
  ~OperatorLog();
  OperatorLog(const OperatorLog&) = delete;
  OperatorLog& operator=(const OperatorLog&) = delete;

  const std::vector<Operator>& operators() const { return operators_; }
  int Count(const std::string& name) const;
  // Those that a captured step must not contain: which wait for the device, make
  // shapes by its values, or bring anything from the host. Each once.
  std::vector<std::string> Forbidden() const;

 private:
  std::vector<Operator> operators_;
  at::CallbackHandle handle_;
};

}  // namespace sam2
