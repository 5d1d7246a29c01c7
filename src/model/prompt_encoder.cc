// SPDX-License-Identifier: Apache-2.0
#include "model/prompt_encoder.h"

#include <ATen/ATen.h>

namespace sam2 {

PromptEncoder::PromptEncoder(const Scope& w, int64_t embed_dim, int64_t image_size)
    : image_size_(image_size),
      pe_layer_(w["pe_layer"], embed_dim),
      not_a_point_embed_(w.ParamFloat("not_a_point_embed.weight", {1, embed_dim})),
      no_mask_embed_(
          w.Param("no_mask_embed.weight", {1, embed_dim}).view({1, embed_dim, 1, 1})),
      dtype_(w.weights().dtype()) {
  no_points_embed_ = not_a_point_embed_.to(dtype_).expand({1, 2, embed_dim});
  std::vector<Tensor> points;
  for (int label = 0; label < 4; ++label) {
    points.push_back(w["point_embeddings"][label].ParamFloat("weight", {1, embed_dim}));
  }
  point_embeddings_ = at::cat(points);
  const Scope mask = w["mask_downscaling"];
  mask_conv0_ = Conv2d(mask[0], 1, -1, 2, {.stride = 2});
  mask_norm1_ = LayerNorm2d(mask[1], mask_conv0_.out());
  mask_conv3_ = Conv2d(mask[3], mask_conv0_.out(), -1, 2, {.stride = 2});
  mask_norm4_ = LayerNorm2d(mask[4], mask_conv3_.out());
  mask_conv6_ = Conv2d(mask[6], mask_conv3_.out(), embed_dim, 1);
  dense_pe_ = pe_layer_.Dense(image_size / 16, image_size / 16).to(dtype_);
}

Tensor PromptEncoder::EmbedPoints(const Tensor& coords, const Tensor& labels) const {
  const int64_t B = coords.size(0);
  const Tensor all = at::cat({labels, at::full({B, 1}, kPaddingPoint, labels.options())}, 1);
  // + 0.5: the centre of the pixel
  const Tensor xy = at::cat({coords + 0.5, at::zeros({B, 1, 2}, coords.options())}, 1);
  const Tensor embedding = pe_layer_.Encode(xy / static_cast<double>(image_size_)) +
                           point_embeddings_.index({all.clamp_min(0)});
  return at::where((all == kPaddingPoint).unsqueeze(-1), not_a_point_embed_, embedding)
      .to(dtype_);
}

Tensor PromptEncoder::EmbedMasks(const Tensor& masks) const {
  const Tensor x = at::gelu(mask_norm1_(mask_conv0_(masks.to(dtype_))));
  return mask_conv6_(at::gelu(mask_norm4_(mask_conv3_(x))));
}

}  // namespace sam2
