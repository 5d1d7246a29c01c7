// SPDX-License-Identifier: Apache-2.0
#include "predictor/confidence.h"

namespace sam2 {
namespace {

// Follows an object whose look changes for good within some two seconds.
constexpr float kSmoothing = 0.05f;

constexpr float kFoundScore = 0.75f, kFoundIou = 0.75f;
constexpr float kCutScore = 0.9f, kCutIou = 0.85f;
constexpr float kMemoryIou = 0.8f;
// IoU of what is expected with the same moved by a third of its size is 0.5.
constexpr float kPathAgreement = 0.4f;
constexpr float kAnchorIou = 0.9f, kAnchorAgreement = 0.6f;
// A fifth of the object's area lies elsewhere.
constexpr float kRival = 0.2f;

}  // namespace

void Confidence::Update(float iou) {
  usual_iou_ = usual_iou_ == 0 ? iou : usual_iou_ + kSmoothing * (iou - usual_iou_);
}

bool Confidence::IsFound(const Sight& sight) const {
  return sight.score >= kFoundScore && sight.iou >= kFoundIou * usual_iou_;
}

bool Confidence::IsFoundAfterCut(const Sight& sight) const {
  return sight.score >= kCutScore && sight.iou >= kCutIou * usual_iou_;
}

bool Confidence::IsOnPath(const Sight& sight) const {
  return sight.weight == 0 || sight.agreement >= kPathAgreement;
}

bool Confidence::IsWorthRemembering(const Sight& sight) const {
  return sight.iou >= kMemoryIou * usual_iou_ && IsOnPath(sight);
}

bool Confidence::IsAnchor(const Sight& sight) const {
  return sight.rival >= kRival && sight.iou >= kAnchorIou * usual_iou_ && sight.weight > 0 &&
         sight.agreement >= kAnchorAgreement;
}

}  // namespace sam2
