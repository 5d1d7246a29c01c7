// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pango/pangocairo.h>

#include <map>
#include <memory>
#include <string>

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
  LabelMaker();

  // font_size: pixels from ascender to descender, about. Valid until the next call.
  const Label& Make(const std::string& text, int font_size);

 private:
  struct ObjectUnref {
    void operator()(gpointer object) const { g_object_unref(object); }
  };

  Label Draw(const std::string& text, int font_size);

  // Own ones: Pango's defaults belong to a thread, and streaming threads come and go.
  std::unique_ptr<PangoFontMap, ObjectUnref> font_map_;
  std::unique_ptr<PangoContext, ObjectUnref> context_;
  std::map<std::pair<std::string, int>, Label> made_;
};

}  // namespace gstsam2
