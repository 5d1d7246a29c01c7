// SPDX-License-Identifier: Apache-2.0
#include "operator_log.h"

#include <algorithm>
#include <set>
#include <sstream>

namespace sam2 {
namespace {

thread_local std::vector<Operator>* t_log = nullptr;

void Describe(const at::Tensor& tensor, std::ostream& out) {
  if (!tensor.defined()) return;
  // A number in a tensor's clothes, which goes to the device as an argument.
  if (tensor.unsafeGetTensorImpl()->is_wrapped_number()) return;
  out << ' ' << tensor.device() << tensor.scalar_type() << tensor.sizes() << tensor.strides();
}

std::unique_ptr<at::ObserverContext> OnOperator(const at::RecordFunction& call) {
  if (!t_log) return nullptr;
  std::ostringstream inputs;
  for (const c10::IValue& value : call.inputs()) {
    if (value.isTensor()) Describe(value.toTensor(), inputs);
    if (value.isTensorList()) {
      for (const at::Tensor& tensor : value.toTensorVector()) Describe(tensor, inputs);
    }
  }
  t_log->push_back({call.name(), inputs.str()});
  return nullptr;
}

// Waits for the device to know a value, or a shape.
bool ReadsBack(const std::string& name) {
  static const std::set<std::string> names = {
      "aten::item", "aten::_local_scalar_dense", "aten::is_nonzero", "aten::equal",
      "aten::allclose", "aten::nonzero", "aten::nonzero_numpy", "aten::argwhere",
      "aten::masked_select", "aten::bincount", "aten::histc", "aten::unique_consecutive",
      "aten::unique_dim", "aten::_unique", "aten::_unique2", "aten::repeat_interleave",
      "aten::_assert_async", "aten::pin_memory"};
  return names.contains(name);
}

bool IsBool(const Operator& op) { return op.inputs.find("Bool[") != std::string::npos; }

// Tensors of two devices meet. Outside of meta tensors that is not seen.
bool MixesDevices(const Operator& op) {
  return op.inputs.find(" cpu") != std::string::npos && op.inputs.find(" meta") != std::string::npos;
}

// Values of the host on their way to the device: what at::tensor() calls at its end.
bool ComesFromHost(const Operator& op) {
  return op.name == "aten::lift_fresh" || op.name == "aten::from_blob" || MixesDevices(op);
}

}  // namespace

OperatorLog::OperatorLog()
    : handle_(at::addThreadLocalCallback(at::RecordFunctionCallback(OnOperator)
                                             .needsInputs(true)
                                             .scopes({at::RecordScope::FUNCTION}))) {
  t_log = &operators_;
}

OperatorLog::~OperatorLog() {
  t_log = nullptr;
  at::removeCallback(handle_);
}

int OperatorLog::Count(const std::string& name) const {
  return static_cast<int>(std::ranges::count(operators_, name, &Operator::name));
}

std::vector<std::string> OperatorLog::Forbidden() const {
  std::set<std::string> found;
  for (const Operator& op : operators_) {
    // An index of booleans is a nonzero() in disguise.
    const bool by_mask = IsBool(op) && (op.name == "aten::index" || op.name == "aten::index_put_");
    if (ReadsBack(op.name) || by_mask || ComesFromHost(op)) found.insert(op.name + op.inputs);
  }
  return {found.begin(), found.end()};
}

}  // namespace sam2
