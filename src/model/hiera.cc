// SPDX-License-Identifier: Apache-2.0
#include "model/hiera.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "model/attention.h"

namespace sam2 {
namespace {

constexpr double kNormEps = 1e-6;

// 2x2 max pooling of [B, H, W, C]
Tensor Pool(const Tensor& x) {
  return at::max_pool2d(x.permute({0, 3, 1, 2}), {2, 2}).permute({0, 2, 3, 1});
}

int64_t RoundUp(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

// [B, H, W, C] -> [B * windows, size, size, C], padded with zeros
Tensor WindowPartition(const Tensor& x, int64_t size) {
  const int64_t H = RoundUp(x.size(1), size), W = RoundUp(x.size(2), size);
  const Tensor padded = at::constant_pad_nd(x, {0, 0, 0, W - x.size(2), 0, H - x.size(1)});
  return padded.view({x.size(0), H / size, size, W / size, size, x.size(3)})
      .transpose(2, 3)
      .reshape({-1, size, size, x.size(3)});
}

// The inverse: crops the padding off again, to [B, H, W, C].
Tensor WindowUnpartition(const Tensor& windows, int64_t B, int64_t H, int64_t W) {
  const int64_t size = windows.size(1);
  const int64_t rows = RoundUp(H, size) / size, columns = RoundUp(W, size) / size;
  return windows.view({B, rows, columns, size, size, -1})
      .transpose(2, 3)
      .reshape({B, rows * size, columns * size, -1})
      .slice(1, 0, H)
      .slice(2, 0, W);
}

}  // namespace

Hiera::Hiera(const Scope& w, const ModelConfig& config)
    : patch_embed_(w["patch_embed"]["proj"], 3, -1, 7, {.stride = 4, .padding = 3}) {
  int64_t dim = patch_embed_.out();
  pos_embed_ = w.ParamFloat("pos_embed", {1, dim, -1, -1});
  pos_embed_window_ = w.ParamFloat("pos_embed_window",
                                   {1, dim, config.window_spec[0], config.window_spec[0]});
  int64_t heads = config.num_heads;
  size_t stage = 0;
  for (const Scope& block : w["blocks"].List("norm1.weight")) {
    // A block that projects its shortcut opens a stage: twice the width and
    // heads, half the side. Its windows are still those of the stage before.
    const bool opens_stage = !blocks_.empty() && block.Has("proj.weight");
    const int64_t window = config.window_spec[stage];
    if (opens_stage) {
      if (++stage == config.window_spec.size()) block.Fail("proj.weight", "opens a fifth stage");
      heads *= 2;
      blocks_.back().ends_stage = true;
    }
    const int64_t dim_out = opens_stage ? 2 * dim : dim;
    const bool global = std::ranges::count(config.global_att_blocks, std::ssize(blocks_)) > 0;
    blocks_.push_back({
        .norm1 = LayerNorm(block["norm1"], dim, kNormEps),
        .norm2 = LayerNorm(block["norm2"], dim_out, kNormEps),
        .attn = {Linear(block["attn"]["qkv"], dim, 3 * dim_out),
                 Linear(block["attn"]["proj"], dim_out, dim_out), heads},
        .proj = opens_stage ? Linear(block["proj"], dim, dim_out) : Linear(),
        .mlp = Mlp(block["mlp"], dim_out, dim_out, /*count=*/2, Activation::kGelu),
        .window_size = global ? 0 : window,
        .ends_stage = false,
    });
    dim = dim_out;
  }
  blocks_.back().ends_stage = true;
  if (stage + 1 < config.window_spec.size()) {
    w["blocks"][std::ssize(blocks_)].Fail(
        "proj.weight", "is missing: the trunk has " + std::to_string(stage + 1) + " of " +
                           std::to_string(config.window_spec.size()) + " stages");
  }
}

std::vector<Tensor> Hiera::operator()(const Tensor& image) const {
  Tensor x = patch_embed_(image).permute({0, 2, 3, 1});
  x = x + PositionEmbedding(x.size(1), x.size(2)).to(x.scalar_type());
  std::vector<Tensor> stages;
  for (const MultiScaleBlock& block : blocks_) {
    x = block(x);
    if (block.ends_stage) stages.push_back(x.permute({0, 3, 1, 2}));
  }
  return stages;
}

// A coarse embedding stretched over the map plus a fine one tiled over it
// (Bolya et al., "Window Attention is Bugged", 2023): [1, H, W, C]
Tensor Hiera::PositionEmbedding(int64_t height, int64_t width) const {
  const Tensor background = at::upsample_bicubic2d(pos_embed_, {height, width},
                                                   /*align_corners=*/false);
  const Tensor window = pos_embed_window_.tile({1, 1, height / pos_embed_window_.size(2),
                                                width / pos_embed_window_.size(3)});
  return (background + window).permute({0, 2, 3, 1});
}

Tensor Hiera::MultiScaleAttention::operator()(const Tensor& x, int64_t window_size,
                                              bool pool) const {
  if (window_size == 0) return proj(Attend(qkv(x), pool));
  // The windows of the last rows and columns reach over the edge. The pixels
  // there are zeros that are attended to, so that their keys and values are
  // the bias alone: it is added after the padding, and no product is spent on
  // what is cut off again.
  const Tensor windows = WindowPartition(qkv.WithoutBias(x), window_size) + qkv.bias();
  const int64_t shrink = pool ? 2 : 1;
  return proj(WindowUnpartition(Attend(windows, pool), x.size(0), x.size(1) / shrink,
                                x.size(2) / shrink));
}

Tensor Hiera::MultiScaleAttention::Attend(const Tensor& x, bool pool) const {
  const int64_t B = x.size(0);
  const std::vector<Tensor> parts = x.chunk(3, -1);  // each [B, H, W, C']
  const Tensor q = pool ? Pool(parts[0]) : parts[0];
  const auto heads = [&](const Tensor& t) { return SplitHeads(t.flatten(1, 2), num_heads); };
  // In fp32 the short heads of the trunk suit ATen's own attention.
  const Tensor out = x.scalar_type() == at::kFloat
                         ? at::scaled_dot_product_attention(heads(q), heads(parts[1]),
                                                            heads(parts[2]))
                         : ScaledDotProductAttention(heads(q), heads(parts[1]), heads(parts[2]));
  return out.transpose(1, 2).reshape({B, q.size(1), q.size(2), -1});
}

Tensor Hiera::MultiScaleBlock::operator()(const Tensor& input) const {
  const bool pool = proj.defined();
  const Tensor x = norm1(input);
  const Tensor shortcut = pool ? Pool(proj(x)) : input;
  const Tensor y = shortcut + attn(x, window_size, pool);
  return mlp.Add(norm2(y), y);
}

}  // namespace sam2
