// SPDX-License-Identifier: Apache-2.0
#include "core_library.h"

#include <gmodule.h>

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "errors.h"

namespace gstsam2 {
namespace {

constexpr char kFileName[] = SAM2_CORE_FILE;

std::vector<std::string> Candidates() {
  const char* file = g_getenv("GST_SAM2_CORE");
  if (file != nullptr && *file != '\0') return {file};
  return {std::string(SAM2_CORE_DIR) + G_DIR_SEPARATOR_S + kFileName, kFileName};
}

// The core in this file, or nullptr with the reason in `failure`.
sam2::Core* OpenFile(const std::string& path, std::string& failure) {
  GModule* module = g_module_open(
      path.c_str(), static_cast<GModuleFlags>(G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL));
  if (module == nullptr) {
    failure = g_module_error();
    return nullptr;
  }
  gpointer symbol = nullptr;
  if (!g_module_symbol(module, sam2::kCoreEntryName, &symbol)) {
    failure = g_module_error();
    g_module_close(module);
    return nullptr;
  }
  g_module_make_resident(module);
  sam2::Core* core = reinterpret_cast<sam2::CoreEntry*>(symbol)(sam2::kInterfaceVersion);
  if (core == nullptr) {
    failure = "it does not speak interface version " + std::to_string(sam2::kInterfaceVersion) +
              ": plugin and core library are of different releases";
  }
  return core;
}

}  // namespace

sam2::Core& OpenCore() {
  static std::mutex mutex;
  static std::map<std::string, sam2::Core*> open;  // by path

  const std::lock_guard lock(mutex);
  std::string text = "Cannot open the core library of gst-sam2.";
  for (const std::string& path : Candidates()) {
    sam2::Core*& core = open[path];
    std::string failure;
    if (core == nullptr) core = OpenFile(path, failure);
    if (core != nullptr) return *core;
    text += " Tried " + path + ": " + failure + ".";
  }
  text += " GST_SAM2_CORE may name the file.";
  throw ElementError::Library(text);
}

}  // namespace gstsam2
