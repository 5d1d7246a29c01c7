// SPDX-License-Identifier: Apache-2.0
#include "model/two_way_transformer.h"

#include <ATen/ATen.h>

namespace sam2 {

TwoWayTransformer::TwoWayTransformer(const Scope& w, int64_t embedding_dim, int64_t num_heads) {
  for (const Scope& layer : w["layers"].List("norm1.weight", /*count=*/2)) {
    layers_.push_back({
        .self_attn = Attention(layer["self_attn"], embedding_dim, num_heads),
        .cross_attn_token_to_image =
            Attention(layer["cross_attn_token_to_image"], embedding_dim, num_heads),
        .cross_attn_image_to_token =
            Attention(layer["cross_attn_image_to_token"], embedding_dim, num_heads),
        .norm1 = LayerNorm(layer["norm1"], embedding_dim, 1e-5),
        .norm2 = LayerNorm(layer["norm2"], embedding_dim, 1e-5),
        .norm3 = LayerNorm(layer["norm3"], embedding_dim, 1e-5),
        .norm4 = LayerNorm(layer["norm4"], embedding_dim, 1e-5),
        .mlp = Mlp(layer["mlp"], embedding_dim, embedding_dim, /*count=*/2),
        .skip_first_layer_pe = layers_.empty(),
    });
  }
  final_attn_token_to_image_ =
      Attention(w["final_attn_token_to_image"], embedding_dim, num_heads);
  norm_final_attn_ = LayerNorm(w["norm_final_attn"], embedding_dim, 1e-5);
}

std::pair<Tensor, Tensor> TwoWayTransformer::operator()(const Tensor& image,
                                                        const Tensor& image_pe,
                                                        const Tensor& tokens) const {
  Tensor queries = tokens, keys = image;
  for (const Block& layer : layers_) layer(queries, keys, tokens, image_pe);
  queries = queries + final_attn_token_to_image_(queries + tokens, keys + image_pe, keys);
  return {norm_final_attn_(queries), keys};
}

void TwoWayTransformer::Block::operator()(Tensor& queries, Tensor& keys, const Tensor& query_pe,
                                          const Tensor& key_pe) const {
  if (skip_first_layer_pe) {
    queries = self_attn(queries, queries, queries);
  } else {
    const Tensor q = queries + query_pe;
    queries = queries + self_attn(q, q, queries);
  }
  queries = norm1(queries);

  const Tensor k = keys + key_pe;
  queries = norm2(queries + cross_attn_token_to_image(queries + query_pe, k, keys));
  queries = norm3(mlp.Add(queries, queries));
  keys = norm4(keys + cross_attn_image_to_token(k, queries + query_pe, queries));
}

}  // namespace sam2
