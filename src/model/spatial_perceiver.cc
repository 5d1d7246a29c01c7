// SPDX-License-Identifier: Apache-2.0
#include "model/spatial_perceiver.h"

#include <ATen/ATen.h>

#include <cmath>

#include "model/attention.h"
#include "model/position_encoding.h"

namespace sam2 {

SpatialPerceiver::SpatialPerceiver(const Scope& w, int64_t dim, const ModelConfig& config,
                                   int64_t feature_size)
    : latents_(w.Param("latents", {-1, dim}).unsqueeze(0)),
      latents_2d_(w.Param("latents_2d", {-1, dim}).unsqueeze(1)),
      norm_(w["norm"], dim, 1e-5) {
  const int64_t num_heads = config.perceiver_heads;
  for (const Scope& layer : w["layers"].List("attn.to_q.weight", config.perceiver_layers)) {
    layers_.push_back({
        .attn = LoadAttention(layer["attn"], dim, num_heads, /*self=*/false),
        .ff = LoadFeedForward(layer["ff"], dim),
        .self_attn = LoadAttention(layer["self_attn"], dim, num_heads, /*self=*/true),
        .self_ff = LoadFeedForward(layer["self_ff"], dim),
    });
  }
  grid_size_ = std::lround(std::sqrt(static_cast<double>(latents_2d_.size(0))));
  if (grid_size_ * grid_size_ != latents_2d_.size(0) || feature_size % grid_size_ != 0) {
    w.Fail("latents_2d", "has " + std::to_string(latents_2d_.size(0)) +
                             " latents, which make no square grid on a " +
                             std::to_string(feature_size) + "x" + std::to_string(feature_size) +
                             " map; the image size must be a multiple of " +
                             std::to_string(16 * grid_size_));
  }
  const at::Device device = w.weights().device();
  input_pos_ = w.weights().Place(PositionEmbeddingSine(dim, feature_size, feature_size, device));
  pos_ = at::cat({at::zeros({latents_.size(1), dim}, at::TensorOptions(device)),
                  PositionEmbeddingSine(dim, grid_size_, grid_size_, device)});
}

SpatialPerceiver::LatentAttention SpatialPerceiver::LoadAttention(const Scope& w, int64_t dim,
                                                                  int64_t heads, bool self) {
  const LayerNorm norm(w[self ? "norm" : "norm_latents"], dim, 1e-5);
  const Linear to_q(w["to_q"], dim, -1, /*with_bias=*/false);
  return {
      .norm_latents = norm,
      .norm_x = self ? norm : LayerNorm(w["norm_x"], dim, 1e-5),
      .to_q = to_q,
      .to_kv = Linear(w["to_kv"], dim, 2 * to_q.out(), /*with_bias=*/false),
      .to_out = Linear(w["to_out"], to_q.out(), dim, /*with_bias=*/false),
      .num_heads = heads,
  };
}

SpatialPerceiver::FeedForward SpatialPerceiver::LoadFeedForward(const Scope& w, int64_t dim) {
  const Linear in(w[1], dim, -1, /*with_bias=*/false);
  return {LayerNorm(w[0], dim, 1e-5), in, Linear(w[3], in.out(), dim, /*with_bias=*/false)};
}

Tensor SpatialPerceiver::operator()(const Tensor& map) const {
  const int64_t N = map.size(0), dim = map.size(1);
  const Tensor tokens = ToTokens(map);  // [N, h*w, dim]
  Tensor global = latents_.expand({N, -1, -1});
  for (const Layer& layer : layers_) global = layer(global, tokens, input_pos_);

  // Each local latent sees its own window of the map only.
  const int64_t side = map.size(2) / grid_size_;
  const Tensor windows = map.permute({0, 2, 3, 1})
                             .reshape({N, grid_size_, side, grid_size_, side, dim})
                             .transpose(2, 3)
                             .reshape({-1, side * side, dim});
  Tensor local = latents_2d_.repeat({N, 1, 1});
  for (const Layer& layer : layers_) local = layer(local, windows, {});
  return norm_(at::cat({global, local.view({N, -1, dim})}, 1));
}

Tensor SpatialPerceiver::LatentAttention::operator()(const Tensor& latents, const Tensor& input,
                                                     const Tensor& pos) const {
  const auto heads = [this](const Tensor& x) { return SplitHeads(x, num_heads); };
  const std::vector<Tensor> kv = to_kv(norm_x(input)).chunk(2, -1);
  const auto placed = [&](const Tensor& x) { return heads(pos.defined() ? x + pos : x); };
  const Tensor out = ScaledDotProductAttention(heads(to_q(norm_latents(latents))),
                                               placed(kv[0]), placed(kv[1]));
  return to_out(out.transpose(1, 2).flatten(2));
}

Tensor SpatialPerceiver::FeedForward::operator()(const Tensor& x) const {
  return out(at::gelu(in(norm(x))));
}

Tensor SpatialPerceiver::Layer::operator()(const Tensor& latents, const Tensor& input,
                                           const Tensor& pos) const {
  Tensor x = attn(latents, input, pos) + latents;
  x = ff(x) + x;
  x = self_attn(x, x, {}) + x;
  return self_ff(x) + x;
}

}  // namespace sam2
