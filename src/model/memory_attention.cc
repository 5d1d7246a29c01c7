// SPDX-License-Identifier: Apache-2.0
#include "model/memory_attention.h"

#include <ATen/ATen.h>

#include "model/attention.h"

namespace sam2 {

Linear MemoryAttention::RopeAttention::LoadRotated(const Scope& w, int64_t in, int64_t out) {
  const Weights& weights = w.weights();
  return Linear(weights.Place(AxialRope::SplitPairs(w.Raw("weight", {out, in}))),
                weights.Place(AxialRope::SplitPairs(w.Raw("bias", {out}))));
}

MemoryAttention::RopeAttention::RopeAttention(const Scope& w, int64_t d_model, int64_t kv_dim)
    : q_proj(LoadRotated(w["q_proj"], d_model, d_model)),
      k_proj(LoadRotated(w["k_proj"], kv_dim, d_model)) {
  const Tensor v = w.Raw("v_proj.weight", {d_model, kv_dim});
  const Tensor out = w.Raw("out_proj.weight", {d_model, d_model});
  vo_proj = Linear(w.weights().Place(at::matmul(out, v)),
                   w.weights().Place(at::mv(out, w.Raw("v_proj.bias", {d_model})) +
                                     w.Raw("out_proj.bias", {d_model})));
}

MemoryAttention::MemoryAttention(const Scope& w, int64_t d_model, int64_t mem_dim,
                                 int64_t feature_size, int64_t memory_rope_size)
    : norm_(w["norm"], d_model, 1e-5),
      rope_(d_model, feature_size, feature_size, w.weights().dtype(), w.weights().device()),
      memory_rope_(d_model, memory_rope_size, memory_rope_size, w.weights().dtype(),
                   w.weights().device()) {
  for (int i = 0; w["layers"][i].Has("norm1.weight"); ++i) {
    const Scope layer = w["layers"][i];
    const Linear linear1(layer["linear1"], d_model, -1);
    layers_.push_back({
        .self_attn = RopeAttention(layer["self_attn"], d_model, d_model),
        .cross_attn_image = RopeAttention(layer["cross_attn_image"], d_model, mem_dim),
        .linear1 = linear1,
        .linear2 = Linear(layer["linear2"], linear1.out(), d_model),
        .norm1 = LayerNorm(layer["norm1"], d_model, 1e-5),
        .norm2 = LayerNorm(layer["norm2"], d_model, 1e-5),
        .norm3 = LayerNorm(layer["norm3"], d_model, 1e-5),
    });
  }
}

Tensor MemoryAttention::operator()(const Tensor& curr, const Tensor& curr_pos,
                                   const MemoryTokens& memory) const {
  const Tensor key_input = memory.memory + memory.pos;
  // One row serves all objects until the first cross-attention tells them apart.
  Tensor x = curr + 0.1 * curr_pos;
  for (const Layer& layer : layers_) {
    x = SelfAttend(layer, x);
    x = CrossAttend(layer, x, memory, key_input);
    x = layer.linear2.Add(layer.linear1(layer.norm3(x), Activation::kRelu), x);
  }
  return norm_(x);
}

Tensor MemoryAttention::SelfAttend(const Layer& layer, const Tensor& input) const {
  const RopeAttention& attn = layer.self_attn;
  const Tensor x = layer.norm1(input);
  const Tensor q = rope_.Rotate(attn.q_proj(x));
  const Tensor k = rope_.Rotate(attn.k_proj(x));
  return attn.vo_proj.Add(ScaledDotProductAttention(q, k, x), input);
}

Tensor MemoryAttention::CrossAttend(const Layer& layer, const Tensor& input,
                                    const MemoryTokens& memory, const Tensor& key_input) const {
  const RopeAttention& attn = layer.cross_attn_image;
  const Tensor q = rope_.Rotate(attn.q_proj(layer.norm2(input))).expand({memory.memory.size(0), -1, -1});
  const Tensor k = attn.k_proj(key_input);
  RotateKeys(k, memory);
  return attn.vo_proj.Add(ScaledDotProductAttention(q, k, memory.memory, memory.bias), input);
}

void MemoryAttention::RotateKeys(const Tensor& k, const MemoryTokens& memory) const {
  const int64_t spatial = k.size(1) - memory.num_obj_ptr_tokens;
  const Tensor frames = k.slice(1, 0, spatial).unflatten(1, {memory.num_memories, -1});
  // Before its last tokens a memory may have the perceiver's 1D latents, which have no place.
  memory_rope_.Rotate(frames.slice(2, frames.size(2) - memory_rope_.tokens()));
}

}  // namespace sam2
