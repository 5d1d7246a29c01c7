// SPDX-License-Identifier: Apache-2.0
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

namespace {

// What lives as long as GStreamer does, and so is no leak.
bool LivesLong(const GValue* object) {
  return G_VALUE_HOLDS_OBJECT(object) &&
         !GST_IS_ELEMENT(g_value_get_object(object)) && !GST_IS_PAD(g_value_get_object(object)) &&
         !GST_IS_BUS(g_value_get_object(object)) && !GST_IS_BUFFER_POOL(g_value_get_object(object));
}

// Prints and counts the objects that the leaks tracer still sees.
int CountLeaks(GstTracer* tracer) {
  GstStructure* info = nullptr;
  g_signal_emit_by_name(tracer, "get-live-objects", &info);
  const GValue* list = gst_structure_get_value(info, "live-objects-list");
  int leaks = 0;
  for (guint i = 0; list != nullptr && i < gst_value_list_get_size(list); ++i) {
    const GstStructure* entry = gst_value_get_structure(gst_value_list_get_value(list, i));
    const GValue* object = gst_structure_get_value(entry, "object");
    if (LivesLong(object) || G_VALUE_HOLDS(object, GST_TYPE_CAPS)) continue;
    char* text = g_strdup_value_contents(object);
    std::fprintf(stderr, "leaked: %s\n", text);
    g_free(text);
    ++leaks;
  }
  // Not freed: in GStreamer 1.22 the structure unrefs objects that it never took.
  return leaks;
}

// With GST_TRACERS=leaks in the environment: the number of leaks; else 0.
int CountLeaks() {
  // Threads that end may still be letting go of their last objects.
  g_usleep(200'000);
  int leaks = 0;
  GList* tracers = gst_tracing_get_active_tracers();
  for (GList* at = tracers; at != nullptr; at = at->next) {
    if (g_strcmp0(G_OBJECT_TYPE_NAME(at->data), "GstLeaksTracer") == 0) {
      leaks += CountLeaks(GST_TRACER(at->data));
    }
  }
  g_list_free_full(tracers, gst_object_unref);
  return leaks;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  gst_init(&argc, &argv);
  GstPlugin* plugin = gst_plugin_load_by_name("sam2");  // registers the objects' meta
  if (plugin == nullptr) {
    std::fprintf(stderr, "The plugin is not in GST_PLUGIN_PATH.\n");
    return EXIT_FAILURE;
  }
  gst_object_unref(plugin);
  int result = RUN_ALL_TESTS();
  if (const int leaks = CountLeaks(); leaks > 0) {
    std::fprintf(stderr, "%d objects leaked.\n", leaks);
    result = EXIT_FAILURE;
  }
  gst_deinit();
  return result;
}
