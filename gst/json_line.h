// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <string>

#include "meta.h"
#include "sam2.h"

namespace gstsam2 {

// How masks are written.
enum class MaskForm {
  kRle,      // COCO's compressed run-length encoding
  kPolygon,  // COCO's list of polygons
  kNone,     // not at all
};

struct JsonSettings {
  MaskForm masks = MaskForm::kRle;
  double tolerance = 1.0;  // pixels that polygons may be off the mask's border
  double min_area = 4.0;   // parts of fewer pixels have no polygon
};

// One line of results, without the line's end:
// {"frame":0,"pts":0,"width":W,"height":H,"objects":[{"id":1,"label":"dog",
//  "state":"tracked","score":0.97,"iou":0.91,"bbox":[x,y,w,h],"area":N,
//  "segmentation":{"size":[H,W],"counts":"..."}}]}
// label, predicted, accepted, bbox and segmentation are absent where there is none; pts is
// null when unknown. core: may be nullptr with MaskForm::kNone.
std::string JsonLine(const JsonSettings& settings, sam2::Core* core, std::uint64_t frame,
                     GstClockTime pts, const ObjectsRecord& record);

}  // namespace gstsam2
