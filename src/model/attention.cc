// SPDX-License-Identifier: Apache-2.0
#include "model/attention.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace sam2 {
namespace {

// How the CPU cuts a matrix of scores, by trial on memory attention. In bf16 the
// plain softmax over whole rows is fast; in fp32 scores that stay in the cache
// between both products are worth the extra work of a softmax in parts.
struct Blocking {
  int64_t keys;    // at most so many at once
  int64_t scores;  // held at once
};

Blocking BlockingOf(const Tensor& q) {
  if (q.scalar_type() == at::kFloat) return {.keys = 512, .scores = 1 << 19};
  return {.keys = std::numeric_limits<int64_t>::max(), .scores = 1 << 24};
}

Tensor Scores(const Tensor& q, const Tensor& k_t, const Tensor& bias, double scale) {
  // With beta = 0 the first operand is not read.
  return at::baddbmm(bias.defined() ? bias : q.new_zeros({1, 1, 1}), q, k_t,
                     /*beta=*/bias.defined() ? 1 : 0, /*alpha=*/scale);
}

// softmax(scale * q k^T + bias) v for some of the queries; all [B, ...], fp32.
// Goes through the keys in blocks and keeps what softmax needs of the former
// ones (Milakov & Gimelshein, "Online normalizer calculation for softmax", 2018).
Tensor AttendOnline(const Tensor& q, const Tensor& k_t, const Tensor& v, const Tensor& bias,
                    double scale, int64_t keys) {
  Tensor highest, sum, out;
  for (int64_t start = 0; start < v.size(1); start += keys) {
    const int64_t end = std::min(start + keys, v.size(1));
    Tensor scores = Scores(q, k_t.slice(2, start, end),
                           bias.defined() ? bias.slice(2, start, end) : bias, scale);
    // Finite also where all keys so far are masked with -inf.
    Tensor now = scores.amax(-1, /*keepdim=*/true).clamp_min_(std::numeric_limits<float>::lowest());
    if (highest.defined()) now = at::maximum(now, highest);
    scores.sub_(now).exp_();
    if (highest.defined()) {
      const Tensor shrink = highest.sub_(now).exp_();
      sum.mul_(shrink).add_(scores.sum(-1, /*keepdim=*/true));
      out.mul_(shrink).baddbmm_(scores, v.slice(1, start, end));
    } else {
      sum = scores.sum(-1, /*keepdim=*/true);
      out = at::bmm(scores, v.slice(1, start, end));
    }
    highest = now;
  }
  return out.div_(sum);
}

// The same for so few keys that a row of scores does not fill a vector register:
// scores with the keys above each other, a row for each key, let the softmax
// go through all queries side by side.
constexpr int64_t kFewKeys = 16;

Tensor AttendToFew(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& bias,
                   double scale) {
  const Tensor scores = Scores(k, q.transpose(1, 2),
                               bias.defined() ? bias.transpose(1, 2) : bias, scale);
  return at::bmm(at::softmax(scores, 1).transpose(1, 2), v);
}

// Two matrix products with the softmax between, over blocks of queries. On
// the CPU this runs at the speed of the matrix products, in bf16 two to four
// times that of scaled_dot_product_attention.
Tensor AttendByBlocks(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& bias) {
  const auto batched = [](const Tensor& x) { return x.reshape({-1, x.size(-2), x.size(-1)}); };
  const Tensor q3 = batched(q), k3 = batched(k), v3 = batched(v);
  const Tensor bias3 = bias.defined() ? batched(bias) : bias;
  const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(-1)));
  std::vector<int64_t> sizes(q.sizes().begin(), q.sizes().end());
  sizes.back() = v.size(-1);
  if (v3.size(1) <= kFewKeys) return AttendToFew(q3, k3, v3, bias3, scale).view(sizes);
  const Tensor k_t = k3.transpose(1, 2);
  const Blocking blocking = BlockingOf(q);
  const int64_t queries = q3.size(1), keys = v3.size(1);
  const int64_t columns = q3.size(0) * std::min(keys, blocking.keys);
  const int64_t rows = std::max<int64_t>(64, blocking.scores / std::max<int64_t>(1, columns));
  std::vector<Tensor> blocks;
  for (int64_t start = 0; start < queries; start += rows) {
    const Tensor block = q3.slice(1, start, std::min(start + rows, queries));
    blocks.push_back(keys > blocking.keys
                         ? AttendOnline(block, k_t, v3, bias3, scale, blocking.keys)
                         : at::bmm(at::softmax(Scores(block, k_t, bias3, scale), -1), v3));
  }
  return (blocks.size() == 1 ? blocks[0] : at::cat(blocks, 1)).view(sizes);
}

// PyTorch's kernels for a GPU take four axes alone; for three it would write out
// all scores. cuDNN's lays out its result as the queries are, which fails where
// one row of them stands for all objects.
Tensor AttendByKernel(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& bias) {
  const bool add_heads = q.dim() == 3;
  const auto widened = [&](const Tensor& x) { return add_heads ? x.unsqueeze(1) : x; };
  const bool shared = q.size(0) > 1 && q.stride(0) == 0;
  const Tensor out = at::scaled_dot_product_attention(
      widened(shared ? q.contiguous() : q), widened(k), widened(v),
      bias.defined() ? std::optional<Tensor>(widened(bias)) : std::nullopt);
  return add_heads ? out.squeeze(1) : out;
}

}  // namespace

Tensor ScaledDotProductAttention(const Tensor& q, const Tensor& k, const Tensor& v,
                                 const Tensor& bias) {
  return q.is_cpu() ? AttendByBlocks(q, k, v, bias) : AttendByKernel(q, k, v, bias);
}

Tensor SplitHeads(const Tensor& x, int64_t heads) {
  return x.unflatten(-1, {heads, x.size(-1) / heads}).transpose(1, 2);
}

Attention::Attention(const Scope& w, int64_t embedding_dim, int64_t num_heads)
    : q_proj(w["q_proj"], embedding_dim, -1),
      k_proj(w["k_proj"], embedding_dim, q_proj.out()),
      v_proj(w["v_proj"], embedding_dim, q_proj.out()),
      out_proj(w["out_proj"], q_proj.out(), embedding_dim),
      num_heads(num_heads) {
  if (q_proj.out() % num_heads != 0) {
    w.Fail("q_proj.weight", "has a width of " + std::to_string(q_proj.out()) +
                                ", no multiple of " + std::to_string(num_heads) + " heads");
  }
}

Tensor Attention::operator()(const Tensor& q, const Tensor& k, const Tensor& v) const {
  const auto heads = [this](const Tensor& x) { return SplitHeads(x, num_heads); };
  const Tensor out =
      ScaledDotProductAttention(heads(q_proj(q)), heads(k_proj(k)), heads(v_proj(v)));
  return out_proj(out.transpose(1, 2).flatten(2));
}

}  // namespace sam2
