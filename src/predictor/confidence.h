// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace sam2 {

// What is known of an object's look on one frame.
struct Sight {
  float logit = 0;      // object score
  float iou = 0;        // predicted
  float agreement = 1;  // with its motion, see motion_prior.h
  float weight = 0;     // how far motion is to be believed
  float rival = 0;      // see RivalShare
};

// How sure the network is of one object, in comparison with how sure it
// usually is: predicted IoUs of small and thin objects, and those of small
// models, are low throughout, and a small model's object score may stay above
// 0 where nothing is left of the object.
class Confidence {
 public:
  // The user showed the object: nothing is usual yet.
  void Reset() { *this = {}; }
  // The object was seen on one more frame.
  void Update(const Sight& sight);

  // Enough for an object that is being followed to be taken as seen.
  bool IsStillThere(const Sight& sight) const;
  // Enough for one that was not seen of late.
  bool IsFound(const Sight& sight) const;
  // The same across a cut, where all else looks different too.
  bool IsFoundAfterCut(const Sight& sight) const;
  // Where motion expected it, or nothing is expected.
  bool IsOnPath(const Sight& sight) const;
  // Enough to be remembered: surely the object, where it should be.
  bool IsWorthRemembering(const Sight& sight) const;
  // Worth to be kept for long: surely the object, with something like it near.
  bool IsAnchor(const Sight& sight) const;

 private:
  // The shares of what is usual.
  bool Reaches(const Sight& sight, float logit_share, float iou_share) const;

  bool known_ = false;
  float usual_logit_ = 0, usual_iou_ = 0;
};

}  // namespace sam2
