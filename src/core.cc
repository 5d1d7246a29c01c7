// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <mutex>

#include "image/polygon.h"
#include "image/rle.h"
#include "predictor/engine.h"
#include "predictor/execution_queue.h"
#include "sam2.h"

namespace sam2 {
namespace {

class CoreImpl : public Core {
 public:
  std::shared_ptr<Engine> OpenEngine(const EngineOptions& options) override {
    std::shared_ptr<ModelEngine> engine;
    RunTranslatingErrors([&] {
      const ResolvedOptions resolved = Resolve(options);
      // Held while loading, so that two callers do not load the same twice.
      std::lock_guard lock(mutex_);
      std::weak_ptr<ModelEngine>& known = engines_[resolved.Key()];
      engine = known.lock();
      if (!engine) known = engine = std::make_shared<ModelEngine>(resolved);
      if (options.threads > 0) engine->set_threads(options.threads);
    });
    return engine;
  }

  std::string EncodeRle(const Mask& mask, int frame_width, int frame_height) override {
    return sam2::EncodeRle(mask, frame_width, frame_height);
  }

  std::vector<Polygon> MaskToPolygons(const Mask& mask, double tolerance,
                                      double min_area) override {
    return sam2::MaskToPolygons(mask, tolerance, min_area);
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<ModelEngine>> engines_;
};

}  // namespace
}  // namespace sam2

sam2::Core* sam2_core(int interface_version) {
  if (interface_version != sam2::kInterfaceVersion) return nullptr;
  // Never destroyed: pipelines may outlive static destructors at exit.
  static sam2::Core* const core = new sam2::CoreImpl;
  return core;
}
