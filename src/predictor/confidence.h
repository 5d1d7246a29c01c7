// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace sam2 {

// What is known of an object's look on one frame.
struct Sight {
  float score = 0;      // sigmoid of the object score
  float iou = 0;        // predicted
  float agreement = 1;  // with its motion, see motion_prior.h
  float weight = 0;     // how far motion is to be believed
  float rival = 0;      // see RivalShare
};

// How sure the network is of one object, in comparison with how sure it
// usually is: predicted IoUs of small and thin objects, and those of small
// models, are low throughout.
class Confidence {
 public:
  // The user showed the object: nothing is usual yet.
  void Reset() { usual_iou_ = 0; }
  // The object was seen on one more frame.
  void Update(float iou);

  // Enough for an object that was not seen of late to be taken as found again.
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
  float usual_iou_ = 0;  // 0: not known yet
};

}  // namespace sam2
