// SPDX-License-Identifier: Apache-2.0
//
// The tracker by graphs, in a stand-in for CUDA's, against the same steps run as
// they are, and against the CPU's own form of them.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <utility>

#include "predictor/engine.h"
#include "replayed_graph.h"
#include "scene.h"

namespace sam2 {
namespace {

using Frames = std::vector<std::vector<Object>>;

constexpr int kFrames = 30;
constexpr std::int64_t kFrameNs = 40'000'000;

// Five discs that come one after the other, one of which is dropped, one
// prompted anew and one corrected by a click on the way: batches of one to four.
class Film {
 public:
  // ahead: each frame is expected, and its pixels are gone when its turn comes, but with
  // windows, which may have moved until then.
  Film(const std::shared_ptr<ModelEngine>& engine, MemoryPolicy policy, bool ahead = false,
       float follow_window = 0)
      : tracker_(engine->CreateVideoTracker(
            {.memory_policy = policy, .follow_window = follow_window})),
        ahead_(ahead), stays_(!ahead || follow_window > 0) {}

  std::vector<Object> Next() {
    const std::vector<Disc> discs = Discs(frame_);
    const std::vector<int> starts = {0, 0, 4, 9, 15};
    std::vector<Prompt> prompts;
    for (size_t i = 0; i < discs.size(); ++i) {
      if (frame_ == starts[i]) prompts.emplace_back().box = BoxOf(discs[i]);
    }
    const auto change = [&](int id, PromptAction action) -> Prompt& {
      Prompt& prompt = prompts.emplace_back();
      prompt.id = id;
      prompt.action = action;
      return prompt;
    };
    if (frame_ == 12) change(2, PromptAction::kRemove);
    if (frame_ == 18) change(1, PromptAction::kReplace).box = BoxOf(discs[0]);
    if (frame_ == 21) {
      change(3, PromptAction::kRefine).points.push_back({.x = discs[2].x, .y = discs[2].y});
    }
    const FrameView view = Show(discs);
    return tracker_->Step(view, frame_++ * kFrameNs, prompts).objects;
  }

  Frames All() {
    Frames frames;
    while (frame_ < kFrames) frames.push_back(Next());
    return frames;
  }

 private:
  static std::vector<Disc> Discs(int frame) {
    const float x = 2.0f * static_cast<float>(frame);
    return {{60 + x, 80, 30, 230, 50, 40}, {230, 110, 26, 40, 70, 235}, {290, 40, 20, 30, 200, 60},
            {40, 150, 18, 240, 220, 40}, {160, 30, 17, 200, 40, 220}};
  }

  FrameView Show(const std::vector<Disc>& discs) {
    Picture& picture = pictures_[frame_ % 2];
    const Picture shown(320, 180, stays_ || frame_ == 0 ? discs : std::vector<Disc>());
    picture = shown;  // in the same place
    if (ahead_) {
      Picture& next = pictures_[(frame_ + 1) % 2];
      const Picture expected(320, 180, Discs(frame_ + 1));
      next = expected;
      const FrameView view = next.view();
      tracker_->Expect(&view);
    }
    return picture.view();
  }

  std::unique_ptr<VideoTracker> tracker_;
  bool ahead_, stays_;
  std::array<Picture, 2> pictures_ = {Picture(320, 180), Picture(320, 180)};
  int frame_ = 0;
};

void ExpectEqual(const std::vector<Object>& objects, const std::vector<Object>& truth) {
  ASSERT_EQ(objects.size(), truth.size());
  for (size_t i = 0; i < objects.size(); ++i) {
    EXPECT_EQ(objects[i].id, truth[i].id);
    EXPECT_EQ(objects[i].state, truth[i].state);
    EXPECT_EQ(objects[i].score, truth[i].score);
    EXPECT_EQ(objects[i].iou, truth[i].iou);
    EXPECT_EQ(objects[i].mask.pixels, truth[i].mask.pixels);
  }
}

void ExpectEqual(const Frames& frames, const Frames& truth) {
  ASSERT_EQ(frames.size(), truth.size());
  for (size_t frame = 0; frame < frames.size(); ++frame) {
    SCOPED_TRACE(frame);
    ExpectEqual(frames[frame], truth[frame]);
  }
}

void ExpectClose(const Frames& frames, const Frames& truth) {
  ASSERT_EQ(frames.size(), truth.size());
  for (size_t frame = 0; frame < truth.size(); ++frame) {
    ASSERT_EQ(frames[frame].size(), truth[frame].size());
    for (size_t i = 0; i < truth[frame].size(); ++i) {
      const Object& object = frames[frame][i];
      const Object& other = truth[frame][i];
      EXPECT_EQ(object.state, other.state);
      EXPECT_NEAR(object.iou, other.iou, 1e-4 * other.iou) << frame;
      EXPECT_NEAR(object.score, other.score, 1e-4 * other.score) << frame;
      EXPECT_GE(Iou(object.mask, other.mask), 0.999) << frame;
    }
  }
}

class TrackerByGraphs : public testing::TestWithParam<MemoryPolicy> {
 protected:
  static std::shared_ptr<ModelEngine> Plain() {
    static GraphCounts counts;
    return OpenEngine(Graphs(counts, /*most_captures=*/0));
  }
  static const Frames& PlainFilm() {
    static std::map<MemoryPolicy, Frames> films;
    Frames& film = films[GetParam()];
    if (film.empty()) film = Film(Plain(), GetParam()).All();
    return film;
  }

  GraphCounts counts_;
};

TEST_P(TrackerByGraphs, IsTheSameToTheBit) {
  const Frames& truth = PlainFilm();
  const auto engine = OpenEngine(Graphs(counts_));
  ExpectEqual(Film(engine, GetParam()).All(), truth);
  EXPECT_EQ(truth.back().size(), 4u);
  for (const Object& object : truth.back()) EXPECT_FALSE(object.mask.empty());
  // The encoder's, and of batches of one, two and four with and without a bias.
  EXPECT_GE(engine->graphs(), 4);
  EXPECT_LE(engine->graphs(), 8);
  EXPECT_GT(counts_.replays, kFrames);
}

TEST_P(TrackerByGraphs, FramesMayBeEncodedBehindTheStepBefore) {
  const auto engine = OpenEngine(Graphs(counts_));
  ExpectEqual(Film(engine, GetParam(), /*ahead=*/true).All(), PlainFilm());
  EXPECT_GT(counts_.replays, kFrames);
}

TEST_P(TrackerByGraphs, TwoStreamsMayBothBeAhead) {
  const auto engine = OpenEngine(Graphs(counts_));
  Film a(engine, GetParam(), /*ahead=*/true), b(engine, GetParam(), /*ahead=*/true);
  for (int i = 0; i < kFrames / 2; ++i) {
    SCOPED_TRACE(i);
    ExpectEqual(a.Next(), PlainFilm()[i]);
    ExpectEqual(b.Next(), PlainFilm()[i]);
  }
}

TEST_P(TrackerByGraphs, AFrameThatCannotBeReadAheadFailsInItsOwnStep) {
  const auto tracker = OpenEngine(Graphs(counts_))->CreateVideoTracker({});
  const Picture picture(320, 180, {{60, 80, 30, 230, 50, 40}});
  FrameView broken = picture.view();
  broken.plane = {};
  std::vector<Prompt> prompts(1);
  prompts[0].box = Box{30, 50, 90, 110};
  tracker->Expect(&broken);
  EXPECT_EQ(tracker->Step(picture.view(), 0, prompts).objects.size(), 1u);
  EXPECT_THROW(tracker->Step(broken, kFrameNs, {}), Error);
  EXPECT_EQ(tracker->Step(picture.view(), 2 * kFrameNs, {}).objects.size(), 1u);
}

// Three discs in windows of their own, the others in the whole frame.
TEST_P(TrackerByGraphs, WindowsAreTheSameToTheBitToo) {
  constexpr float kWindow = 2.5F;
  const Frames truth = Film(Plain(), GetParam(), /*ahead=*/false, kWindow).All();
  EXPECT_NE(truth.back().back().iou, PlainFilm().back().back().iou);
  const auto engine = OpenEngine(Graphs(counts_));
  ExpectEqual(Film(engine, GetParam(), /*ahead=*/false, kWindow).All(), truth);
  EXPECT_GT(counts_.replays, kFrames);
  // Ahead they are encoded one by one, in turn several at once, which rounds otherwise.
  ExpectClose(Film(engine, GetParam(), /*ahead=*/true, kWindow).All(), truth);
}

// What is replayed is that to the bit, so that it need not run again.
TEST_P(TrackerByGraphs, PlainlyIsAsInTheFormForTheCpu) {
  ExpectClose(PlainFilm(), Film(OpenEngine(nullptr), GetParam()).All());
}

TEST_P(TrackerByGraphs, GoesOnPlainlyFromACaptureThatFails) {
  const Frames& truth = PlainFilm();
  testing::internal::CaptureStderr();
  const auto engine = OpenEngine(Graphs(counts_, /*most_captures=*/3));
  ExpectEqual(Film(engine, GetParam()).All(), truth);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::HasSubstr("cannot be captured"));
  EXPECT_EQ(counts_.captures, 3);
  EXPECT_EQ(engine->graphs(), 0);
}

TEST_P(TrackerByGraphs, TwoStreamsInTurnShareThem) {
  const auto engine = OpenEngine(Graphs(counts_));
  Film a(engine, GetParam()), b(engine, GetParam());
  const Frames& truth = PlainFilm();
  constexpr int kAhead = 5;
  for (int i = 0; i < kAhead; ++i) ExpectEqual(b.Next(), truth[i]);
  for (int i = kAhead; i < kFrames; ++i) {
    SCOPED_TRACE(i);
    ExpectEqual(a.Next(), truth[i - kAhead]);
    ExpectEqual(b.Next(), truth[i]);
  }
  EXPECT_LE(engine->graphs(), 8);
}

INSTANTIATE_TEST_SUITE_P(Policies, TrackerByGraphs,
                         testing::Values(MemoryPolicy::kOfficial, MemoryPolicy::kRobust),
                         [](const auto& info) {
                           return info.param == MemoryPolicy::kOfficial ? "Official" : "Robust";
                         });

// More objects than a batch holds: the largest graph runs twice in a frame, and
// the store grows and shrinks between.
TEST(TrackerByGraphsOfMany, IsTheSameToTheBit) {
  const auto run = [](const std::shared_ptr<ModelEngine>& engine) {
    const auto tracker = engine->CreateVideoTracker({});
    Frames frames;
    for (int frame = 0; frame < 9; ++frame) {
      std::vector<Disc> discs;
      std::vector<Prompt> prompts;
      for (int i = 0; i < 34; ++i) {
        discs.push_back({20.0f + 31.0f * static_cast<float>(i % 9),
                         25.0f + 38.0f * static_cast<float>(i / 9), 11.0f,
                         static_cast<std::uint8_t>(60 + 5 * i), 40, 220});
        if (frame == i / 17) prompts.emplace_back().box = BoxOf(discs.back());
        if (frame == 5 && i > 2) {
          Prompt& prompt = prompts.emplace_back();
          prompt.id = i + 1;
          prompt.action = PromptAction::kRemove;
        }
      }
      frames.push_back(tracker->Step(Picture(320, 180, discs).view(), frame * kFrameNs, prompts)
                           .objects);
    }
    return frames;
  };
  GraphCounts counts, none;
  const auto truth = run(OpenEngine(Graphs(none, 0)));
  EXPECT_EQ(truth[4].size(), 34u);
  EXPECT_EQ(truth[8].size(), 3u);
  ExpectEqual(run(OpenEngine(Graphs(counts))), truth);
  EXPECT_GT(counts.replays, 9);
}

}  // namespace
}  // namespace sam2
