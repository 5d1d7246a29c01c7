// SPDX-License-Identifier: Apache-2.0
//
// Whole pipelines with the fake core.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "pipeline_support.h"

namespace gstsam2::testing {
namespace {

TEST(Pipeline, TracksPaintsAndWritesInEveryFormat) {
  for (const char* format : {"RGB", "BGR", "RGBx", "BGRx", "RGBA", "BGRA", "xRGB", "xBGR", "NV12",
                             "I420"}) {
    const TemporaryFolder folder;
    const std::string path = (folder.path() / "out.jsonl").string();
    const auto messages = RunPipeline(
        Source(10, format) + Track() +
        "box=\"0,0,320,240\" ! tee name=t ! queue ! sam2overlay ! videoconvert ! fakesink "
        "t. ! queue ! sam2jsonenc ! filesink location=" + path);
    EXPECT_TRUE(EndedWell(messages)) << format;
    const auto lines = ReadLines(path);
    ASSERT_EQ(lines.size(), 10U) << format;
    for (const auto& line : lines) {
      EXPECT_EQ(line["objects"].size(), 1U);
      EXPECT_GT(line["objects"][0]["area"], 500) << format;
    }
  }
}

TEST(Pipeline, CarriesObjectsOverConversionAndScaling) {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "out.jsonl").string();
  const std::string same = (folder.path() / "same.jsonl").string();
  const auto messages = RunPipeline(
      Source(5, "I420") + Track() +
      "box=\"0,0,320,240\" ! tee name=t ! queue ! sam2jsonenc masks=none ! filesink location=" +
      same + " t. ! queue ! videoconvert ! video/x-raw,format=BGRx ! videoscale ! "
      "video/x-raw,width=640,height=240 ! sam2jsonenc masks=none ! filesink location=" + path);
  EXPECT_TRUE(EndedWell(messages));
  const auto lines = ReadLines(path), originals = ReadLines(same);
  ASSERT_EQ(lines.size(), 5U);
  ASSERT_EQ(originals.size(), 5U);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i]["width"], 640);
    const auto& scaled = lines[i]["objects"][0]["bbox"];
    const auto& box = originals[i]["objects"][0]["bbox"];
    EXPECT_EQ(scaled[0].get<double>(), 2 * box[0].get<double>());
    EXPECT_EQ(scaled[1], box[1]);
    const double ratio = lines[i]["objects"][0]["area"].get<double>() /
                         originals[i]["objects"][0]["area"].get<double>();
    EXPECT_NEAR(ratio, 2, 0.1);
  }
}

TEST(Pipeline, ShowsWhatIsWrongWithABox) {
  const auto messages = RunPipeline(Source(5, "I420") + Track() + "box=nonsense ! fakesink");
  ASSERT_FALSE(messages.empty());
  EXPECT_EQ(messages.back().type, GST_MESSAGE_ERROR);
  EXPECT_NE(messages.back().text.find("nonsense"), std::string::npos);
}

TEST(Pipeline, EndsWithoutAFrame) {
  const auto messages = RunPipeline(Source(5, "I420") + "identity eos-after=1 ! " + Track() +
                                    "! sam2overlay ! sam2jsonenc ! fakesink");
  EXPECT_TRUE(EndedWell(messages));
}

TEST(Pipeline, RunsTwoTrackersAtOnce) {
  const auto messages = RunPipeline(
      Source(20, "RGB") + "tee name=t ! queue ! " + Track() +
      "box=\"0,0,320,240\" ! fakesink t. ! queue ! " + Track() + "box=\"0,0,320,240\" ! fakesink");
  EXPECT_TRUE(EndedWell(messages));
  EXPECT_EQ(Only(messages, GST_MESSAGE_ELEMENT).size(), 2U);
}

TEST(Pipeline, SurvivesSeeks) {
  const auto messages = RunPipeline(
      Source(60, "RGB") + Track() + "box=\"0,0,320,240\" ! sam2overlay ! sam2jsonenc ! fakesink",
      [](GstElement* pipeline) {
        gst_element_set_state(pipeline, GST_STATE_PAUSED);
        gst_element_get_state(pipeline, nullptr, nullptr, 10 * GST_SECOND);
        for (int i = 0; i < 5; ++i) {
          gst_element_seek_simple(
              pipeline, GST_FORMAT_TIME,
              static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE),
              (i % 2) * GST_SECOND);
          gst_element_get_state(pipeline, nullptr, nullptr, 10 * GST_SECOND);
        }
      });
  EXPECT_TRUE(EndedWell(messages));
}

// As upstream's own test of all elements' states.
TEST(Pipeline, SurvivesAStormOfStateChanges) {
  g_autoptr(GError) error = nullptr;
  GstElement* pipeline = gst_parse_launch(
      ("videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240 ! " + Track() +
       "box=\"0,0,320,240\" ! sam2overlay ! queue ! sam2jsonenc ! fakesink").c_str(),
      &error);
  ASSERT_EQ(error, nullptr);
  const GstState states[] = {GST_STATE_READY,   GST_STATE_PAUSED,  GST_STATE_PLAYING,
                             GST_STATE_PAUSED,  GST_STATE_READY,   GST_STATE_PLAYING,
                             GST_STATE_NULL,    GST_STATE_PLAYING, GST_STATE_READY};
  for (int round = 0; round < 4; ++round) {
    for (const GstState state : states) {
      EXPECT_NE(gst_element_set_state(pipeline, state), GST_STATE_CHANGE_FAILURE);
      std::this_thread::sleep_for(std::chrono::milliseconds(7 * round));
    }
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
}

TEST(Pipeline, TakesPromptsFromOtherThreadsWhileItRuns) {
  g_autoptr(GError) error = nullptr;
  GstElement* pipeline = gst_parse_launch(
      (Source(200, "I420") + Track() + "name=track ! fakesink").c_str(), &error);
  ASSERT_EQ(error, nullptr);
  GstElement* track = gst_bin_get_by_name(GST_BIN(pipeline), "track");
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([track] {
      for (int i = 0; i < 100; ++i) {
        int id = 0;
        g_signal_emit_by_name(track, "add-box", 0, 0.0, 0.0, 320.0, 240.0, "x", &id);
        EXPECT_GT(id, 0);
        g_signal_emit_by_name(track, "remove-object", id);
        if (i % 50 == 49) g_signal_emit_by_name(track, "reset");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  GstBus* bus = gst_element_get_bus(pipeline);
  GstMessage* end = gst_bus_timed_pop_filtered(
      bus, 60 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  ASSERT_NE(end, nullptr);
  EXPECT_EQ(GST_MESSAGE_TYPE(end), GST_MESSAGE_EOS);
  gst_message_unref(end);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  gst_object_unref(track);
  gst_object_unref(pipeline);
}

TEST(Plugin, LoadsNoLibtorchUntilAnElementStarts) {
  GstElement* element = gst_element_factory_make("sam2track", nullptr);
  ASSERT_NE(element, nullptr);
  gst_object_ref_sink(element);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    EXPECT_EQ(line.find("libtorch"), std::string::npos) << line;
    EXPECT_EQ(line.find("libopencv"), std::string::npos) << line;
  }
  gst_object_unref(element);
}

}  // namespace
}  // namespace gstsam2::testing
