// SPDX-License-Identifier: Apache-2.0
//
// What elements that work on the buffers that pass take part in of an ALLOCATION
// query, which goes on to the elements behind.
#pragma once

#include <gst/gst.h>

namespace gstsam2 {

// Takes back that frames may be cut by a GstVideoCropMeta alone, as sinks offer: their
// pixels are read here, where the frame is what the caps say.
void RefuseCropMeta(GstQuery* query);

// For an element that keeps a buffer while it waits for the next one.
void AskForOneMoreBuffer(GstQuery* query);

}  // namespace gstsam2
