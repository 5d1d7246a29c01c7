// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "model/config.h"
#include "model/image_encoder.h"
#include "model/mask_decoder.h"
#include "model/memory_attention.h"
#include "model/memory_encoder.h"
#include "model/prompt_encoder.h"
#include "model/spatial_perceiver.h"

namespace sam2 {

// Mask logit of an object that is not there.
inline constexpr double kNoObjScore = -1024.0;

// What the image encoder knows of one frame; the same for all its objects.
struct FrameFeatures {
  Tensor embedding;  // [1, C, h, w], stride 16
  Tensor feat_s0;    // [1, C/8, 4h, 4w]
  Tensor feat_s1;    // [1, C/4, 2h, 2w]

  // Image i of a batch, in memory of its own.
  FrameFeatures CopyOf(int64_t i) const;
};

// Clicks of N objects with the same number of points.
struct PointPrompt {
  Tensor coords;  // [N, P, 2] float32, pixels of the network's input
  Tensor labels;  // [N, P] int64, see prompt_encoder.h
};

// The heads' answer for N objects.
struct HeadsOutput {
  Tensor masks;                // [N, 1, 4h, 4w] float32 logits, kNoObjScore if absent
  Tensor ious;                 // [N] float32, predicted
  Tensor obj_ptr;              // [N, C]
  Tensor object_score_logits;  // [N, 1] float32
};

// The whole network of the paper's figure 3. Reference: SAM2Base. Stateless:
// which memories are attended to is the caller's choice. Each box of the figure
// is a user scope of torch's profiler, named as the box.
class Sam2Model {
 public:
  // image_size: side of the network's input; 0: the model's own. Takes the
  // weights it needs; throws Error(kBadCheckpoint) for a missing, misshapen or
  // left-over tensor, Error(kBadSettings) for an impossible size.
  Sam2Model(Weights& weights, int64_t image_size);

  // image: [B, 3, S, S] float32, normalised. Several are for TrackerStep alone
  // to divide again: the rest takes the features of one frame.
  FrameFeatures EncodeImage(const Tensor& image) const;

  // A frame's embedding for an object without memories: [1, C, h, w].
  Tensor WithoutMemory(const FrameFeatures& features) const;
  // The same conditioned on the memories of N objects: [N, C, h, w].
  Tensor WithMemory(const FrameFeatures& features, const MemoryTokens& memory,
                    const Pieces& pieces = {}) const;

  // The decoder's whole answer for N objects, before any choice. pix_feat:
  // [N or 1, C, h, w]; points: absent: no prompt token at all; mask_logits:
  // undefined or [N, 1, 4h, 4w].
  DecoderOutput DecodeMasks(const FrameFeatures& features, const Tensor& pix_feat, int64_t N,
                            const std::optional<PointPrompt>& points,
                            const Tensor& mask_logits) const;

  // The choice of MaskDecoder.forward with multimask_output=False, by the
  // model's own setting: index 0..3 of the mask of each object, [N] int64.
  Tensor ChooseSingleMask(const DecoderOutput& output) const;

  // The same for N objects of which nothing was said on this frame.
  DecoderOutput DecodeUnprompted(const FrameFeatures& features, const Tensor& pix_feat,
                                 int64_t N) const;

  // The answer where of the four masks that of index choice [N] is taken and
  // the object pointer comes from that of index token [N].
  HeadsOutput TakeMasks(const DecoderOutput& decoded, const Tensor& choice,
                        const Tensor& token) const;

  // _forward_sam_heads. pix_feat: [N or 1, C, h, w], from one of the two above;
  // points: absent when nothing was clicked on this frame; mask_logits:
  // undefined or [N, 1, 4h, 4w], a former answer to be refined.
  // multimask: choose among the three masks by predicted IoU.
  HeadsOutput ForwardSamHeads(const FrameFeatures& features, const Tensor& pix_feat, int64_t N,
                              const std::optional<PointPrompt>& points,
                              const Tensor& mask_logits, bool multimask) const;

  // The logits that such a mask stands for: masks [N, 1, S, S], 0 or 1 -> [N, 1, S/4, S/4],
  // sure throughout. Reference: SAM2Base._use_mask_as_output.
  Tensor MaskToLogits(const Tensor& masks) const;

  // _use_mask_as_output: the given mask is the answer. masks: [N, 1, S, S], 0 or 1.
  HeadsOutput UseMaskAsOutput(const FrameFeatures& features, const Tensor& masks) const;

  // _encode_new_memory: the memory of N objects on this frame from their
  // answers. binarize: on frames that the user prompted.
  // Returns [N, T, mem_dim] bfloat16, T tokens for a memory.
  Tensor EncodeMemory(const FrameFeatures& features, const HeadsOutput& output,
                      bool binarize) const;

  // Position codes of memories `t_pos` [B, M] int64 steps old in the reference's
  // counting: 0 for prompted frames, 1 .. num_maskmem-1 from the earliest to the
  // latest of the others. [B, M * T, mem_dim]
  Tensor MemoryPositions(const Tensor& t_pos) const;
  // Object pointers [N, P, C] as tokens: [N, P * C / mem_dim, mem_dim].
  Tensor PointerTokens(const Tensor& obj_ptrs) const;
  // Position codes of such tokens, of frames `ages` [B, P] int64 ago:
  // [B, P * C / mem_dim, mem_dim].
  Tensor PointerPositions(const Tensor& ages) const;

  int64_t image_size() const { return image_size_; }
  int64_t num_maskmem() const { return memory_positions_.size(0); }
  int64_t max_obj_ptrs() const { return 16; }  // max_obj_ptrs_in_encoder
  int64_t tokens_per_memory() const { return memory_positions_.size(1); }
  const ModelConfig& config() const { return config_; }
  const ImageEncoder& image_encoder() const { return image_encoder_; }
  const PromptEncoder& prompt_encoder() const { return sam_prompt_encoder_; }
  at::Device device() const { return device_; }

 private:
  Sam2Model(Weights& weights, ModelConfig config, int64_t image_size);

  // sparse: [N, T, C], the prompt's tokens.
  DecoderOutput Decode(const FrameFeatures& features, const Tensor& pix_feat,
                       const Tensor& sparse, const Tensor& mask_logits) const;

  // Pointers of absent objects give way to no_obj_ptr. appearing: [N, 1] 0 or 1.
  Tensor ObjectPointer(const Tensor& token, const Tensor& appearing) const;

  ModelConfig config_;
  int64_t image_size_;
  at::Device device_;
  at::ScalarType dtype_;

  ImageEncoder image_encoder_;
  int64_t hidden_dim_;
  MemoryEncoder memory_encoder_;
  std::optional<SpatialPerceiver> spatial_perceiver_;
  MemoryAttention memory_attention_;
  PromptEncoder sam_prompt_encoder_;
  MaskDecoder sam_mask_decoder_;
  Conv2d mask_downsample_;
  Mlp obj_ptr_proj_;
  std::optional<Linear> obj_ptr_tpos_proj_;  // SAM 2.1: pointers carry their age
  Tensor no_mem_embed_;                      // [1, C, 1, 1]
  Tensor no_obj_ptr_;                        // [1, C]
  Tensor no_obj_embed_spatial_;              // undefined, or [1, mem_dim, 1, 1]
  Tensor vision_pos_;                        // [1, h*w, C]
  Tensor memory_positions_;                  // [num_maskmem, T, mem_dim], by maskmem_tpos_enc
};

}  // namespace sam2
