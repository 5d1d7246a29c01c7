// SPDX-License-Identifier: Apache-2.0
//
// The properties of every element that runs a network.
#pragma once

#include <gst/gst.h>

#include <string>

#include "sam2.h"
#include "setting.h"

namespace gstsam2 {

struct ModelSettings {
  std::string model = "builtin";
  std::string device = "auto";
  std::string precision = "auto";
  int image_size = 0;
  int threads = 0;
};

// Ids of the properties; an element's own start at kModelProperties + 1.
inline constexpr guint kModelProperties = 5;

// Installs model, device, precision, image-size and threads.
void InstallModelProperties(GObjectClass* klass);

// One of them; none when the id is not one of theirs.
Setting ModelSetting(ModelSettings& settings, guint id);

// For the core. Throws ElementError when there is no such model file.
sam2::EngineOptions ToEngineOptions(const ModelSettings& settings);

}  // namespace gstsam2
