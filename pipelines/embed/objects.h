// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>
#include <vector>

// One followed object on one frame. Coordinates are pixels of that frame.
struct Object {
  struct Box {
    double x = 0, y = 0, width = 0, height = 0;
  };
  // Where it is seen: rows x cols bytes, 0 or 255, spread over `rect`.
  struct Mask {
    Box rect;
    int cols = 0, rows = 0;
    std::vector<unsigned char> pixels;
  };

  int id = 0;
  std::string label;      // empty without one
  std::string state;      // tracked, occluded, lost
  double score = 0;       // 0..1: is it in the frame?
  std::optional<Box> box;   // absent while it is out of sight
  std::optional<Mask> mask;
};

// What sam2track found on the buffer; empty before the first prompt.
std::vector<Object> ReadObjects(GstBuffer* buffer);
