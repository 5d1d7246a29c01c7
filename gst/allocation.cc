// SPDX-License-Identifier: Apache-2.0
#include "allocation.h"

#include <gst/video/video.h>

namespace gstsam2 {

void RefuseCropMeta(GstQuery* query) {
  guint index = 0;
  while (gst_query_find_allocation_meta(query, GST_VIDEO_CROP_META_API_TYPE, &index)) {
    gst_query_remove_nth_allocation_meta(query, index);
  }
}

void AskForOneMoreBuffer(GstQuery* query) {
  for (guint i = 0; i < gst_query_get_n_allocation_pools(query); ++i) {
    GstBufferPool* pool = nullptr;
    guint size = 0, min = 0, max = 0;
    gst_query_parse_nth_allocation_pool(query, i, &pool, &size, &min, &max);
    gst_query_set_nth_allocation_pool(query, i, pool, size, min + 1, max != 0 ? max + 1 : 0);
    gst_clear_object(&pool);
  }
}

}  // namespace gstsam2
