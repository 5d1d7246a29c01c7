// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "canvas.h"
#include "meta.h"

namespace gstsam2 {

class LabelMaker;

struct PainterSettings {
  bool masks = true;
  bool boxes = true;
  bool labels = true;
  bool scores = true;
  double alpha = 0.45;
  int line_width = 0;  // pixels; 0: by the frame's size
};

// A colour for each id; neighbours in number are far apart in hue.
Color ColorOf(int id);

// Paints objects on frames. One object from one thread at a time.
class Painter {
 public:
  Painter();
  ~Painter();

  // The selected object has a white outline, accepted ones have a tick, predicted
  // ones a dashed box and no outline.
  void Paint(const PainterSettings& settings, ObjectsRecord record, GstVideoFrame& frame);
  // A box that is being drawn.
  void PaintRubberBand(const PainterSettings& settings, const Rect& rect, GstVideoFrame& frame);

 private:
  void PaintMask(const PainterSettings& settings, const ObjectRecord& object, Canvas& canvas);
  void PaintBox(const PainterSettings& settings, const ObjectRecord& object, Canvas& canvas);
  // Returns the label's height.
  int PaintLabel(const std::string& text, Color color, int x, int bottom, Canvas& canvas);
  void PaintLabels(const PainterSettings& settings, const ObjectsRecord& record, Canvas& canvas);

  std::unique_ptr<LabelMaker> labels_;  // made when first needed: fonts take time to find
};

}  // namespace gstsam2
