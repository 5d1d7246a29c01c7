// SPDX-License-Identifier: Apache-2.0
#include "model/attention.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace sam2 {
namespace {

// Scores held at once on the CPU: they should stay in the cache between the
// two matrix products.
constexpr int64_t kScoreBlock = 1 << 22;

// softmax(scale * q k^T + bias) v for some of the queries; all [B, ...].
Tensor AttendBlock(const Tensor& q, const Tensor& k_t, const Tensor& v, const Tensor& bias,
                   double scale) {
  // With beta = 0 the first operand is not read.
  const Tensor scores = at::baddbmm(bias.defined() ? bias : q.new_zeros({1, 1, 1}), q, k_t,
                                    /*beta=*/bias.defined() ? 1 : 0, /*alpha=*/scale);
  return at::bmm(at::softmax(scores, -1), v);
}

// Two matrix products with the softmax between, over blocks of queries. On
// the CPU this runs at the speed of the matrix products, several times that
// of scaled_dot_product_attention with few heads and long keys.
Tensor AttendByBlocks(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& bias) {
  const auto batched = [](const Tensor& x) { return x.reshape({-1, x.size(-2), x.size(-1)}); };
  const Tensor q3 = batched(q), k_t = batched(k).transpose(1, 2), v3 = batched(v);
  const Tensor bias3 = bias.defined() ? batched(bias) : bias;
  const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(-1)));
  const int64_t queries = q3.size(1);
  const int64_t rows = std::max<int64_t>(32, kScoreBlock / std::max<int64_t>(1, k_t.numel() / k_t.size(1)));
  std::vector<Tensor> blocks;
  for (int64_t start = 0; start < queries; start += rows) {
    const Tensor block = q3.slice(1, start, std::min(start + rows, queries));
    blocks.push_back(AttendBlock(block, k_t, v3, bias3, scale));
  }
  const Tensor out = blocks.size() == 1 ? blocks[0] : at::cat(blocks, 1);
  std::vector<int64_t> sizes(q.sizes().begin(), q.sizes().end());
  sizes.back() = v.size(-1);
  return out.view(sizes);
}

}  // namespace

Tensor ScaledDotProductAttention(const Tensor& q, const Tensor& k, const Tensor& v,
                                 const Tensor& bias) {
  if (q.is_cpu()) return AttendByBlocks(q, k, v, bias);
  return at::scaled_dot_product_attention(
      q, k, v, bias.defined() ? std::optional<Tensor>(bias) : std::nullopt);
}

Attention::Attention(const Scope& w, int64_t embedding_dim, int64_t num_heads)
    : q_proj(w["q_proj"], embedding_dim, -1),
      k_proj(w["k_proj"], embedding_dim, q_proj.out()),
      v_proj(w["v_proj"], embedding_dim, q_proj.out()),
      out_proj(w["out_proj"], q_proj.out(), embedding_dim),
      num_heads(num_heads) {
  if (q_proj.out() % num_heads != 0) {
    w.weights().Fail("tensor " + w.Name("q_proj.weight") + ": width " +
                     std::to_string(q_proj.out()) + " is no multiple of " +
                     std::to_string(num_heads) + " heads");
  }
}

Tensor Attention::operator()(const Tensor& q, const Tensor& k, const Tensor& v) const {
  const auto heads = [this](const Tensor& x) {  // [B, N, C] -> [B, heads, N, C / heads]
    return x.unflatten(-1, {num_heads, x.size(-1) / num_heads}).transpose(1, 2);
  };
  const Tensor out =
      ScaledDotProductAttention(heads(q_proj(q)), heads(k_proj(k)), heads(v_proj(v)));
  return out_proj(out.transpose(1, 2).flatten(2));
}

}  // namespace sam2
