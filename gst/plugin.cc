// SPDX-License-Identifier: Apache-2.0
#include <gst/gst.h>

#include "jsonenc.h"
#include "meta.h"
#include "overlay.h"
#include "segment.h"
#include "track.h"

static gboolean plugin_init(GstPlugin* plugin) {
  gstsam2::RegisterObjectsMeta();
  gboolean any = FALSE;
  any |= GST_ELEMENT_REGISTER(sam2track, plugin);
  any |= GST_ELEMENT_REGISTER(sam2segment, plugin);
  any |= GST_ELEMENT_REGISTER(sam2overlay, plugin);
  any |= GST_ELEMENT_REGISTER(sam2jsonenc, plugin);
  return any;
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, sam2,
                  "Promptable segmentation and tracking with the SAM 2 family", plugin_init,
                  SAM2_VERSION, "Apache 2.0", "gst-sam2", "https://gstreamer.freedesktop.org/")
