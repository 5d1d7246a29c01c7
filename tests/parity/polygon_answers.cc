// SPDX-License-Identifier: Apache-2.0
//
// The core's polygons of masks: the other side of polygons.py.
//
//   polygon_answers WIDTH HEIGHT TOLERANCE MIN_AREA < MASKS
//
// MASKS are one after another, a byte for each pixel; for each of them a line
// of JSON, a list of polygons, goes to standard output.
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "image/polygon.h"

int main(int argc, char** argv) try {
  if (argc != 5) {
    throw std::runtime_error("usage: polygon_answers WIDTH HEIGHT TOLERANCE MIN_AREA < MASKS");
  }
  sam2::Mask mask{.width = std::stoi(argv[1]), .height = std::stoi(argv[2]), .pixels = {}};
  mask.pixels.resize(static_cast<std::size_t>(mask.width) * mask.height);
  while (std::cin.read(reinterpret_cast<char*>(mask.pixels.data()),
                       static_cast<std::streamsize>(mask.pixels.size()))) {
    const nlohmann::json polygons =
        sam2::MaskToPolygons(mask, std::stod(argv[3]), std::stod(argv[4]));
    std::puts(polygons.dump().c_str());
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "polygon_answers: %s\n", error.what());
  return 1;
}
