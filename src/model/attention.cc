// SPDX-License-Identifier: Apache-2.0
#include "model/attention.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace sam2 {
namespace {

// Scores held at once on the CPU: they should stay in the cache between the
// two matrix products.
constexpr int64_t kScoreBlock = 1 << 20;

// The plain formula for a block of queries.
Tensor AttendBlock(const Tensor& q, const Tensor& k_t, const Tensor& v, const Tensor& bias) {
  Tensor scores = at::matmul(q, k_t);
  if (bias.defined()) scores.add_(bias);
  return at::matmul(at::softmax(scores, -1), v);
}

// Two matrix products with the softmax between, over blocks of queries. On
// the CPU this runs at the speed of the matrix products, several times that
// of scaled_dot_product_attention with few heads and long keys.
Tensor AttendByBlocks(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& bias) {
  const int64_t queries = q.size(-2), keys = k.size(-2);
  const int64_t batch = q.numel() / (queries * q.size(-1));
  const int64_t rows = std::max<int64_t>(32, kScoreBlock / std::max<int64_t>(1, keys * batch));
  const Tensor scaled = q * (1.0 / std::sqrt(static_cast<double>(q.size(-1))));
  const Tensor k_t = k.transpose(-2, -1);
  if (rows >= queries) return AttendBlock(scaled, k_t, v, bias);
  std::vector<Tensor> blocks;
  for (int64_t start = 0; start < queries; start += rows) {
    blocks.push_back(
        AttendBlock(scaled.slice(-2, start, std::min(start + rows, queries)), k_t, v, bias));
  }
  return at::cat(blocks, -2);
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
