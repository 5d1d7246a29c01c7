// SPDX-License-Identifier: Apache-2.0
//
// How long a device takes to make the network's input of a frame, and whether
// it makes the same of it as the CPU:
//   frames DEVICE [SIZE]
// Frames in host memory, in memory of PyTorch's CUDA context, and in memory of
// another context, as GStreamer's decoders give them. Prints a line of JSON for
// each; fails when one is not the same.
#include <ATen/ATen.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/InferenceMode.h>
#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <random>

#include "image/frame.h"
#include "predictor/engine.h"

namespace {

using Clock = std::chrono::steady_clock;
constexpr int kRuns = 30;

// An NV12 frame with its bytes, rows longer than their pixels.
struct Frame {
  Frame(int width, int height) : bytes(std::size_t(width + 64) * height * 3 / 2) {
    std::mt19937 random(1);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    view = {.format = sam2::PixelFormat::kNV12, .width = width, .height = height,
            .stride = {width + 64, width + 64}, .matrix = sam2::ColorMatrix::kBT709};
    Place(bytes.data(), sam2::FrameMemory::kHost);
  }
  // Says that the bytes lie there.
  void Place(const void* data, sam2::FrameMemory memory) {
    view.plane[0] = static_cast<const std::uint8_t*>(data);
    view.plane[1] = view.plane[0] + std::ptrdiff_t{view.stride[0]} * view.height;
    view.memory = memory;
  }

  std::vector<std::uint8_t> bytes;
  sam2::FrameView view;
};

// A CUDA context as GStreamer makes one, with a copy of some bytes in it.
class ForeignMemory {
 public:
  explicit ForeignMemory(const std::vector<std::uint8_t>& bytes) {
    Call<int*, int>("cuDeviceGet", &device_, 0);
    Call<void**, unsigned, int>("cuCtxCreate_v2", &context_, 0, device_);
    Call<unsigned long long*, std::size_t>("cuMemAlloc_v2", &pointer_, bytes.size());
    Call<unsigned long long, const void*, std::size_t>("cuMemcpyHtoD_v2", pointer_, bytes.data(),
                                                       bytes.size());
    void* popped = nullptr;
    Call<void**>("cuCtxPopCurrent_v2", &popped);
  }
  ~ForeignMemory() { Call<void*>("cuCtxDestroy_v2", context_); }
  const void* data() const { return reinterpret_cast<const void*>(pointer_); }

 private:
  template <typename... Arguments>
  static void Call(const char* name, Arguments... arguments) {
    static void* const library = dlopen("libcuda.so.1", RTLD_LAZY);
    auto* function = library ? reinterpret_cast<int (*)(Arguments...)>(dlsym(library, name)) : nullptr;
    const int result = function ? function(arguments...) : -1;
    if (result != 0) throw std::runtime_error(std::string(name) + ": " + std::to_string(result));
  }

  int device_ = 0;
  void* context_ = nullptr;
  unsigned long long pointer_ = 0;
};

void Wait(at::Device device) {
  if (device.is_cuda()) at::detail::getCUDAHooks().deviceSynchronize(device.index());
}

double MedianMilliseconds(at::Device device, const std::function<void()>& work) {
  std::vector<double> ms;
  for (int i = 0; i < kRuns; ++i) {
    Wait(device);
    const Clock::time_point start = Clock::now();
    work();
    Wait(device);
    ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
  }
  std::ranges::nth_element(ms, ms.begin() + kRuns / 2);
  return ms[kRuns / 2];
}

// Whether all frames of this size come out the same as on the CPU.
bool Check(int width, int height, int size, at::Device device) {
  Frame frame(width, height);
  const at::Tensor expected =
      sam2::FrameToTensor(frame.view, size, sam2::Resize::kVideo, at::kCPU);
  sam2::FrameReader reader(size, sam2::Resize::kVideo, device);
  bool all_same = true;
  const auto check = [&](const char* memory) {
    const bool same = at::equal(reader.ReadByTensors(frame.view).cpu(), expected);
    const double ms =
        MedianMilliseconds(device, [&] { reader.ReadByTensors(frame.view); });
    std::cout << "{\"device\": \"" << device.str() << "\", \"memory\": \"" << memory
              << "\", \"width\": " << width << ", \"height\": " << height << ", \"size\": " << size
              << ", \"same_as_cpu\": " << (same ? "true" : "false") << ", \"ms\": " << ms << "}"
              << std::endl;
    all_same = all_same && same;
  };
  check("host");
  if (!device.is_cuda()) return all_same;
  const at::Tensor ours =
      at::from_blob(frame.bytes.data(), {std::ssize(frame.bytes)}, at::kByte).to(device);
  frame.Place(ours.const_data_ptr(), sam2::FrameMemory::kCuda);
  check("cuda");
  const ForeignMemory theirs(frame.bytes);
  frame.Place(theirs.data(), sam2::FrameMemory::kCuda);
  check("cuda of another context");
  Wait(device);
  return all_same;
}

int Main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: " << argv[0] << " DEVICE [SIZE]\n";
    return 2;
  }
  const c10::InferenceMode inference_mode;
  const int size = argc > 2 ? std::atoi(argv[2]) : 1024;
  // Opens what the device needs; any file will do for the model, which is not read.
  const at::Device device = sam2::Resolve({.model = argv[0], .device = argv[1]}).device;
  bool same = true;
  for (const auto& [width, height] : {std::pair{640, 360}, {1920, 1080}, {3840, 2160}}) {
    same = Check(width, height, size, device) && same;
  }
  return same ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  return Main(argc, argv);
} catch (const std::exception& error) {
  std::cerr << "frames: " << error.what() << '\n';
  return 1;
}
