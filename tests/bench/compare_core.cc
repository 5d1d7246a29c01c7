// SPDX-License-Identifier: Apache-2.0
//
// The core's side of compare: follows boxes through frames, over and over, as
// many as it is told to on each line of its standard input.
//   compare_core MODEL FRAMES WIDTH HEIGHT SIZE PRECISION DEVICE THREADS BOX...
// FRAMES: a file of RGB frames, played forwards and backwards. BOX: x,y,w,h.
// Answers each line "N" or "N stages" with one line of JSON: the milliseconds
// of each frame, of each stage (with "stages"; the device is waited for then),
// the area of each mask of the last frame, the most GPU memory held so far, and
// how many CUDA graphs there are.
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/record_function.h>
#include <c10/core/CachingDeviceAllocator.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <mutex>
#include <sstream>
#include <utility>

#include "predictor/engine.h"

namespace {

using Clock = std::chrono::steady_clock;

double Milliseconds(Clock::time_point since) {
  return std::chrono::duration<double, std::milli>(Clock::now() - since).count();
}

// Sums of the time in each user scope, of all threads: of stages that run side
// by side they are more than the time of the frame.
struct StageTimes {
  bool on_gpu = false;
  std::atomic<bool> asked_for = false;
  std::mutex mutex;
  std::map<std::string, double> ms;

  // What was measured since the last call.
  std::map<std::string, double> Take() {
    const std::lock_guard lock(mutex);
    return std::exchange(ms, {});
  }
};
StageTimes g_stages;

void WaitForDevice(bool on_gpu) {
  if (on_gpu) at::detail::getCUDAHooks().deviceSynchronize(0);
}

// The most that PyTorch has held of the GPU's memory.
std::int64_t PeakGpuBytes(bool on_gpu) {
  if (!on_gpu) return 0;
  return at::getDeviceAllocator(at::kCUDA)->getDeviceStats(0).reserved_bytes[0].peak;
}

struct ScopeStart : at::ObserverContext {
  Clock::time_point time;
};

std::unique_ptr<at::ObserverContext> OnEnter(const at::RecordFunction&) {
  if (!g_stages.asked_for) return nullptr;
  WaitForDevice(g_stages.on_gpu);
  auto start = std::make_unique<ScopeStart>();
  start->time = Clock::now();
  return start;
}

void OnLeave(const at::RecordFunction& scope, at::ObserverContext* context) {
  if (!context) return;
  WaitForDevice(g_stages.on_gpu);
  const double ms = Milliseconds(static_cast<ScopeStart*>(context)->time);
  const std::lock_guard lock(g_stages.mutex);
  g_stages.ms[scope.name()] += ms;
}

std::vector<std::uint8_t> ReadFile(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<std::uint8_t> data{std::istreambuf_iterator<char>(file), {}};
  if (!file || data.empty()) throw std::runtime_error(std::string("cannot read ") + path);
  return data;
}

// The video as a stream that never ends.
class Player {
 public:
  Player(const char* path, int width, int height)
      : data_(ReadFile(path)), width_(width), height_(height) {
    count_ = static_cast<std::int64_t>(data_.size()) / (std::int64_t{3} * width * height);
    if (count_ < 2) throw std::runtime_error(std::string(path) + " holds fewer than two frames");
  }

  sam2::FrameView Next() { return Frame(next_++); }
  sam2::FrameView Peek() const { return Frame(next_); }

 private:
  sam2::FrameView Frame(std::int64_t number) const {
    const std::int64_t at = number % (2 * count_ - 2);
    const std::int64_t index = at < count_ ? at : 2 * count_ - 2 - at;
    return {.format = sam2::PixelFormat::kRGB, .width = width_, .height = height_,
            .plane = {data_.data() + index * 3 * width_ * height_}, .stride = {3 * width_}};
  }

  std::vector<std::uint8_t> data_;
  int width_, height_;
  std::int64_t count_ = 0, next_ = 0;
};

sam2::Prompt ToPrompt(const char* text) {
  float x, y, w, h;
  if (std::sscanf(text, "%f,%f,%f,%f", &x, &y, &w, &h) != 4) {
    throw std::runtime_error(std::string("box ") + text + " is not x,y,w,h");
  }
  sam2::Prompt prompt;
  prompt.box = sam2::Box{x, y, x + w, y + h};
  return prompt;
}

template <typename Values>
std::string Joined(const Values& values) {
  std::ostringstream text;
  for (const auto& value : values) text << (text.tellp() > 0 ? ", " : "") << value;
  return text.str();
}

// Runs as many frames as the line says and prints the answer.
void Answer(const std::string& line, bool on_gpu, const sam2::ModelEngine& engine,
            sam2::VideoTracker& tracker, Player& player, std::vector<sam2::Prompt>& prompts) {
  std::istringstream words(line);
  int frames = 0;
  std::string word;
  bool ahead = false;
  words >> frames;
  g_stages.Take();
  while (words >> word) {
    if (word == "stages") g_stages.asked_for = true;
    ahead |= word == "ahead";
  }
  std::vector<double> ms;
  sam2::StepResult result;
  for (int i = 0; i < frames; ++i) {
    const Clock::time_point start = Clock::now();
    const sam2::FrameView frame = player.Next(), next = player.Peek();
    if (ahead) tracker.Expect(&next);
    result = tracker.Step(frame, 0, prompts);
    if (i == frames - 1) WaitForDevice(on_gpu);  // for what no mask needs
    ms.push_back(Milliseconds(start));
    for (const sam2::PromptOutcome& outcome : result.outcomes) {
      if (!outcome.error.empty()) throw std::runtime_error(outcome.error);
    }
    prompts.clear();
  }
  g_stages.asked_for = false;
  std::vector<std::string> named;
  for (const auto& [name, sum] : g_stages.Take()) {
    named.push_back('"' + name + "\": " + std::to_string(sum / frames));
  }
  std::vector<std::int64_t> areas;
  for (const sam2::Object& object : result.objects) {
    areas.push_back(std::ranges::count(object.mask.pixels, 255));
  }
  std::cout << "{\"ms\": [" << Joined(ms) << "], \"stages\": {" << Joined(named)
            << "}, \"areas\": [" << Joined(areas)
            << "], \"gpu_bytes\": " << PeakGpuBytes(on_gpu) << ", \"graphs\": " << engine.graphs()
            << "}" << std::endl;
}

int Main(int argc, char** argv) {
  if (argc < 10) {
    std::cerr << "usage: " << argv[0]
              << " MODEL FRAMES WIDTH HEIGHT SIZE PRECISION DEVICE THREADS BOX...\n";
    return 2;
  }
  at::addGlobalCallback(
      at::RecordFunctionCallback(OnEnter, OnLeave).scopes({at::RecordScope::USER_SCOPE}));
  Player player(argv[2], std::atoi(argv[3]), std::atoi(argv[4]));
  const auto engine = std::make_shared<sam2::ModelEngine>(
      sam2::Resolve({.model = argv[1], .device = argv[7], .precision = argv[6],
                     .image_size = std::atoi(argv[5])}));
  engine->set_threads(std::atoi(argv[8]));
  const auto tracker = engine->CreateVideoTracker({});
  std::vector<sam2::Prompt> prompts;
  for (int i = 9; i < argc; ++i) prompts.push_back(ToPrompt(argv[i]));
  const bool on_gpu = engine->info().device.starts_with("cuda");
  g_stages.on_gpu = on_gpu;
  std::cout << "{\"member\": \"" << engine->info().member << "\", \"device\": \""
            << engine->info().device << "\", \"precision\": \"" << engine->info().precision
            << "\"}" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    Answer(line, on_gpu, *engine, *tracker, player, prompts);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  return Main(argc, argv);
} catch (const std::exception& error) {
  std::cerr << "compare_core: " << error.what() << '\n';
  return 1;
}
