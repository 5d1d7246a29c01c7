// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "filter.h"

G_BEGIN_DECLS

#define GST_TYPE_SAM2_SEGMENT (gst_sam2_segment_get_type())
G_DECLARE_FINAL_TYPE(GstSam2Segment, gst_sam2_segment, GST, SAM2_SEGMENT, GstSam2Filter)

GST_ELEMENT_REGISTER_DECLARE(sam2segment)

G_END_DECLS
