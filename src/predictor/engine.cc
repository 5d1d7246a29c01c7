// SPDX-License-Identifier: Apache-2.0
#include "predictor/engine.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>

#include "checkpoint/checkpoint.h"
#include "checkpoint/weights.h"
#include "predictor/cuda_graphs.h"
#include "predictor/image_predictor.h"
#include "predictor/video_tracker.h"

namespace sam2 {
namespace {

// The CUDA backend registers itself when its library is opened; nothing else
// refers to it, so that a machine without it needs none of its parts.
// Returns why it could not be opened, or nothing.
std::string OpenCudaBackend() {
  static const std::string error = [] {
    // Without a driver the backend, hundreds of megabytes, need not be tried.
    if (!dlopen("libcuda.so.1", RTLD_LAZY)) return std::string("no NVIDIA driver is installed");
    if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL)) return std::string();
    const char* why = dlerror();
    return std::string(why ? why : "unknown error");
  }();
  return error;
}

// Number of usable devices; `why` tells the reason for none.
int CountCudaDevices(std::string& why) {
  why = OpenCudaBackend();
  if (!why.empty()) return 0;
  const int count = at::hasCUDA() ? at::detail::getCUDAHooks().getNumGPUs() : 0;
  if (count == 0) why = "no CUDA device is found";
  return count;
}

at::Device ResolveDevice(const std::string& name) {
  if (name == "cpu") return at::kCPU;
  std::string why;
  if (name == "auto") {
    return CountCudaDevices(why) > 0 ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);
  }
  int index = 0;
  if (name.starts_with("cuda:")) {
    const char* end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + 5, end, index);
    if (error != std::errc() || stop != end || index < 0) index = -1;
  }
  if (index < 0 || (name != "cuda" && !name.starts_with("cuda:"))) {
    throw Error(ErrorCode::kBadSettings,
                "device \"" + name + "\": allowed are auto, cpu, cuda and cuda:N");
  }
  const int count = CountCudaDevices(why);
  if (index >= count) {
    throw Error(ErrorCode::kDeviceMissing,
                "device \"" + name + "\" is not there: " +
                    (why.empty() ? "there are " + std::to_string(count) : why));
  }
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(index));
}

// Whether matrix products are faster in bf16. Having instructions is not enough:
// AMD's for vectors do twice the work of fp32 in a cycle, Intel's (measured on a
// Xeon with AMX hidden by its hypervisor) half of it; Intel is fast with tiles.
bool CpuIsFastInBf16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("amx-bf16") ||
         (__builtin_cpu_supports("avx512bf16") && __builtin_cpu_is("amd"));
#else
  return false;
#endif
}

at::ScalarType ResolvePrecision(const std::string& name, at::Device device) {
  if (name == "fp32") return at::kFloat;
  if (name == "bf16") return at::kBFloat16;
  if (name == "fp16") {
    if (device.is_cuda()) return at::kHalf;
    throw Error(ErrorCode::kBadSettings, "precision \"fp16\" needs a CUDA device");
  }
  if (name != "auto") {
    throw Error(ErrorCode::kBadSettings,
                "precision \"" + name + "\": allowed are auto, fp32, bf16 and fp16");
  }
  return device.is_cuda() || CpuIsFastInBf16() ? at::kBFloat16 : at::kFloat;
}

bool ResolveGraphs() {
  const char* value = std::getenv("GST_SAM2_GRAPHS");
  const std::string name = value ? value : "on";
  if (name == "on" || name == "off") return name == "on";
  throw Error(ErrorCode::kBadSettings,
              "GST_SAM2_GRAPHS=\"" + name + "\": allowed are on and off");
}

std::unique_ptr<GraphPool> OpenGraphs(const ResolvedOptions& options) {
  return options.graphs && options.device.is_cuda() ? OpenCudaGraphs(options.device) : nullptr;
}

// Whether a network's operators are too short to be divided among threads: its
// weights times the places of its map, about as many as it has multiplications.
bool HasShortOperators(const Sam2Model& model, const Weights& weights) {
  constexpr double kShort = 4e9;  // the built-in model at 384 px, EdgeTAM at 256
  const double side = static_cast<double>(model.image_size()) / 16;
  return static_cast<double>(weights.elements()) * side * side < kShort;
}

std::string PrecisionName(at::ScalarType dtype) {
  return dtype == at::kFloat ? "fp32" : dtype == at::kHalf ? "fp16" : "bf16";
}

}  // namespace

std::string ResolvedOptions::Key() const {
  return model + '\n' + device.str() + '\n' + PrecisionName(dtype) + '\n' +
         std::to_string(image_size) + (graphs ? "" : "\nwithout graphs");
}

ResolvedOptions Resolve(const EngineOptions& options) {
  ResolvedOptions resolved;
  resolved.device = ResolveDevice(options.device);
  resolved.dtype = ResolvePrecision(options.precision, resolved.device);
  resolved.image_size = options.image_size;
  resolved.graphs = ResolveGraphs();
  std::error_code error;
  const std::filesystem::path path = std::filesystem::canonical(options.model, error);
  if (error) {
    const bool absent = error == std::errc::no_such_file_or_directory ||
                        error == std::errc::not_a_directory;
    throw Error(absent ? ErrorCode::kNotFound : ErrorCode::kBadCheckpoint,
                options.model + ": " + error.message());
  }
  resolved.model = path.string();
  return resolved;
}

ModelEngine::ModelEngine(const ResolvedOptions& options)
    : ModelEngine(options, ReadCheckpoint(options.model)) {}

ModelEngine::ModelEngine(const ResolvedOptions& options, Checkpoint checkpoint)
    : ModelEngine(options, std::move(checkpoint), OpenGraphs(options)) {}

ModelEngine::ModelEngine(const ResolvedOptions& options, Checkpoint checkpoint,
                         std::unique_ptr<GraphPool> graphs)
    : queue_(ExecutionQueue::ForDevice(options.device)) {
  queue_->Run(OperatorThreads(), [&] {
    Weights weights(std::move(checkpoint), options.model, options.dtype, options.device);
    model_ = std::make_unique<Sam2Model>(weights, options.image_size);
    if (graphs) graphs_.emplace(std::move(graphs));
    step_.emplace(*model_, /*on_gpu=*/graphs_ || !options.device.is_cpu(),
                  graphs_ ? &*graphs_ : nullptr);
    encoder_.emplace(*step_, step_->shapes().images);
    info_ = {.member = model_->config().member,
             .image_size = static_cast<int>(model_->image_size()),
             .device = options.device.str(),
             .precision = PrecisionName(options.dtype),
             .weight_bytes = weights.bytes()};
    short_operators_ = options.device.is_cpu() && HasShortOperators(*model_, weights);
  });
}

int ModelEngine::AllThreads() const {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  return threads_ > 0 ? threads_.load() : std::max(1, cores);
}

int ModelEngine::OperatorThreads() const {
  if (short_operators_) return 1;
  // Threads that meet at the end of every operator, spinning until then, all
  // wait for the one whose core another part of the pipeline takes: with as many
  // as cores a step was measured 17 times slower beside a busy process.
  return threads_ > 0 ? threads_.load() : std::max(1, AllThreads() - 1);
}

int64_t ModelEngine::Parts(int64_t objects) const {
  if (step_->on_gpu()) return 1;
  // With fewer objects than threads those inside of operators do better.
  if (OperatorThreads() > 1 && objects < AllThreads()) return 1;
  return std::min<int64_t>(objects, AllThreads());
}

void ModelEngine::ForEachOf(int64_t pieces, const std::function<void(int64_t)>& piece) {
  if (pieces == 0) return;
  const int64_t parts = Parts(pieces);
  ForEach(parts, [&](int64_t part) {
    for (int64_t i = part * pieces / parts; i < (part + 1) * pieces / parts; ++i) piece(i);
  });
}

Pieces ModelEngine::Within(int64_t parts) {
  if (parts > 1 || step_->on_gpu() || OperatorThreads() > 1) return {};
  return {.most = AllThreads(), .for_each = [this](int64_t count, std::function<void(int64_t)> piece) {
            ForEach(count, std::move(piece));
          }};
}

std::unique_ptr<SideWorkers::Work> ModelEngine::Start(int64_t pieces,
                                                      std::function<void(int64_t)> piece) {
  return queue_->workers().Start(AllThreads() - OperatorThreads(), pieces, std::move(piece));
}

void ModelEngine::ForEach(int64_t pieces, std::function<void(int64_t)> piece) {
  queue_->workers().ForEach(AllThreads(), pieces, std::move(piece));
}

std::unique_ptr<VideoTracker> ModelEngine::CreateVideoTracker(const TrackerOptions& options) {
  return std::make_unique<StreamingTracker>(shared_from_this(), options);
}

std::unique_ptr<ImagePredictor> ModelEngine::CreateImagePredictor(const StillsOptions& options) {
  return std::make_unique<StillsPredictor>(shared_from_this(), options);
}

}  // namespace sam2
