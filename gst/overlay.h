// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_SAM2_OVERLAY (gst_sam2_overlay_get_type())
G_DECLARE_FINAL_TYPE(GstSam2Overlay, gst_sam2_overlay, GST, SAM2_OVERLAY, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE(sam2overlay)

G_END_DECLS
