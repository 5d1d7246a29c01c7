// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/weights.h"

#include <ATen/ATen.h>

#include <cmath>
#include <sstream>

#include "checkpoint/tensor_index.h"
#include "sam2.h"

namespace sam2 {
namespace {

bool Matches(at::IntArrayRef found, at::IntArrayRef expected) {
  if (found.size() != expected.size()) return false;
  for (size_t i = 0; i < found.size(); ++i) {
    if (expected[i] != -1 && expected[i] != found[i]) return false;
  }
  return true;
}

// "[128, *, 3, 3]", * for any size
std::string ShapeText(at::IntArrayRef shape) {
  std::ostringstream out;
  out << '[';
  for (size_t i = 0; i < shape.size(); ++i) {
    out << (i ? ", " : "") << (shape[i] == -1 ? "*" : std::to_string(shape[i]));
  }
  out << ']';
  return out.str();
}

// Counters that torch.nn.BatchNorm2d saves for training only.
bool IsTrainingOnly(const std::string& name) { return name.ends_with(".num_batches_tracked"); }

}  // namespace

Weights::Weights(Checkpoint checkpoint, std::string file, at::ScalarType dtype, at::Device device)
    : checkpoint_(std::move(checkpoint)), file_(std::move(file)), dtype_(dtype), device_(device) {}

void Weights::Fail(const std::string& what) const {
  throw Error(ErrorCode::kBadCheckpoint, file_ + ": " + what);
}

void Weights::FailTensor(const std::string& name, const std::string& what) const {
  Fail("tensor " + Quote(name) + " " + what);
}

const at::Tensor& Weights::Find(const std::string& name, at::IntArrayRef shape) const {
  auto it = checkpoint_.tensors.find(name);
  if (it == checkpoint_.tensors.end()) FailTensor(name, "is missing");
  const at::Tensor& tensor = it->second;
  if (!Matches(tensor.sizes(), shape)) {
    FailTensor(name, "has shape " + ShapeText(tensor.sizes()) + ", expected " + ShapeText(shape));
  }
  // A width of 0 would be divided by later.
  if (tensor.numel() == 0) FailTensor(name, "of shape " + ShapeText(tensor.sizes()) + " is empty");
  return tensor;
}

const std::string* Weights::Metadata(const std::string& key) const {
  auto it = checkpoint_.metadata.find(key);
  return it == checkpoint_.metadata.end() ? nullptr : &it->second;
}

at::Tensor Weights::Raw(const std::string& name, at::IntArrayRef shape) {
  const at::Tensor& tensor = Find(name, shape);
  if (tensor.is_meta()) FailTensor(name, "is wanted twice");
  if (!tensor.is_floating_point()) FailTensor(name, "does not hold floating-point numbers");
  at::Tensor value = tensor.to(at::kFloat);
  // The sum is not finite if any element is not (weights are far from overflow).
  if (!std::isfinite(value.sum().item<float>())) {
    FailTensor(name, "holds values that are not finite");
  }
  checkpoint_.tensors[name] = tensor.to(at::kMeta);
  return value;
}

void Weights::ExpectAllTaken() const {
  for (const auto& [name, tensor] : checkpoint_.tensors) {
    if (!tensor.is_meta() && !IsTrainingOnly(name)) {
      FailTensor(name, ShapeText(tensor.sizes()) +
                           " belongs to no part of the model; expected no such tensor");
    }
  }
}

std::int64_t Weights::bytes() const {
  std::int64_t sum = 0;
  for (const auto& [name, tensor] : checkpoint_.tensors) sum += tensor.nbytes();
  return sum;
}

std::int64_t Weights::elements() const {
  std::int64_t sum = 0;
  for (const auto& [name, tensor] : checkpoint_.tensors) sum += tensor.numel();
  return sum;
}

Scope Weights::Root() { return Scope(*this, ""); }

Scope Scope::operator[](std::string_view child) const { return Scope(*weights_, Name(child)); }

std::vector<Scope> Scope::List(std::string_view leaf, std::int64_t count) const {
  std::vector<Scope> children;
  const auto more = [&](std::int64_t i) {
    return count > 0 ? i < count : i == 0 || (*this)[i].Has(leaf);
  };
  for (std::int64_t i = 0; more(i); ++i) {
    children.push_back((*this)[i]);
    if (!children.back().Has(leaf)) children.back().Fail(leaf, "is missing");
  }
  return children;
}

std::string Scope::Name(std::string_view leaf) const {
  return prefix_.empty() ? std::string(leaf) : prefix_ + "." + std::string(leaf);
}

}  // namespace sam2
