// SPDX-License-Identifier: Apache-2.0
#include "model/memory_attention.h"

#include <ATen/ATen.h>

#include <algorithm>

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
                                 const ModelConfig& config, int64_t feature_size,
                                 int64_t memory_rope_size)
    : norm_(w["norm"], d_model, 1e-5),
      rope_(d_model, feature_size, feature_size, w.weights().dtype(), w.weights().device()),
      memory_rope_(d_model, memory_rope_size, memory_rope_size, w.weights().dtype(),
                   w.weights().device()) {
  for (const Scope& layer : w["layers"].List("norm1.weight", config.memory_attention_layers)) {
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
                                   const MemoryTokens& memory, const Pieces& pieces) const {
  const Tensor key_input = memory.memory + memory.pos;
  // One row serves all objects until the first cross-attention tells them apart.
  std::vector<Part> parts = Divide(curr + 0.1 * curr_pos, pieces.most);
  const auto joined = [&](Tensor Part::* tensor) {
    std::vector<Tensor> tensors;
    for (const Part& part : parts) tensors.push_back(part.*tensor);
    return tensors.size() == 1 ? tensors[0] : at::cat(tensors, 1);
  };
  const auto for_each_part = [&](const auto& work) {
    pieces.for_each(std::ssize(parts), [&](int64_t i) { work(parts[i]); });
  };
  for_each_part([&](Part& part) { PrepareSelfAttention(layers_[0], part); });
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Tensor k = joined(&Part::k), v = joined(&Part::v);
    const Tensor memory_keys = MemoryKeys(layers_[i], memory, key_input);
    for_each_part([&](Part& part) {
      Apply(layers_[i], k, v, memory, memory_keys, part);
      if (i + 1 < layers_.size()) {
        PrepareSelfAttention(layers_[i + 1], part);
      } else {
        part.x = norm_(part.x);
      }
    });
  }
  return joined(&Part::x);
}

std::vector<MemoryAttention::Part> MemoryAttention::Divide(const Tensor& tokens, int64_t most) {
  constexpr int64_t kFewest = 64;  // tokens that are worth a thread
  const int64_t all = tokens.size(1);
  const int64_t count = std::clamp<int64_t>(all / kFewest, 1, most);
  std::vector<Part> parts(count);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t first = i * all / count;
    parts[i] = {.first = first, .x = tokens.slice(1, first, (i + 1) * all / count)};
  }
  return parts;
}

void MemoryAttention::PrepareSelfAttention(const Layer& layer, Part& part) const {
  const RopeAttention& attn = layer.self_attn;
  part.v = layer.norm1(part.x);
  part.q = rope_.Rotate(attn.q_proj(part.v), part.first);
  part.k = rope_.Rotate(attn.k_proj(part.v), part.first);
}

void MemoryAttention::Apply(const Layer& layer, const Tensor& k, const Tensor& v,
                            const MemoryTokens& memory, const Tensor& memory_keys,
                            Part& part) const {
  Tensor x = layer.self_attn.vo_proj.Add(ScaledDotProductAttention(part.q, k, v), part.x);
  const RopeAttention& cross = layer.cross_attn_image;
  const Tensor q = rope_.Rotate(cross.q_proj(layer.norm2(x)), part.first)
                       .expand({memory.memory.size(0), -1, -1});
  x = cross.vo_proj.Add(ScaledDotProductAttention(q, memory_keys, memory.memory, memory.bias), x);
  part.x = layer.linear2.Add(layer.linear1(layer.norm3(x), Activation::kRelu), x);
}

Tensor MemoryAttention::MemoryKeys(const Layer& layer, const MemoryTokens& memory,
                                   const Tensor& key_input) const {
  const Tensor k = layer.cross_attn_image.k_proj(key_input);
  const int64_t spatial = k.size(1) - memory.num_obj_ptr_tokens;
  const Tensor frames = k.slice(1, 0, spatial).unflatten(1, {memory.num_memories, -1});
  // Before its last tokens a memory may have the perceiver's 1D latents, which have no place.
  memory_rope_.Rotate(frames.slice(2, frames.size(2) - memory_rope_.tokens()));
  return k;
}

}  // namespace sam2
