// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace sam2 {

enum class Activation { kNone, kRelu, kGelu };

}  // namespace sam2
