// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support.h"

namespace gstsam2::testing {
namespace {

std::string TextOf(const Buffer& buffer) {
  GstMapInfo map;
  if (buffer == nullptr || !gst_buffer_map(buffer.get(), &map, GST_MAP_READ)) return {};
  std::string text(reinterpret_cast<const char*>(map.data), map.size);
  gst_buffer_unmap(buffer.get(), &map);
  return text;
}

TEST(Sam2JsonEnc, WritesALineForEachFrameWithItsTimes) {
  const std::string caps = VideoCaps("I420", 64, 48);
  ElementHarness harness("sam2jsonenc", {{"masks", "none"}}, caps);
  for (int i = 0; i < 3; ++i) {
    const Buffer out = harness.Process(MakeFrame(caps, i * GST_SECOND, {}));
    ASSERT_NE(out, nullptr);
    EXPECT_EQ(GST_BUFFER_PTS(out.get()), i * GST_SECOND);
    EXPECT_EQ(GST_BUFFER_DURATION(out.get()), 40 * GST_MSECOND);
    const std::string text = TextOf(out);
    EXPECT_EQ(text.back(), '\n');
    const auto json = nlohmann::json::parse(text);
    EXPECT_EQ(json["frame"], i);
    EXPECT_EQ(json["pts"], i * GST_SECOND);
    EXPECT_EQ(json["width"], 64);
    EXPECT_TRUE(json["objects"].empty());
  }
  GstCaps* out_caps = gst_pad_get_current_caps(harness.harness()->sinkpad);
  ASSERT_NE(out_caps, nullptr);
  EXPECT_TRUE(gst_structure_has_name(gst_caps_get_structure(out_caps, 0), "application/x-ndjson"));
  gst_caps_unref(out_caps);
}

TEST(Sam2JsonEnc, EveryLineHasTheSizeOfTheStream) {
  const std::string caps = VideoCaps("RGB", 64, 48);
  ElementHarness harness("sam2jsonenc", {{"masks", "none"}}, caps);
  for (const int scale : {1, 2}) {  // of the frames that the objects were found on
    Buffer frame = MakeFrame(caps, 0, {});
    sam2::Object object;
    object.id = 1;
    object.box = sam2::Box{8, 8, 24, 40};
    ObjectsRecord record{.frame_width = scale * 64, .frame_height = scale * 48, .objects = {}};
    record.objects.push_back(MakeRecord(object, ""));
    WriteObjects(frame.get(), std::move(record));
    const auto json = nlohmann::json::parse(TextOf(harness.Process(std::move(frame))));
    EXPECT_EQ(json["width"], 64);
    EXPECT_EQ(json["height"], 48);
    EXPECT_EQ(json["objects"][0]["bbox"],
              nlohmann::json({8.0 / scale, 8.0 / scale, 16.0 / scale, 32.0 / scale}));
  }
}

TEST(Sam2JsonEnc, FollowsACapsChange) {
  ElementHarness harness("sam2jsonenc", {{"masks", "none"}}, VideoCaps("RGB", 64, 48));
  harness.Process(MakeFrame(VideoCaps("RGB", 64, 48), 0, {}));
  harness.SetCaps(VideoCaps("RGB", 32, 16));
  const Buffer out = harness.Process(MakeFrame(VideoCaps("RGB", 32, 16), 0, {}));
  EXPECT_EQ(nlohmann::json::parse(TextOf(out))["width"], 32);
}

TEST(Sam2JsonEnc, CountsFramesAnewAfterARestart) {
  const std::string caps = VideoCaps("RGB", 64, 48);
  ElementHarness harness("sam2jsonenc", {{"masks", "none"}}, caps);
  harness.Process(MakeFrame(caps, 0, {}));
  gst_element_set_state(harness.element(), GST_STATE_READY);
  gst_element_set_state(harness.element(), GST_STATE_PLAYING);
  gst_harness_push_event(harness.harness(), gst_event_new_stream_start("again"));
  harness.SetCaps(caps);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness.harness(), gst_event_new_segment(&segment));
  EXPECT_EQ(nlohmann::json::parse(TextOf(harness.Process(MakeFrame(caps, 0, {}))))["frame"], 0);
}

TEST(Sam2JsonEnc, RefusesCapsWithoutASize) {
  ElementHarness harness("sam2jsonenc", {{"masks", "none"}}, VideoCaps("RGB", 64, 48));
  GstCaps* caps = gst_caps_from_string("video/x-raw,format=RGB");
  gst_harness_push_event(harness.harness(), gst_event_new_caps(caps));
  gst_caps_unref(caps);
  EXPECT_EQ(harness.Push(MakeFrame(VideoCaps("RGB", 64, 48), 0, {})), GST_FLOW_NOT_NEGOTIATED);
}

TEST(Sam2JsonEnc, NeedsTheCoreForMasksOnly) {
  const ScopedEnvironment core("GST_SAM2_CORE", "/nowhere/libsam2core.so");
  const Message error = StartError("sam2jsonenc", {{"masks", "polygon"}});
  EXPECT_EQ(error.domain, GST_LIBRARY_ERROR);
  EXPECT_EQ(error.code, GST_LIBRARY_ERROR_INIT);
  ElementHarness harness("sam2jsonenc", {{"masks", "none"}}, VideoCaps("RGB", 64, 48));
  EXPECT_TRUE(Only(harness.Messages(), GST_MESSAGE_ERROR).empty());
}

}  // namespace
}  // namespace gstsam2::testing
