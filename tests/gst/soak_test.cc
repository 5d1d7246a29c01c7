// SPDX-License-Identifier: Apache-2.0
//
// A long stream with everything that may happen to it, at random: objects come,
// are corrected and go, from events, signals, detections and the mouse, some of
// it from another thread; seeks, gaps, other sizes and formats, cuts, black
// frames, ends. SAM2_SOAK_FRAMES says for how long (tests/bench/soak).
#include <gst/video/navigation.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <thread>

#include "support.h"

namespace gstsam2::testing {
namespace {

constexpr int kFirstMark = 2000;  // frames: everything has been done often
constexpr int kMaxObjects = 3;
constexpr double kMaxGrowth = 0.01;

struct Size {
  const char* format;
  int width, height;
};
constexpr Size kSizes[] = {{"I420", 160, 120}, {"RGB", 160, 120},  {"NV12", 320, 240},
                           {"BGRx", 96, 96},   {"xRGB", 80, 60}, {"I420", 120, 160}};

int FramesToRun() {
  const char* text = g_getenv("SAM2_SOAK_FRAMES");
  return text != nullptr ? std::atoi(text) : 300;
}

// What the process holds, and the pages of files in memory: libraries and the
// model, which the system brings in and drops as it likes.
struct Resident {
  double own = 0, files = 0;  // megabytes
};

Resident ReadResident() {
  Resident resident;
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string key;
    double kilobytes = 0;
    words >> key >> kilobytes;
    if (key == "RssAnon:" || key == "RssShmem:") resident.own += kilobytes * 1024 / 1e6;
    if (key == "RssFile:") resident.files = kilobytes * 1024 / 1e6;
  }
  return resident;
}

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  int Below(int end) { return std::uniform_int_distribution(0, end - 1)(engine_); }
  bool OneIn(int count) { return Below(count) == 0; }

 private:
  std::mt19937 engine_;
};

int EmitBox(GstElement* track, int id, const PixelRect& r) {
  int result = 0;
  g_signal_emit_by_name(track, "add-box", id, 1.0 * r.x, 1.0 * r.y, 1.0 * r.width, 1.0 * r.height,
                        "soaked", &result);
  return result;
}

void EmitPoint(GstElement* track, int id, int x, int y, bool positive) {
  int result = 0;
  g_signal_emit_by_name(track, "add-point", id, 1.0 * x, 1.0 * y, positive, &result);
}

// Somebody at a window: signals, mouse, properties, queries, from a thread of
// their own.
class User {
 public:
  User(GstElement* bin, GstElement* track) : bin_(bin), track_(track), thread_([this] { Run(); }) {}
  ~User() {
    stop_ = true;
    thread_.join();
  }

 private:
  void Run() {
    Random random(7);
    while (!stop_) {
      switch (random.Below(8)) {
        case 0: EmitBox(track_, 0, {random.Below(60), random.Below(60), 30, 30}); break;
        case 1: EmitPoint(track_, 1 + random.Below(50), 40, 40, random.OneIn(2)); break;
        case 2: g_signal_emit_by_name(track_, "remove-object", 1 + random.Below(200)); break;
        case 3: Mouse(random.Below(80), random.Below(60), random.OneIn(3) ? 3 : 1); break;
        case 4: Key(random.OneIn(2) ? "Escape" : "Return"); break;
        case 5: AskLatency(); break;
        case 6:
          gst_util_set_object_arg(G_OBJECT(track_), "live-policy",
                                  random.OneIn(2) ? "skip" : "every-frame");
          break;
        default: if (random.OneIn(20)) g_signal_emit_by_name(track_, "reset");
      }
      g_usleep(20'000);
    }
  }

  void Upstream(GstEvent* event) {
    GstPad* pad = gst_element_get_static_pad(bin_, "src");
    gst_pad_send_event(pad, event);
    gst_object_unref(pad);
  }
  void Mouse(int x, int y, int button) {
    Upstream(gst_navigation_event_new_mouse_button_press(button, x, y,
                                                         GST_NAVIGATION_MODIFIER_NONE));
    Upstream(gst_navigation_event_new_mouse_button_release(button, x + 10 * (button % 3), y,
                                                           GST_NAVIGATION_MODIFIER_NONE));
  }
  void Key(const char* key) {
    Upstream(gst_navigation_event_new_key_press(key, GST_NAVIGATION_MODIFIER_NONE));
  }
  void AskLatency() {
    g_autoptr(GstQuery) query = gst_query_new_latency();
    gst_element_query(track_, query);
  }

  GstElement* bin_;
  GstElement* track_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// The stream.
class Stream {
 public:
  explicit Stream(const std::string& properties) {
    g_autoptr(GError) error = nullptr;
    bin_ = GST_ELEMENT(gst_object_ref_sink(gst_parse_bin_from_description(
        ("sam2track name=track image-size=128 threads=1 max-objects=" +
         std::to_string(kMaxObjects) + " " + properties + " ! sam2overlay ! sam2jsonenc")
            .c_str(),
        TRUE, &error)));
    track_ = gst_bin_get_by_name(GST_BIN(bin_), "track");
    bus_ = gst_bus_new();
    gst_element_set_bus(bin_, bus_);
    harness_ = gst_harness_new_with_element(bin_, "sink", "src");
    ChangeSize(0);
  }
  ~Stream() {
    gst_harness_teardown(harness_);
    gst_element_set_bus(bin_, nullptr);
    gst_object_unref(track_);
    gst_object_unref(bin_);
    gst_object_unref(bus_);
  }

  GstElement* bin() { return bin_; }
  GstElement* track() { return track_; }

  // Every number of objects with every length of memory: each is another shape
  // of the network's layers, and chance is long in meeting them all.
  void Tour() {
    constexpr int kFramesOfFullMemory = 20, kPrompts = 5;
    for (int objects = 1; objects <= kMaxObjects; ++objects) {
      g_signal_emit_by_name(track_, "reset");
      PushFrame();
      std::vector<int> ids;
      for (int i = 0; i < objects; ++i) ids.push_back(EmitBox(track_, 0, {10 + 40 * i, 10, 30, 30}));
      for (int prompt = 0; prompt < kPrompts; ++prompt) {
        for (int i = 0; i < kFramesOfFullMemory; ++i) PushFrame();
        for (const int id : ids) EmitPoint(track_, id, 12, 12, true);
      }
    }
  }

  void Run(int frames) {
    for (int i = 0; i < frames; ++i) {
      Happen();
      PushFrame();
      if (i % 100 == 0) CheckMessages();
      if ((i + 1) % kFirstMark != 0) continue;
      const Resident resident = ReadResident();
      last_mark_ = resident.own;
      if (i + 1 == kFirstMark) first_mark_ = last_mark_;
      std::cout << "resident at frame " << i + 1 << ": " << resident.own << " MB, and "
                << resident.files << " MB of files" << std::endl;
    }
    CheckMessages();
  }

  double growth() const { return last_mark_ / first_mark_ - 1; }

 private:
  void Send(GstEvent* event) { EXPECT_TRUE(gst_harness_push_event(harness_, event)); }

  void ChangeSize(int index) {
    size_ = kSizes[index];
    caps_ = VideoCaps(size_.format, size_.width, size_.height);
    gst_harness_set_src_caps_str(harness_, caps_.c_str());
  }

  void Seek() {
    Send(gst_event_new_flush_start());
    Send(gst_event_new_flush_stop(TRUE));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    Send(gst_event_new_segment(&segment));
    time_ = random_.Below(1000) * GST_SECOND;
  }

  void Prompt() {
    static const char* const kActions[] = {"add", "refine", "replace", "remove"};
    const std::string action = kActions[random_.Below(4)];
    std::string fields = "sam2-prompt, action=" + action;
    if (action != "add") fields += ", id=" + std::to_string(1 + random_.Below(100));
    if (action != "remove") {
      fields += random_.OneIn(2) ? ", box=\"10,10,40,40\"" : ", points=\"30,30,1;2,2,0\"";
    }
    Send(gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM,
                              gst_structure_from_string((fields + ";").c_str(), nullptr)));
  }

  // Something, or mostly nothing.
  void Happen() {
    if (random_.OneIn(8)) Prompt();
    if (random_.OneIn(30)) EmitBox(track_, 0, {x_ - 10, y_ - 10, 20, 20});
    if (random_.OneIn(100)) Seek();
    if (random_.OneIn(100)) ChangeSize(random_.Below(std::size(kSizes)));
    if (random_.OneIn(100)) Send(gst_event_new_gap(time_, GST_SECOND));
    if (random_.OneIn(100)) scene_ = random_.Below(3);
    if (random_.OneIn(500)) {
      Send(gst_event_new_eos());
      Seek();
    }
  }

  void PushFrame() {
    x_ = (x_ + 3) % size_.width;
    y_ = (y_ + 2) % size_.height;
    std::vector<PixelRect> bright = {{x_ - 8, y_ - 8, 16, 16}, {10, 10, 30, 30}};
    if (scene_ == 1) bright = {{0, 0, size_.width, size_.height / 2}};
    if (scene_ == 2) bright.clear();
    Buffer frame = MakeFrame(caps_, time_, bright);
    if (random_.OneIn(6)) {
      gst_buffer_add_video_region_of_interest_meta(frame.get(), "thing", std::max(0, x_ - 8),
                                                   std::max(0, y_ - 8), 16, 16);
    }
    time_ += 40 * GST_MSECOND;
    ASSERT_EQ(gst_harness_push(harness_, frame.release()), GST_FLOW_OK);
    while (GstBuffer* line = gst_harness_try_pull(harness_)) gst_buffer_unref(line);
    while (GstEvent* event = gst_harness_try_pull_event(harness_)) gst_event_unref(event);
    while (GstEvent* event = gst_harness_try_pull_upstream_event(harness_)) gst_event_unref(event);
  }

  void CheckMessages() {
    const auto messages = ReadMessages(bus_);
    for (const Message& error : Only(messages, GST_MESSAGE_ERROR)) ADD_FAILURE() << error.text;
  }

  Random random_{3};
  GstElement* bin_ = nullptr;
  GstElement* track_ = nullptr;
  GstBus* bus_ = nullptr;
  GstHarness* harness_ = nullptr;
  Size size_{};
  std::string caps_;
  GstClockTime time_ = 0;
  int x_ = 0, y_ = 0, scene_ = 0;
  double first_mark_ = 0, last_mark_ = 0;  // megabytes
};

class Soak : public ::testing::TestWithParam<const char*> {};

TEST_P(Soak, EverythingMayHappenAndNothingGrows) {
  const int frames = FramesToRun();
  Stream stream(GetParam());
  if (frames > kFirstMark) stream.Tour();
  {
    const User user(stream.bin(), stream.track());
    stream.Run(frames);
  }
  if (frames <= kFirstMark) return;
  std::cout << "growth " << stream.growth() * 100 << " %" << std::endl;
  EXPECT_LT(stream.growth(), kMaxGrowth);
}

INSTANTIATE_TEST_SUITE_P(Policies, Soak,
                         ::testing::Values("", "memory-policy=robust scene-cuts=true "
                                               "prompt-policy=always probation=2 on-discont=keep"));

}  // namespace
}  // namespace gstsam2::testing
