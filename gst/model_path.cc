// SPDX-License-Identifier: Apache-2.0
#include "model_path.h"

#include <glib.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <sstream>
#include <string_view>
#include <system_error>
#include <vector>

#include "errors.h"

namespace gstsam2 {
namespace {

namespace fs = std::filesystem;

// Released by others under their own licences, fetched on demand.
constexpr std::array<std::string_view, 9> kOfficialNames = {
    "sam2-tiny",   "sam2-small",   "sam2-base+",   "sam2-large", "sam2.1-tiny",
    "sam2.1-small", "sam2.1-base+", "sam2.1-large", "edgetam"};

bool IsPath(const std::string& model) {
  return model.find('/') != std::string::npos || model.ends_with(".safetensors") ||
         model.ends_with(".pt");
}

bool IsFile(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored) && !fs::is_directory(path, ignored);
}

std::vector<fs::path> Folders() {
  std::vector<fs::path> folders;
  if (const char* list = g_getenv("GST_SAM2_MODEL_PATH")) {
    std::istringstream stream(list);
    for (std::string folder; std::getline(stream, folder, G_SEARCHPATH_SEPARATOR);) {
      if (!folder.empty()) folders.emplace_back(folder);
    }
  }
  folders.push_back(fs::path(g_get_user_data_dir()) / "gst-sam2" / "models");
  folders.emplace_back(SAM2_MODEL_DIR);
  return folders;
}

std::string AbsenceOf(const std::string& name, const std::vector<fs::path>& folders) {
  std::ostringstream text;
  text << "There is no model \"" << name << "\". Looked for " << name << ".safetensors and " << name
       << ".pt in:";
  for (const fs::path& folder : folders) text << ' ' << folder.string();
  text << '.';
  if (std::ranges::find(kOfficialNames, name) != kOfficialNames.end()) {
    text << " To get it: models/fetch " << name;
  }
  return text.str();
}

}  // namespace

std::string FindModel(const std::string& model) {
  if (model.empty()) {
    throw ElementError::Settings("model is empty: it must be a name such as \"builtin\" or a file");
  }
  if (IsPath(model)) {
    if (IsFile(model)) return model;
    throw ElementError::NotFound("There is no model file \"" + model + "\".");
  }
  const std::vector<fs::path> folders = Folders();
  for (const fs::path& folder : folders) {
    for (const fs::path& stem : {fs::path(model), fs::path(model) / model}) {
      for (const char* extension : {".safetensors", ".pt"}) {
        const fs::path file = folder / (stem.string() + extension);
        if (IsFile(file)) return file.string();
      }
    }
  }
  throw ElementError::NotFound(AbsenceOf(model, folders));
}

}  // namespace gstsam2
