// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pango/pangocairo.h>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "canvas.h"

namespace gstsam2 {

// A line of text on a rounded plate, both with their corner at (0, 0).
struct Label {
  Shape plate, text;
};

// Draws labels with Pango, in any script that the system has a font for, and
// keeps them. One object from one thread at a time.
class LabelMaker {
 public:
  // Scores change with every frame: no more than this is kept.
  static constexpr std::size_t kMaxKept = 16 << 20;  // bytes

  LabelMaker();

  // font_size: pixels from ascender to descender, about. A longer text than
  // max_width pixels loses its middle. Valid until the next call.
  const Label& Make(const std::string& text, int font_size, int max_width);

  std::size_t kept() const { return kept_; }  // bytes

 private:
  struct ObjectUnref {
    void operator()(gpointer object) const { g_object_unref(object); }
  };

  Label Draw(const std::string& text, int font_size, int max_width);

  // Own ones: Pango's defaults belong to a thread, and streaming threads come and go.
  std::unique_ptr<PangoFontMap, ObjectUnref> font_map_;
  std::unique_ptr<PangoContext, ObjectUnref> context_;
  std::map<std::tuple<std::string, int, int>, Label> made_;
  std::size_t kept_ = 0;
};

}  // namespace gstsam2
