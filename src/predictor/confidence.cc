// SPDX-License-Identifier: Apache-2.0
#include "predictor/confidence.h"

#include <algorithm>

namespace sam2 {
namespace {

// Follows an object whose look changes for good within some two seconds.
constexpr float kSmoothing = 0.05f;
// Logits above this (a probability of 0.98) say no more than that it is there.
constexpr float kSureLogit = 4;

// Shares of the usual logit and predicted IoU.
constexpr float kThereLogit = 0.25f, kThereIou = 0.45f;
constexpr float kFoundLogit = 0.6f, kFoundIou = 0.65f;
constexpr float kCutLogit = 0.75f, kCutIou = 0.85f;
constexpr float kMemoryLogit = 0.6f, kMemoryIou = 0.6f;
constexpr float kAnchorLogit = 0.75f, kAnchorIou = 0.9f;

// IoU of what is expected with the same moved by a third of its size is 0.5.
constexpr float kPathAgreement = 0.4f, kAnchorAgreement = 0.6f;
// A fifth of the object's area lies elsewhere.
constexpr float kRival = 0.2f;

}  // namespace

void Confidence::Update(const Sight& sight) {
  const float step = known_ ? kSmoothing : 1;
  usual_logit_ += step * (std::min(sight.logit, kSureLogit) - usual_logit_);
  usual_iou_ += step * (sight.iou - usual_iou_);
  known_ = true;
}

bool Confidence::Reaches(const Sight& sight, float logit_share, float iou_share) const {
  return sight.logit > 0 && sight.logit >= logit_share * usual_logit_ &&
         sight.iou >= iou_share * usual_iou_;
}

bool Confidence::IsStillThere(const Sight& sight) const {
  return Reaches(sight, kThereLogit, kThereIou);
}

bool Confidence::IsFound(const Sight& sight) const {
  return Reaches(sight, kFoundLogit, kFoundIou);
}

bool Confidence::IsFoundAfterCut(const Sight& sight) const {
  if (!known_) return sight.logit >= kCutLogit * kSureLogit;
  return Reaches(sight, kCutLogit, kCutIou);
}

bool Confidence::IsOnPath(const Sight& sight) const {
  return sight.weight == 0 || sight.agreement >= kPathAgreement;
}

bool Confidence::IsWorthRemembering(const Sight& sight) const {
  return Reaches(sight, kMemoryLogit, kMemoryIou) && IsOnPath(sight);
}

bool Confidence::IsAnchor(const Sight& sight) const {
  return Reaches(sight, kAnchorLogit, kAnchorIou) && sight.rival >= kRival &&
         sight.weight > 0 && sight.agreement >= kAnchorAgreement;
}

}  // namespace sam2
