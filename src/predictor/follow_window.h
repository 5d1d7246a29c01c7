// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "image/window.h"
#include "sam2.h"

namespace sam2 {

// The part of the frame that one object is followed in: a square around it, some times as
// large, so that the network sees more of it than in the whole frame squeezed to its input.
// Like a camera it is not moved for little. It grows while the object is not seen. Where it
// would be no small part of the frame it is the whole frame.
class FollowWindow {
 public:
  // Around an object that begins. factor: side of the window, in units of the object's longer
  // side; 0: the whole frame.
  static Window Around(const Box& box, float factor, int frame_width, int frame_height);

  // Where to look on the next frame, of this size.
  Window Next(float factor, int frame_width, int frame_height) const;

  // Where the object was on the frame before, in pixels of one of this size, if it was seen.
  std::optional<Box> Seen(int frame_width, int frame_height) const;

  // Whether that may be the object, found in that window of a frame of this size. Its memories
  // are of windows of one scale: in a much larger one the network takes other large things for
  // it. The longer it was not seen the more it may have changed.
  bool MayBe(const Box& found, const Window& window, int frame_width, int frame_height) const;

  // What came of a look in that window of a frame of this size: where the object was seen, or
  // nothing. anew: whatever was before does not count. Else its size is smoothed, so that one
  // poor mask does not take the window away from the object.
  void Update(const Window& window, const std::optional<Box>& box, bool anew, int frame_width,
              int frame_height);

 private:
  // The same in pixels of a frame of this size.
  FollowWindow ScaledTo(int frame_width, int frame_height) const;

  std::optional<Box> box_;  // where it was seen last
  float side_ = 0;          // its longer side, smoothed
  float scale_ = 0;         // longer side of the window that it was seen in
  int unseen_ = 0;          // looks since then
  Window window_;           // where it was looked for last
  int frame_width_ = 0, frame_height_ = 0;
};

}  // namespace sam2
