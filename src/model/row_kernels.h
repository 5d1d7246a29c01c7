// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/core/Tensor.h>

// Chains of elementwise operators on the CPU in one pass over each row, which
// stays in the nearest cache meanwhile. As operators of ATen every step goes
// through all of the tensor, which took as long as the matrix products between.
namespace sam2::rows {

// Whether these kernels know tensors of this kind: on the CPU, fp32 or bf16, not empty.
bool Know(const at::Tensor& x);
// Whether they take this one: its rows are without gaps, too.
bool Take(const at::Tensor& x);

// Puts x * cos + swapped * sin in the place of x, swapped having the halves of
// each row exchanged. x: [N, M, T, C], rows without gaps; cos, sin: [T, C]
// contiguous, of the same type.
void Rotate(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin);

// Puts gelu(layer_norm(x)) in the place of x. x: [..., C] contiguous; weight,
// bias: [C], of the same type.
void NormGelu(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, double eps);

}  // namespace sam2::rows
