// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "predictor/engine.h"

namespace sam2 {

// The built-in model, loaded once, in fp32.
inline std::shared_ptr<ModelEngine> BuiltinEngine() {
  static const auto engine = std::make_shared<ModelEngine>(
      Resolve({.model = SAM2_BUILTIN_MODEL, .device = "cpu", .precision = "fp32"}));
  return engine;
}

}  // namespace sam2
