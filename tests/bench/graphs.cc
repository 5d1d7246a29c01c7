// SPDX-License-Identifier: Apache-2.0
//
// Whether a device makes the same masks by CUDA graphs as without them, and in
// how many milliseconds a frame:
//   graphs MODEL DEVICE [PRECISION [SIZE]]
// Two films in turn on each engine, of discs that come and go. Prints a line of
// JSON for each memory policy; fails when masks differ, and on a GPU when
// there was no graph.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <memory>

#include "../core/scene.h"
#include "predictor/engine.h"

namespace {

using Clock = std::chrono::steady_clock;
using Frames = std::vector<std::vector<sam2::Object>>;
constexpr int kFrames = 40, kSteady = 24;  // frames, from which one they are timed

// Frame after frame of one film.
class Film {
 public:
  Film(sam2::ModelEngine& engine, sam2::MemoryPolicy policy, float start)
      : tracker_(engine.CreateVideoTracker({.memory_policy = policy})), start_(start) {}

  void Next() {
    const float x = start_ + 3 * static_cast<float>(frames.size());
    const std::vector<sam2::Disc> discs = {{80 + x, 90, 40, 230, 50, 40},
                                           {430, 200 + x / 3, 36, 40, 70, 235},
                                           {560, 90, 30, 30, 200, 60}};
    std::vector<sam2::Prompt> prompts;
    for (size_t i = 0; i < discs.size(); ++i) {
      if (frames.size() == 3 * i) prompts.emplace_back().box = BoxOf(discs[i]);
    }
    if (frames.size() == kSteady - 2) {
      prompts.emplace_back().id = 2;
      prompts.back().action = sam2::PromptAction::kRemove;
    }
    const sam2::Picture picture(640, 360, discs);
    const std::int64_t pts_ns = std::ssize(frames) * 40'000'000;
    const Clock::time_point before = Clock::now();
    frames.push_back(tracker_->Step(picture.view(), pts_ns, prompts).objects);
    if (frames.size() > kSteady) {
      ms += std::chrono::duration<double, std::milli>(Clock::now() - before).count();
    }
  }

  Frames frames;
  double ms = 0;

 private:
  std::unique_ptr<sam2::VideoTracker> tracker_;
  float start_;
};

struct Run {
  Frames frames;  // of both films
  double ms = 0;  // a frame
  int graphs = 0;
};

Run RunFilms(const sam2::ResolvedOptions& options, sam2::MemoryPolicy policy) {
  const auto engine = std::make_shared<sam2::ModelEngine>(options);
  Film a(*engine, policy, 0), b(*engine, policy, 20);
  for (int i = 0; i < kFrames; ++i) {
    a.Next();
    b.Next();
  }
  Run run{.frames = std::move(a.frames), .ms = (a.ms + b.ms) / (2 * (kFrames - kSteady)),
          .graphs = engine->graphs()};
  std::ranges::move(b.frames, std::back_inserter(run.frames));
  return run;
}

// Prints the comparison. Returns whether they are the same.
bool Compare(const Run& run, const Run& plain, const char* policy) {
  double worst_iou = 1, worst_score = 0;
  bool same = run.frames.size() == plain.frames.size();
  for (size_t i = 0; same && i < run.frames.size(); ++i) {
    same = run.frames[i].size() == plain.frames[i].size();
    for (size_t k = 0; same && k < run.frames[i].size(); ++k) {
      const sam2::Object &x = run.frames[i][k], &y = plain.frames[i][k];
      worst_iou = std::min(worst_iou, Iou(x.mask, y.mask));
      worst_score = std::max<double>(worst_score, std::abs(x.score - y.score));
    }
  }
  same = same && worst_iou >= 0.999;
  std::cout << "{\"policy\": \"" << policy << "\", \"graphs\": " << run.graphs
            << ", \"same\": " << (same ? "true" : "false") << ", \"worst_iou\": " << worst_iou
            << ", \"worst_score_difference\": " << worst_score << ", \"ms\": " << run.ms
            << ", \"ms_without\": " << plain.ms << "}" << std::endl;
  return same;
}

int Main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: " << argv[0] << " MODEL DEVICE [PRECISION [SIZE]]\n";
    return 2;
  }
  sam2::ResolvedOptions options =
      sam2::Resolve({.model = argv[1], .device = argv[2], .precision = argc > 3 ? argv[3] : "fp32",
                     .image_size = argc > 4 ? std::atoi(argv[4]) : 0});
  bool good = true;
  for (const bool robust : {false, true}) {
    const auto policy = robust ? sam2::MemoryPolicy::kRobust : sam2::MemoryPolicy::kOfficial;
    options.graphs = true;
    const Run run = RunFilms(options, policy);
    options.graphs = false;
    good &= Compare(run, RunFilms(options, policy), robust ? "robust" : "official");
    good &= run.graphs > 0 || options.device.is_cpu();
  }
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  return Main(argc, argv);
} catch (const std::exception& error) {
  std::cerr << "graphs: " << error.what() << '\n';
  return 1;
}
