// SPDX-License-Identifier: Apache-2.0
//
// Frames of several streams through the image encoder together, against each of
// them alone.
#include "predictor/encoder_batcher.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>
#include <tuple>

#include "predictor/engine.h"
#include "replayed_graph.h"
#include "scene.h"
#include "step_input.h"

namespace sam2 {
namespace {

using Request = EncoderBatcher::Request;

constexpr int kWidth = 96, kHeight = 64;

Picture Scene(int stream, int frame = 0) {
  const float x = 30.0f + 2.0f * static_cast<float>(frame) + 10.0f * static_cast<float>(stream);
  return Picture(kWidth, kHeight, {{x, 32, 14, 230, 50, static_cast<std::uint8_t>(60 * stream)}});
}

double Difference(const Tensor& a, const Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

void ExpectClose(const FrameFeatures& a, const FrameFeatures& b) {
  EXPECT_LT(Difference(a.embedding, b.embedding), 1e-4);
  EXPECT_LT(Difference(a.feat_s0, b.feat_s0), 1e-4);
  EXPECT_LT(Difference(a.feat_s1, b.feat_s1), 1e-4);
}

// How often the image encoder runs, on whatever thread, and what then happens.
class EncoderRuns {
 public:
  explicit EncoderRuns(std::function<void()> on_run = [] {}) {
    count = 0;
    on_run_ = std::move(on_run);
    handle_ = at::addGlobalCallback(
        at::RecordFunctionCallback([](const at::RecordFunction& scope)
                                       -> std::unique_ptr<at::ObserverContext> {
          if (std::string_view(scope.name()) == "image_encoder") {
            ++count;
            on_run_();
          }
          return nullptr;
        }).scopes({at::RecordScope::USER_SCOPE}));
  }
  ~EncoderRuns() { at::removeCallback(handle_); }

  static inline std::atomic<int> count = 0;

 private:
  static inline std::function<void()> on_run_;
  at::CallbackHandle handle_;
};

class EncoderBatcherTest : public testing::Test {
 protected:
  FrameReader NewReader() const {
    return FrameReader(static_cast<int>(model_.image_size()), Resize::kVideo, at::kCPU);
  }
  FrameFeatures Alone(const Picture& picture) const {
    return step_.EncodeImage(NewReader().Read(picture.view()));
  }

  const c10::InferenceMode inference_mode_;
  const Sam2Model model_ = BuiltinOn(at::kCPU);
  const TrackerStep step_{model_, /*on_gpu=*/true};
  EncoderBatcher batcher_{step_, {4, 2, 1}};
  FrameReader readers_[5] = {NewReader(), NewReader(), NewReader(), NewReader(), NewReader()};
  const Picture pictures_[5] = {Scene(0), Scene(1), Scene(2), Scene(3), Scene(4)};
  const FrameView views_[5] = {pictures_[0].view(), pictures_[1].view(), pictures_[2].view(),
                               pictures_[3].view(), pictures_[4].view()};
};

TEST_F(EncoderBatcherTest, TheFirstEncodesForThoseThatWait) {
  Request first(batcher_, readers_[0], views_[0]), second(batcher_, readers_[1], views_[1]);
  EXPECT_EQ(batcher_.waiting(), 2);
  ExpectClose(first.Features(), Alone(pictures_[0]));
  ASSERT_TRUE(second.is_encoded());
  EXPECT_EQ(batcher_.waiting(), 0);
  ExpectClose(second.Features(), Alone(pictures_[1]));
  EXPECT_TRUE(second.image().equal(NewReader().Read(views_[1])));
  // What differs between streams is not lost among them.
  EXPECT_GT(Difference(second.Features().embedding, first.Features().embedding), 0.01);
}

TEST_F(EncoderBatcherTest, BatchesHaveTheSizesAndTakeTheLongestWaiting) {
  std::vector<std::optional<Request>> requests(5);
  for (int i = 0; i < 3; ++i) requests[i].emplace(batcher_, readers_[i], views_[i]);
  requests[2]->Features();  // of three two go, and the one whose turn it is among them
  EXPECT_TRUE(requests[0]->is_encoded());
  EXPECT_FALSE(requests[1]->is_encoded());
  for (int i = 3; i < 5; ++i) requests[i].emplace(batcher_, readers_[i], views_[i]);
  requests[1]->Features();
  EXPECT_EQ(batcher_.waiting(), 1);
  EXPECT_FALSE(requests[4]->is_encoded());
  ExpectClose(requests[4]->Features(), Alone(pictures_[4]));
}

TEST_F(EncoderBatcherTest, OneAloneIsTheSameToTheBit) {
  Request request(batcher_, readers_[0], views_[0]);
  EXPECT_TRUE(request.Features().embedding.equal(Alone(pictures_[0]).embedding));
}

TEST_F(EncoderBatcherTest, ABadFrameIsItsOwnStreamsMatterAlone) {
  FrameView bad = views_[1];
  bad.plane[0] = nullptr;
  Request good(batcher_, readers_[0], views_[0]), wrong(batcher_, readers_[1], bad),
      other(batcher_, readers_[2], views_[2]);
  ExpectClose(good.Features(), Alone(pictures_[0]));
  EXPECT_TRUE(other.is_encoded());
  EXPECT_FALSE(wrong.is_encoded());
  EXPECT_THROW(wrong.Features(), Error);
}

TEST_F(EncoderBatcherTest, AStreamThatGaveUpIsNotWaitedFor) {
  Request first(batcher_, readers_[0], views_[0]);
  { const Request gone(batcher_, readers_[1], views_[1]); }
  EXPECT_EQ(batcher_.waiting(), 1);
  ExpectClose(first.Features(), Alone(pictures_[0]));
}

// As where its job cannot be queued.
TEST_F(EncoderBatcherTest, AStreamMayGiveUpWhileAnotherEncodesItsFrame) {
  alignas(Request) std::byte memory[sizeof(Request)];
  auto* const gone = new (memory) Request(batcher_, readers_[1], views_[1]);
  Request first(batcher_, readers_[0], views_[0]);
  {
    const EncoderRuns runs([&] {
      std::destroy_at(gone);
      std::ranges::fill(memory, std::byte{});
    });
    first.Features();
    ASSERT_EQ(runs.count, 1);
  }
  EXPECT_EQ(std::ranges::count(memory, std::byte{}), std::ssize(memory));  // nobody wrote there
  ExpectClose(first.Features(), Alone(pictures_[0]));
}

// By graphs, which put the features of each batch in the same place.
TEST_F(EncoderBatcherTest, FeaturesOutliveTheNextBatch) {
  GraphCounts counts;
  GraphCache graphs(std::make_unique<ReplayedPool>(counts));
  const TrackerStep step(model_, /*on_gpu=*/true, &graphs);
  EncoderBatcher batcher(step, {2, 1});
  for (int round = 0; round < 3; ++round) {
    std::vector<std::optional<Request>> requests(4);
    for (int i = 0; i < 4; ++i) requests[i].emplace(batcher, readers_[i], views_[i]);
    requests[0]->Features();
    requests[2]->Features();
    for (int i = 0; i < 4; ++i) {
      ASSERT_TRUE(requests[i]->is_encoded());
      ExpectClose(requests[i]->Features(), Alone(pictures_[i]));
    }
  }
  EXPECT_GT(counts.replays, 0);
}

constexpr int kStreams = 4, kFrames = 5;

// All streams ask while the queue is held up, frame by frame, so that each of
// their frames is encoded with others'.
class StreamsTogether : public testing::TestWithParam<std::tuple<int, bool>> {
 protected:
  int most_captures() const { return std::get<0>(GetParam()); }
  // The frame of the stream that nobody waits behind is encoded ahead then.
  bool look_ahead() const { return std::get<1>(GetParam()); }

  std::vector<Object> Follow(VideoTracker& tracker, int stream, int frame, bool ahead) {
    std::vector<Prompt> prompts(frame == 0);
    const float x = 10.0f * static_cast<float>(stream);
    for (Prompt& prompt : prompts) prompt.box = Box{16 + x, 18, 44 + x, 46};
    const FrameView next = films_[stream][frame + 1].view();
    if (ahead) tracker.Expect(&next);
    return tracker.Step(films_[stream][frame].view(), frame * 40'000'000LL, prompts).objects;
  }

  std::vector<std::vector<Picture>> films_ = [] {
    std::vector<std::vector<Picture>> films(kStreams);
    for (int i = 0; i < kStreams; ++i) {
      for (int frame = 0; frame <= kFrames; ++frame) films[i].push_back(Scene(i, frame));
    }
    return films;
  }();
};

TEST_P(StreamsTogether, FindWhatEachFindsAlone) {
  GraphCounts counts;
  const auto engine = OpenEngine(Graphs(counts, most_captures()));
  std::vector<std::unique_ptr<VideoTracker>> trackers, alone;
  for (int i = 0; i < kStreams; ++i) {
    trackers.push_back(engine->CreateVideoTracker({}));
    alone.push_back(engine->CreateVideoTracker({}));
  }
  for (int frame = 0; frame < kFrames; ++frame) {
    std::vector<std::future<std::vector<Object>>> answers;
    const EncoderRuns runs;
    {
      std::promise<void> held, go;
      std::jthread holder([&] {
        engine->Run([&] {
          held.set_value();
          go.get_future().wait();
        });
      });
      held.get_future().wait();
      for (int i = 0; i < kStreams; ++i) {
        answers.push_back(std::async(std::launch::async, [&, i] {
          return Follow(*trackers[i], i, frame, look_ahead());
        }));
      }
      while (engine->jobs_waiting() < kStreams) std::this_thread::yield();
      go.set_value();
    }
    for (const auto& answer : answers) answer.wait();
    if (most_captures() == 0) {  // else graphs run it, and captures of them
      if (look_ahead()) {
        EXPECT_LT(runs.count, kStreams);
      } else {
        EXPECT_EQ(runs.count, 1);
      }
    }
    for (int i = 0; i < kStreams; ++i) {
      const std::vector<Object> objects = answers[i].get();
      const std::vector<Object> truth = Follow(*alone[i], i, frame, /*ahead=*/false);
      ASSERT_EQ(objects.size(), 1u);
      EXPECT_EQ(objects[0].state, truth[0].state);
      EXPECT_NEAR(objects[0].score, truth[0].score, 1e-4);
      EXPECT_GE(Iou(objects[0].mask, truth[0].mask), 0.999) << "stream " << i;
    }
    EXPECT_EQ(engine->encoder().waiting(), 0);
  }
}

// How many graphs can be captured, and whether streams look ahead.
INSTANTIATE_TEST_SUITE_P(Graphs, StreamsTogether,
                         testing::Combine(testing::Values(0, 100), testing::Bool()));

}  // namespace
}  // namespace sam2
