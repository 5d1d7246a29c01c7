// SPDX-License-Identifier: Apache-2.0
#include "model/sam2_model.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>

#include "model/position_encoding.h"
#include "sam2.h"

namespace sam2 {
namespace {

constexpr int64_t kStride = 16;  // of the deepest feature map
// The released members have 7. Each place costs a map of memory's size.
constexpr int64_t kMaxMaskmem = 64;

int64_t CheckedImageSize(const ModelConfig& config, int64_t image_size) {
  if (image_size == 0) return config.image_size;
  if (!IsImageSize(image_size)) {
    throw Error(ErrorCode::kBadSettings, "image size " + std::to_string(image_size) +
                                             " is not possible: allowed are " + kImageSizes +
                                             ", or 0 for the model's own");
  }
  return image_size;
}

std::optional<SpatialPerceiver> LoadPerceiver(const Scope& w, int64_t mem_dim,
                                              const ModelConfig& config, int64_t feature_size) {
  if (!w.Has("spatial_perceiver.latents")) return std::nullopt;
  return SpatialPerceiver(w["spatial_perceiver"], mem_dim, config, feature_size);
}

}  // namespace

Sam2Model::Sam2Model(Weights& weights, int64_t image_size)
    : Sam2Model(weights, RecogniseModel(weights), image_size) {}

Sam2Model::Sam2Model(Weights& weights, ModelConfig config, int64_t image_size)
    : config_(std::move(config)),
      image_size_(CheckedImageSize(config_, image_size)),
      device_(weights.device()),
      dtype_(weights.dtype()),
      image_encoder_(weights.Root()["image_encoder"], weights.Root()["sam_mask_decoder"],
                     config_, image_size_),
      hidden_dim_(image_encoder_.d_model()),
      memory_encoder_(weights.Root()["memory_encoder"], hidden_dim_, config_, image_size_),
      spatial_perceiver_(LoadPerceiver(weights.Root(), memory_encoder_.mem_dim(), config_,
                                       image_size_ / kStride)),
      memory_attention_(
          weights.Root()["memory_attention"], hidden_dim_, memory_encoder_.mem_dim(),
          config_, image_size_ / kStride,
          spatial_perceiver_ ? spatial_perceiver_->grid_size() : image_size_ / kStride),
      sam_prompt_encoder_(weights.Root()["sam_prompt_encoder"], hidden_dim_, image_size_),
      sam_mask_decoder_(weights.Root()["sam_mask_decoder"], hidden_dim_, config_),
      mask_downsample_(weights.Root()["mask_downsample"], 1, 1, 4, {.stride = 4}),
      obj_ptr_proj_(weights.Root()["obj_ptr_proj"], hidden_dim_, hidden_dim_, /*count=*/3) {
  const Scope w = weights.Root();
  const int64_t mem_dim = memory_encoder_.mem_dim();
  const int64_t side = image_size_ / kStride;
  if (w.Has("obj_ptr_tpos_proj.weight")) {
    obj_ptr_tpos_proj_ = Linear(w["obj_ptr_tpos_proj"], hidden_dim_, mem_dim);
  }
  const Tensor maskmem_tpos_enc = w.ParamFloat("maskmem_tpos_enc", {-1, 1, 1, mem_dim});
  if (maskmem_tpos_enc.size(0) > kMaxMaskmem) {
    w.Fail("maskmem_tpos_enc", "has places for " + std::to_string(maskmem_tpos_enc.size(0)) +
                                   " memories: there may be " + std::to_string(kMaxMaskmem));
  }
  no_mem_embed_ = w.Param("no_mem_embed", {1, 1, hidden_dim_}).view({1, hidden_dim_, 1, 1});
  // Only models that attend on a first frame use it; all checkpoints have it.
  w.Raw("no_mem_pos_enc", {1, 1, hidden_dim_});
  no_obj_ptr_ = w.Param("no_obj_ptr", {1, hidden_dim_});
  if (w.Has("no_obj_embed_spatial")) {
    no_obj_embed_spatial_ =
        w.Param("no_obj_embed_spatial", {1, mem_dim}).view({1, mem_dim, 1, 1});
  }
  weights.ExpectAllTaken();
  vision_pos_ =
      weights.Place(PositionEmbeddingSine(hidden_dim_, side, side, device_)).unsqueeze(0);
  const Tensor memory_pos = spatial_perceiver_
                                ? spatial_perceiver_->pos()
                                : PositionEmbeddingSine(mem_dim, side, side, device_);
  memory_positions_ = weights.Place(memory_pos + maskmem_tpos_enc.squeeze(1));
}

FrameFeatures FrameFeatures::CopyOf(int64_t i) const {
  const auto copy = [i](const Tensor& tensor) { return tensor.narrow(0, i, 1).clone(); };
  return {copy(embedding), copy(feat_s0), copy(feat_s1)};
}

FrameFeatures Sam2Model::EncodeImage(const Tensor& image) const {
  RECORD_USER_SCOPE("image_encoder");
  const std::vector<Tensor> levels =
      image_encoder_(image.to(dtype_, false, false, at::MemoryFormat::ChannelsLast));
  return {levels[2], levels[0], levels[1]};
}

Tensor Sam2Model::WithoutMemory(const FrameFeatures& features) const {
  return features.embedding + no_mem_embed_;
}

Tensor Sam2Model::WithMemory(const FrameFeatures& features, const MemoryTokens& memory,
                             const Pieces& pieces) const {
  RECORD_USER_SCOPE("memory_attention");
  const Tensor tokens =
      memory_attention_(ToTokens(features.embedding), vision_pos_, memory, pieces);
  return ToMap(tokens, features.embedding.size(2), features.embedding.size(3));
}

DecoderOutput Sam2Model::DecodeMasks(const FrameFeatures& features, const Tensor& pix_feat,
                                     int64_t N, const std::optional<PointPrompt>& points,
                                     const Tensor& mask_logits) const {
  const Tensor sparse =
      points ? sam_prompt_encoder_.EmbedPoints(points->coords, points->labels)
             : at::empty({N, 0, hidden_dim_}, at::TensorOptions(device_).dtype(dtype_));
  return Decode(features, pix_feat, sparse, mask_logits);
}

DecoderOutput Sam2Model::Decode(const FrameFeatures& features, const Tensor& pix_feat,
                                const Tensor& sparse, const Tensor& mask_logits) const {
  RECORD_USER_SCOPE("mask_decoder");
  const Tensor dense = mask_logits.defined() ? sam_prompt_encoder_.EmbedMasks(mask_logits)
                                             : sam_prompt_encoder_.no_mask_embed();
  return sam_mask_decoder_({pix_feat, features.feat_s0, features.feat_s1},
                           sam_prompt_encoder_.dense_pe(), sparse, dense);
}

Tensor Sam2Model::ChooseSingleMask(const DecoderOutput& output) const {
  if (config_.dynamic_multimask_via_stability) return DynamicMultimaskViaStability(output);
  return at::zeros({output.ious.size(0)}, output.ious.options().dtype(at::kLong));
}

DecoderOutput Sam2Model::DecodeUnprompted(const FrameFeatures& features, const Tensor& pix_feat,
                                          int64_t N) const {
  return Decode(features, pix_feat, sam_prompt_encoder_.no_points_embed().expand({N, -1, -1}), {});
}

HeadsOutput Sam2Model::TakeMasks(const DecoderOutput& decoded, const Tensor& choice,
                                 const Tensor& token) const {
  const Tensor present = decoded.object_score_logits > 0;  // [N, 1]
  const Tensor masks = at::where(present.unsqueeze(-1), SelectPerObject(decoded.masks, choice),
                                 kNoObjScore);
  return {.masks = masks.unsqueeze(1),
          .ious = SelectPerObject(decoded.ious, choice),
          .obj_ptr = ObjectPointer(SelectPerObject(decoded.mask_tokens, token), present),
          .object_score_logits = decoded.object_score_logits};
}

HeadsOutput Sam2Model::ForwardSamHeads(const FrameFeatures& features, const Tensor& pix_feat,
                                       int64_t N, const std::optional<PointPrompt>& points,
                                       const Tensor& mask_logits, bool multimask) const {
  const Tensor sparse = points
                            ? sam_prompt_encoder_.EmbedPoints(points->coords, points->labels)
                            : sam_prompt_encoder_.no_points_embed().expand({N, -1, -1});
  const DecoderOutput decoded = Decode(features, pix_feat, sparse, mask_logits);
  const Tensor choice = multimask ? BestMultimask(decoded) : ChooseSingleMask(decoded);
  // With a single mask the pointer always comes from its own token, also where
  // the mask was exchanged for a more stable one.
  return TakeMasks(decoded, choice, multimask ? choice : at::zeros_like(choice));
}

Tensor Sam2Model::MaskToLogits(const Tensor& masks) const {
  return at::_upsample_bilinear2d_aa(masks * 20.0 - 10.0, {image_size_ / 4, image_size_ / 4},
                                     /*align_corners=*/false);
}

HeadsOutput Sam2Model::UseMaskAsOutput(const FrameFeatures& features, const Tensor& masks) const {
  const int64_t N = masks.size(0);
  const Tensor prompt = mask_downsample_(masks.to(dtype_));
  HeadsOutput heads =
      ForwardSamHeads(features, features.embedding, N, std::nullopt, prompt, false);
  // Presence is what the mask says, not what the heads think of it.
  const Tensor present = masks.flatten(1).gt(0).any(1, /*keepdim=*/true);
  return {.masks = MaskToLogits(masks),
          .ious = at::ones({N}, masks.options()),
          .obj_ptr = at::where(present, heads.obj_ptr, no_obj_ptr_),
          .object_score_logits = present.to(at::kFloat) * 20.0 - 10.0};
}

Tensor Sam2Model::ObjectPointer(const Tensor& token, const Tensor& appearing) const {
  return at::where(appearing, obj_ptr_proj_(token), no_obj_ptr_);
}

Tensor Sam2Model::EncodeMemory(const FrameFeatures& features, const HeadsOutput& output,
                               bool binarize) const {
  RECORD_USER_SCOPE("memory_encoder");
  const Tensor logits = at::upsample_bilinear2d(output.masks, {image_size_, image_size_},
                                                /*align_corners=*/false);
  Tensor masks = binarize ? logits.gt(0).to(at::kFloat) : logits.sigmoid();
  masks = masks * config_.sigmoid_scale_for_mem_enc + config_.sigmoid_bias_for_mem_enc;
  Tensor memory = memory_encoder_(features.embedding, masks.to(dtype_));
  if (no_obj_embed_spatial_.defined()) {
    const Tensor absent = (output.object_score_logits <= 0).view({-1, 1, 1, 1});
    memory = memory + absent * no_obj_embed_spatial_;
  }
  const Tensor tokens = spatial_perceiver_ ? (*spatial_perceiver_)(memory) : ToTokens(memory);
  return tokens.to(at::kBFloat16).contiguous();
}

Tensor Sam2Model::MemoryPositions(const Tensor& t_pos) const {
  const Tensor rows = num_maskmem() - 1 - t_pos;
  return memory_positions_.index_select(0, rows.flatten())
      .view({t_pos.size(0), -1, memory_positions_.size(2)});
}

Tensor Sam2Model::PointerTokens(const Tensor& obj_ptrs) const {
  return obj_ptrs.reshape({obj_ptrs.size(0), -1, memory_encoder_.mem_dim()});
}

Tensor Sam2Model::PointerPositions(const Tensor& ages) const {
  const int64_t mem_dim = memory_encoder_.mem_dim();
  const int64_t split = hidden_dim_ / mem_dim;  // tokens for one pointer
  if (!obj_ptr_tpos_proj_) {
    return at::zeros({ages.size(0), ages.size(1) * split, mem_dim},
                     at::TensorOptions(device_).dtype(dtype_));
  }
  const Tensor age = ages / static_cast<double>(max_obj_ptrs() - 1);
  const Tensor pos = (*obj_ptr_tpos_proj_)(SinePositions(age, hidden_dim_).to(dtype_));
  return pos.unsqueeze(2).expand({-1, -1, split, -1}).flatten(1, 2);
}

}  // namespace sam2
