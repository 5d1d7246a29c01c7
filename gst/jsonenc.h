// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_SAM2_JSON_ENC (gst_sam2_json_enc_get_type())
G_DECLARE_FINAL_TYPE(GstSam2JsonEnc, gst_sam2_json_enc, GST, SAM2_JSON_ENC, GstElement)

GST_ELEMENT_REGISTER_DECLARE(sam2jsonenc)

G_END_DECLS
