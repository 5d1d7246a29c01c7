// SPDX-License-Identifier: Apache-2.0
//
// Shapes of operators that libtorch cannot run on meta tensors in C++: there
// PyTorch has them in Python alone.
#include <ATen/ATen.h>
#include <ATen/ExpandUtils.h>
#include <torch/library.h>

namespace sam2 {
namespace {

at::Tensor Relu(const at::Tensor& x) { return at::empty_like(x); }

std::tuple<at::Tensor, at::Tensor, at::Tensor> LayerNorm(const at::Tensor& x, at::IntArrayRef shape,
                                                         const std::optional<at::Tensor>&,
                                                         const std::optional<at::Tensor>&,
                                                         double /*eps*/) {
  std::vector<int64_t> sizes(x.sizes().begin(), x.sizes().end() - std::ssize(shape));
  sizes.resize(x.dim(), 1);
  return {at::empty(x.sizes(), x.options()), at::empty(sizes, x.options()),
          at::empty(sizes, x.options())};
}

at::Tensor IndexSelect(const at::Tensor& x, int64_t dim, const at::Tensor& index) {
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes[dim] = index.numel();
  return at::empty(sizes, x.options());
}

at::Tensor Where(const at::Tensor& condition, const at::Tensor& x, const at::Tensor& y) {
  const auto sizes = at::infer_size(condition.sizes(), at::infer_size(x.sizes(), y.sizes()));
  return at::empty(sizes, x.options().dtype(at::result_type(x, y)));
}

at::Tensor& WhereOut(const at::Tensor& condition, const at::Tensor& x, const at::Tensor& y,
                     at::Tensor& out) {
  out.resize_(Where(condition, x, y).sizes());
  return out;
}

// Channels innermost, as on a GPU with such weights.
at::Tensor Convolution(const at::Tensor& x, const at::Tensor& weight,
                       const std::optional<at::Tensor>&, at::IntArrayRef stride,
                       at::IntArrayRef padding, at::IntArrayRef dilation, bool /*transposed*/,
                       at::IntArrayRef /*output_padding*/, int64_t /*groups*/) {
  std::vector<int64_t> sizes = {x.size(0), weight.size(0)};
  for (int64_t i = 0; i < 2; ++i) {
    const int64_t kernel = dilation[i] * (weight.size(i + 2) - 1) + 1;
    sizes.push_back((x.size(i + 2) + 2 * padding[i] - kernel) / stride[i] + 1);
  }
  return at::empty(sizes, x.options().memory_format(at::MemoryFormat::ChannelsLast));
}

TORCH_LIBRARY_IMPL(aten, Meta, library) {
  library.impl("index_select", IndexSelect);
  library.impl("native_layer_norm", LayerNorm);
  library.impl("relu", Relu);
  library.impl("where.self", Where);
  library.impl("where.self_out", WhereOut);
  library.impl("convolution_overrideable", Convolution);
}

}  // namespace
}  // namespace sam2
