// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sam2.h"

namespace gstsam2 {

// The core, opened at first use and kept until the process ends: libtorch,
// which it links, cannot be unloaded. Opened late so that a scan of the plugin
// loads no libtorch, and a missing libtorch is a readable error.
//
// Taken from, in this order: the file in the environment variable
// GST_SAM2_CORE (and from nowhere else when it is set), the folder it was
// installed to, the dynamic linker's search path.
//
// Throws ElementError (LIBRARY/INIT) with each path tried and the linker's words.
sam2::Core& OpenCore();

}  // namespace gstsam2
