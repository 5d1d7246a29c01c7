// SPDX-License-Identifier: Apache-2.0
//
// What may happen to a running pipeline, with the fake core.
#include <gtest/gtest.h>

#include <thread>

#include "pipeline_support.h"

namespace gstsam2::testing {
namespace {

TEST(Loop, OfASegmentKeepsTheObjects) {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "out.jsonl").string();
  Driven pipeline("videotestsrc pattern=white ! video/x-raw,format=I420,width=320,height=240,"
                  "framerate=30/1 ! " + Track() + "box=\"0,0,320,240\" ! sam2jsonenc ! "
                  "filesink location=" + path);
  pipeline.SetState(GST_STATE_PAUSED);
  const auto flags = static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_SEGMENT);
  ASSERT_TRUE(pipeline.SeekToStart(flags, GST_SECOND));
  pipeline.SetState(GST_STATE_PLAYING);
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(pipeline.WaitFor(GST_MESSAGE_SEGMENT_DONE));
    ASSERT_TRUE(pipeline.SeekToStart(round < 2 ? GST_SEEK_FLAG_SEGMENT : GST_SEEK_FLAG_NONE,
                                     GST_SECOND));
  }
  ASSERT_TRUE(pipeline.WaitFor(GST_MESSAGE_EOS));
  const auto lines = ReadLines(path);
  ASSERT_GE(lines.size(), 4 * 30U);
  for (const auto& line : lines) {
    ASSERT_EQ(line["objects"].size(), 1U);
    EXPECT_EQ(line["objects"][0]["id"], 1);
    EXPECT_EQ(line["objects"][0]["state"], "tracked");
  }
}

TEST(OtherStream, AfterAnotherStartsWithoutObjects) {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "out.jsonl").string();
  const auto messages = RunPipeline(
      "concat name=c ! " + Track() + "box=\"0,0,320,240\" ! sam2jsonenc ! filesink location=" +
      path + " " + Source(10, "I420") + "c. " + Source(10, "I420") + "c.");
  EXPECT_TRUE(EndedWell(messages));
  const auto lines = ReadLines(path);
  ASSERT_EQ(lines.size(), 20U);
  for (std::size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(lines[i]["objects"].size(), i < 10 ? 1U : 0U) << i;
  }
}

TEST(Pause, OfAPipelineKeepsTheObjects) {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "out.jsonl").string();
  Driven pipeline(Source(60, "I420") + Track() + "box=\"0,0,320,240\" ! sam2jsonenc ! filesink "
                  "sync=true location=" + path);
  for (int i = 0; i < 5; ++i) {
    pipeline.SetState(GST_STATE_PLAYING);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    pipeline.SetState(GST_STATE_PAUSED);
  }
  pipeline.SetState(GST_STATE_PLAYING);
  ASSERT_TRUE(pipeline.WaitFor(GST_MESSAGE_EOS));
  const auto lines = ReadLines(path);
  ASSERT_EQ(lines.size(), 60U);
  for (const auto& line : lines) EXPECT_EQ(line["objects"].size(), 1U);
}

TEST(Relinking, WhileTheStreamRuns) {
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "out.jsonl").string();
  Driven pipeline("videotestsrc is-live=true pattern=ball num-buffers=120 ! "
                  "video/x-raw,format=I420,width=320,height=240,framerate=120/1 ! "
                  "queue name=before ! " + Track() + "name=track box=\"0,0,320,240\" ! "
                  "queue name=after ! sam2jsonenc ! filesink location=" + path);
  GstElement *before = pipeline.Get("before"), *track = pipeline.Get("track");
  GstElement* after = pipeline.Get("after");
  pipeline.SetState(GST_STATE_PLAYING);
  for (int i = 0; i < 4; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(80));
    WhileIdle(before, [&] {
      gst_element_unlink(before, track);
      gst_element_unlink(track, after);
      EXPECT_TRUE(gst_element_link(before, after));
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(40));
    WhileIdle(before, [&] {
      gst_element_unlink(before, after);
      EXPECT_TRUE(gst_element_link_many(before, track, after, nullptr));
    });
  }
  ASSERT_TRUE(pipeline.WaitFor(GST_MESSAGE_EOS));
  const auto lines = ReadLines(path);
  ASSERT_EQ(lines.size(), 120U);
  std::size_t with = 0;
  for (const auto& line : lines) {
    with += line["objects"].size();
    for (const auto& object : line["objects"]) EXPECT_EQ(object["id"], 1);
  }
  EXPECT_GT(with, 0U);
  EXPECT_LT(with, 120U);
  EXPECT_EQ(lines.back()["objects"].size(), 1U);
}

}  // namespace
}  // namespace gstsam2::testing
