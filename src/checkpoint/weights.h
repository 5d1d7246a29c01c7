// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace sam2 {

class Scope;

// Hands a checkpoint's tensors to the modules that are built from it, and sees
// to it that each is there, has the expected shape, is finite, and that none
// is left over: the strict load of torch.nn.Module.load_state_dict.
class Weights {
 public:
  // file: for messages. dtype, device: of the tensors that Param() returns.
  Weights(Checkpoint checkpoint, std::string file, at::ScalarType dtype, at::Device device);

  bool Has(const std::string& name) const { return checkpoint_.tensors.contains(name); }
  // Shape of a tensor that must exist and be like `shape`, in which -1 takes any
  // size, e.g. to learn a width from it. Throws Error(kBadCheckpoint).
  at::IntArrayRef Shape(const std::string& name, at::IntArrayRef shape) const {
    return Find(name, shape).sizes();
  }
  // The file's own metadata entry, or nullptr.
  const std::string* Metadata(const std::string& key) const;

  // The tensor as float32 on the CPU; a view of the file where it is stored so.
  // shape: as expected; -1 takes any size but 0. Throws Error(kBadCheckpoint).
  at::Tensor Raw(const std::string& name, at::IntArrayRef shape);
  // A tensor, computed from Raw ones, as the modules keep it.
  at::Tensor Place(const at::Tensor& tensor) const { return tensor.to(device_, dtype_); }
  at::Tensor PlaceFloat(const at::Tensor& tensor) const {
    return tensor.to(device_, at::kFloat);
  }

  // Throws Error(kBadCheckpoint) that names a tensor nobody took.
  void ExpectAllTaken() const;

  // Throws Error(kBadCheckpoint) with the file's name before `what`.
  [[noreturn]] void Fail(const std::string& what) const;
  // The same of a tensor: `what` goes on from its name.
  [[noreturn]] void FailTensor(const std::string& name, const std::string& what) const;

  Scope Root();
  // Bytes of all tensors in the file.
  std::int64_t bytes() const;
  std::int64_t elements() const;  // numbers in all tensors
  at::ScalarType dtype() const { return dtype_; }
  at::Device device() const { return device_; }

 private:
  const at::Tensor& Find(const std::string& name, at::IntArrayRef shape) const;

  // A tensor that was taken is replaced by a meta tensor, which keeps its shape
  // but no data: what a module copied or packed then leaves memory at once, and
  // a model of which all is packed needs little more than its weights to load.
  Checkpoint checkpoint_;
  std::string file_;
  at::ScalarType dtype_;
  at::Device device_;
};

// Weights below one prefix: Scope["a"]["0"].Param("weight", ...) is "a.0.weight".
class Scope {
 public:
  Scope(Weights& weights, std::string prefix) : weights_(&weights), prefix_(std::move(prefix)) {}

  Scope operator[](std::string_view child) const;
  Scope operator[](std::int64_t index) const { return (*this)[std::to_string(index)]; }
  // The children 0, 1, ... that have this leaf: `count` of them, or with 0 all
  // that are there and one at least. Throws Error(kBadCheckpoint) that names the
  // first leaf missing.
  std::vector<Scope> List(std::string_view leaf, std::int64_t count = 0) const;

  std::string Name(std::string_view leaf) const;
  bool Has(std::string_view leaf) const { return weights_->Has(Name(leaf)); }
  at::Tensor Raw(std::string_view leaf, at::IntArrayRef shape) const {
    return weights_->Raw(Name(leaf), shape);
  }
  // The tensor in the model's precision, on its device.
  at::Tensor Param(std::string_view leaf, at::IntArrayRef shape) const {
    return weights_->Place(Raw(leaf, shape));
  }
  // The same in float32, for what loses too much in half precision.
  at::Tensor ParamFloat(std::string_view leaf, at::IntArrayRef shape) const {
    return weights_->PlaceFloat(Raw(leaf, shape));
  }
  [[noreturn]] void Fail(std::string_view leaf, const std::string& what) const {
    weights_->FailTensor(Name(leaf), what);
  }
  Weights& weights() const { return *weights_; }

 private:
  Weights* weights_;
  std::string prefix_;
};

}  // namespace sam2
