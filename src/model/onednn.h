// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

#include "model/activation.h"

// Convolutions and linear layers of oneDNN on the CPU with weights that are
// laid out once, when a model is loaded, and with the activation or the
// residual sum done in the same pass: the operators that PyTorch's own
// inference compiler uses. A convolution with plain weights lays them out anew
// on every call, which with small maps costs as much as the convolution.
namespace sam2::onednn {

// Whether weights of this kind can be packed; if not, ATen's plain operators
// serve.
bool CanPack(const at::Tensor& weight);

// weight: [out, in / groups, k, k]; side: of the square maps it is meant for,
// which decides the layout (another layout is right but slow). The packed
// tensor keeps its sizes but has no readable data.
at::Tensor PackConv(const at::Tensor& weight, int64_t padding, int64_t stride, int64_t groups,
                    int64_t side);
// weight: [out, in]
at::Tensor PackLinear(const at::Tensor& weight);

at::Tensor Conv(const at::Tensor& x, const at::Tensor& packed, const at::Tensor& bias,
                int64_t padding, int64_t stride, int64_t groups, Activation activation);
// Adds the same to `sum`, of the result's shape, in place (not in place the
// operator copies it first, at times as slowly as it convolves). Returns it.
at::Tensor AddConv(at::Tensor sum, const at::Tensor& x, const at::Tensor& packed,
                   const at::Tensor& bias, int64_t padding, int64_t stride, int64_t groups);

// residual: undefined, or added to the result, of its shape; then without activation.
at::Tensor Linear(const at::Tensor& x, const at::Tensor& packed, const at::Tensor& bias,
                  Activation activation, const at::Tensor& residual);

}  // namespace sam2::onednn
