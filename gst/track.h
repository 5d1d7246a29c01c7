// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "filter.h"

G_BEGIN_DECLS

#define GST_TYPE_SAM2_TRACK (gst_sam2_track_get_type())
G_DECLARE_FINAL_TYPE(GstSam2Track, gst_sam2_track, GST, SAM2_TRACK, GstSam2Filter)

GST_ELEMENT_REGISTER_DECLARE(sam2track)

G_END_DECLS
