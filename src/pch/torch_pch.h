// SPDX-License-Identifier: Apache-2.0
// Precompiled: ATen alone takes most of a file's compile time.
#include <ATen/ATen.h>

#include <map>
#include <memory>
#include <string>
#include <vector>
