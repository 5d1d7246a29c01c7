/* SPDX-License-Identifier: Apache-2.0
 *
 * The least a registry scan can load: what tests/bench/startup compares with. */
#include <gst/gst.h>

static gboolean plugin_init (GstPlugin *plugin) { return TRUE; }

#define PACKAGE "gst-sam2"
GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, empty, "Nothing", plugin_init, "1.0",
    "unknown", "gst-sam2", "none")
