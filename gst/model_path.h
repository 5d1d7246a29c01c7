// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace gstsam2 {

// The file of a model given by name or path.
//
// What holds a '/' or ends in .safetensors or .pt is a path. Anything else is
// a name, looked up as NAME.safetensors, NAME.pt, NAME/NAME.safetensors and
// NAME/NAME.pt in: the folders of the environment variable GST_SAM2_MODEL_PATH
// (separated by ':'), the user's data folder ($XDG_DATA_HOME/gst-sam2/models),
// the installed data folder.
//
// Throws ElementError: RESOURCE/NOT_FOUND that says where it was looked for,
// RESOURCE/SETTINGS for an empty name.
std::string FindModel(const std::string& model);

}  // namespace gstsam2
