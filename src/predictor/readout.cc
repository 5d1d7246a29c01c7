// SPDX-License-Identifier: Apache-2.0
#include "predictor/readout.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>

#include "image/components.h"

namespace sam2 {

Readout::Readout(const StepOutput& output, int fill_hole_area, int max_sprinkle_area)
    : fill_hole_area_(fill_hole_area), max_sprinkle_area_(max_sprinkle_area) {
  const Tensor& ious = output.heads.ious;
  const bool motion = output.agreement.defined();
  values_ = at::stack({output.heads.object_score_logits.squeeze(1), ious,
                       motion ? output.agreement : at::ones_like(ious),
                       motion ? output.rival : at::zeros_like(ious)},
                      1);
  masks_ = output.heads.masks.contiguous();
  if (masks_.is_cpu()) {
    if (fill_hole_area > 0 || max_sprinkle_area > 0) masks_ = masks_.clone();
    Clean();
  } else {
    download_.emplace(std::vector<Tensor>{values_, masks_});
  }
}

void Readout::Wait() {
  if (!download_) return;
  const std::vector<Tensor> read = download_->Wait();
  download_.reset();
  values_ = read[0];
  masks_ = read[1];
  Clean();
}

void Readout::Clean() {
  RECORD_USER_SCOPE("holes");
  FillHoles(masks_, fill_hole_area_);
  RemoveSpecks(masks_, max_sprinkle_area_);
}

Sight Readout::sight(int64_t row) const {
  const float* values = values_.const_data_ptr<float>() + 4 * row;
  return {.logit = values[0], .iou = values[1], .agreement = values[2], .weight = 0,
          .rival = values[3]};
}

}  // namespace sam2
