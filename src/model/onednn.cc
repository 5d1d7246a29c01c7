// SPDX-License-Identifier: Apache-2.0
#include "model/onednn.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <string_view>

namespace sam2::onednn {
namespace {

using at::Tensor;
using OptTensor = std::optional<Tensor>;
using Scalars = c10::List<std::optional<at::Scalar>>;
using OptString = std::optional<std::string_view>;
using Ints = at::IntArrayRef;

// The operators are known to the dispatcher by name; no header declares them.
template <typename Signature>
c10::TypedOperatorHandle<Signature> Find(const char* name, const char* overload = "") {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, overload).typed<Signature>();
}

bool OperatorsExist() {
  static const bool exist = at::globalContext().hasMKLDNN() &&
                            c10::Dispatcher::singleton().findSchema(
                                {"mkldnn::_convolution_pointwise_", "binary"});
  return exist;
}

// As the operators want it: what, and how ("none": the exact erf form).
struct Attribute {
  std::string_view name;
  OptString algorithm;
};

Attribute AttributeOf(Activation activation) {
  switch (activation) {
    case Activation::kRelu: return {"relu", ""};
    case Activation::kGelu: return {"gelu", "none"};
    case Activation::kNone: break;
  }
  return {"none", ""};
}

}  // namespace

bool CanPack(const Tensor& weight) {
  return weight.is_cpu() && OperatorsExist() &&
         (weight.scalar_type() == at::kFloat || weight.scalar_type() == at::kBFloat16);
}

Tensor PackConv(const Tensor& weight, int64_t padding, int64_t stride, int64_t groups,
                int64_t side) {
  static const auto op = Find<Tensor(const Tensor&, Ints, Ints, Ints, int64_t,
                                     at::OptionalIntArrayRef)>("mkldnn::_reorder_convolution_weight");
  const std::vector<int64_t> input = {1, weight.size(1) * groups, side, side};
  return op.call(weight, {padding, padding}, {stride, stride}, {1, 1}, groups, input);
}

Tensor PackLinear(const Tensor& weight) {
  static const auto op = Find<Tensor(const Tensor&, std::optional<int64_t>)>(
      "mkldnn::_reorder_linear_weight");
  return op.call(weight, std::nullopt);
}

Tensor Conv(const Tensor& x, const Tensor& packed, const Tensor& bias, int64_t padding,
            int64_t stride, int64_t groups, Activation activation) {
  static const auto op = Find<Tensor(const Tensor&, const Tensor&, const OptTensor&, Ints, Ints,
                                     Ints, int64_t, std::string_view, Scalars, OptString)>(
      "mkldnn::_convolution_pointwise");
  const Attribute attribute = AttributeOf(activation);
  return op.call(x, packed, bias, {padding, padding}, {stride, stride}, {1, 1}, groups,
                 attribute.name, Scalars(), attribute.algorithm);
}

Tensor AddConv(Tensor sum, const Tensor& x, const Tensor& packed, const Tensor& bias,
               int64_t padding, int64_t stride, int64_t groups) {
  static const auto op =
      Find<Tensor&(Tensor&, const Tensor&, const Tensor&, const OptTensor&, Ints, Ints, Ints,
                   int64_t, std::string_view, std::optional<at::Scalar>, OptString, Scalars,
                   OptString)>("mkldnn::_convolution_pointwise_", "binary");
  return op.call(sum, x, packed, bias, {padding, padding}, {stride, stride}, {1, 1}, groups,
                 "add", std::nullopt, std::nullopt, Scalars(), std::nullopt);
}

Tensor Linear(const Tensor& x, const Tensor& packed, const Tensor& bias, Activation activation,
              const Tensor& residual) {
  const OptTensor maybe_bias = bias.defined() ? OptTensor(bias) : std::nullopt;
  if (residual.defined()) {
    static const auto op = Find<Tensor(const Tensor&, const Tensor&, const Tensor&,
                                       const OptTensor&, std::string_view)>(
        "mkldnn::_linear_pointwise", "binary");
    return op.call(x, residual, packed, maybe_bias, "add");
  }
  static const auto op = Find<Tensor(const Tensor&, const Tensor&, const OptTensor&,
                                     std::string_view, Scalars, OptString)>(
      "mkldnn::_linear_pointwise");
  const Attribute attribute = AttributeOf(activation);
  return op.call(x, packed, maybe_bias, attribute.name, Scalars(), attribute.algorithm);
}

}  // namespace sam2::onednn
