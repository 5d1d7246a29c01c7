// SPDX-License-Identifier: Apache-2.0
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstdio>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  gst_init(&argc, &argv);
  GstPlugin* plugin = gst_plugin_load_by_name("sam2");  // registers the objects' meta
  if (plugin == nullptr) {
    std::fprintf(stderr, "The plugin is not in GST_PLUGIN_PATH.\n");
    return 1;
  }
  gst_object_unref(plugin);
  const int result = RUN_ALL_TESTS();
  gst_deinit();  // lets the leaks tracer report
  return result;
}
