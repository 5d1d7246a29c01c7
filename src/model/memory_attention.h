// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "model/config.h"
#include "model/layers.h"
#include "model/pieces.h"
#include "model/rope.h"

namespace sam2 {

// The memories of N objects as one batch. Each row holds first the tokens of
// num_memories frames, tokens_per_memory each, then those of object pointers.
struct MemoryTokens {
  Tensor memory;  // [N, L, mem_dim]
  Tensor pos;     // [N or 1, L, mem_dim]: position codes, added to the keys
  Tensor bias;    // undefined, or [N, 1, L]: -inf where an object has fewer tokens
  int64_t num_memories = 0;
  int64_t num_obj_ptr_tokens = 0;
};

// Conditions the frame's features on the objects' memories: layers of
// self-attention, cross-attention to the memory, and an MLP. Reference:
// memory_attention.py with RoPEAttention (SAM 2) or RoPEAttentionv2 (EdgeTAM).
class MemoryAttention {
 public:
  // feature_size: side of the stride-16 map; memory_rope_size: side of the grid
  // that the last tokens of each memory lie on (its own map, or the
  // perceiver's 2D latents).
  MemoryAttention(const Scope& w, int64_t d_model, int64_t mem_dim, const ModelConfig& config,
                  int64_t feature_size, int64_t memory_rope_size);

  // curr, curr_pos: [1, HW, C], the frame's tokens and their sine codes. Pieces
  // are some of these tokens each: but for the keys and values of
  // self-attention every token goes its own way.
  // Returns [N, HW, C].
  Tensor operator()(const Tensor& curr, const Tensor& curr_pos, const MemoryTokens& memory,
                    const Pieces& pieces = {}) const;

 private:
  // Attention with rotary codes and one head. The value and output projections
  // are one: softmax rows sum to 1, so W_o (A (x W_v + b_v)) + b_o = (A x) W_v W_o + b.
  struct RopeAttention {
    Linear q_proj, k_proj, vo_proj;
    RopeAttention(const Scope& w, int64_t d_model, int64_t kv_dim);
    // A projection to be rotated, in the order that AxialRope wants.
    static Linear LoadRotated(const Scope& w, int64_t in, int64_t out);
  };
  struct Layer {
    RopeAttention self_attn, cross_attn_image;
    Linear linear1, linear2;
    LayerNorm norm1, norm2, norm3;
  };

  // Tokens from `first` on, and what a layer's self-attention makes of them; the
  // values are the normed tokens.
  struct Part {
    int64_t first = 0;
    Tensor x = {}, q = {}, k = {}, v = {};
  };

  // Parts of the tokens [1, HW, C].
  static std::vector<Part> Divide(const Tensor& tokens, int64_t most);
  void PrepareSelfAttention(const Layer& layer, Part& part) const;
  // The layer on a part that is prepared for it. k, v: of all parts.
  void Apply(const Layer& layer, const Tensor& k, const Tensor& v, const MemoryTokens& memory,
             const Tensor& memory_keys, Part& part) const;
  // Keys of the memories, rotated, and of the pointers, which are not. key_input:
  // the memory with its position codes.
  Tensor MemoryKeys(const Layer& layer, const MemoryTokens& memory, const Tensor& key_input) const;

  std::vector<Layer> layers_;
  LayerNorm norm_;
  AxialRope rope_, memory_rope_;
};

}  // namespace sam2
