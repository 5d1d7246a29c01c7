// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "support.h"

namespace gstsam2::testing {
namespace {

constexpr int kWidth = 64, kHeight = 48;

void AttachSquare(GstBuffer* buffer) {
  sam2::Object object;
  object.id = 1;
  object.box = sam2::Box{20, 20, 40, 40};
  object.mask = {.x = 20, .y = 20, .width = 20, .height = 20,
                 .pixels = std::vector<std::uint8_t>(400, 255)};
  ObjectsRecord record{.frame_width = kWidth, .frame_height = kHeight, .objects = {}};
  record.objects.push_back(MakeRecord(std::move(object), "dog"));
  WriteObjects(buffer, std::move(record));
}

bool SamePixels(const Buffer& a, const Buffer& b) {
  GstMapInfo map;
  gst_buffer_map(a.get(), &map, GST_MAP_READ);
  const bool same = gst_buffer_get_size(b.get()) == map.size &&
                    gst_buffer_memcmp(b.get(), 0, map.data, map.size) == 0;
  gst_buffer_unmap(a.get(), &map);
  return same;
}

class OverlayFormats : public ::testing::TestWithParam<const char*> {};

TEST_P(OverlayFormats, PaintTheMask) {
  const std::string caps = VideoCaps(GetParam(), kWidth, kHeight);
  ElementHarness harness("sam2overlay", {{"alpha", "1"}}, caps);
  Buffer frame = MakeFrame(caps, 0, {}, 8);
  AttachSquare(frame.get());
  const Buffer out = harness.Process(std::move(frame));
  const auto pixels = ToRgb(out.get(), caps);
  const Rgb in = pixels[30 * kWidth + 30], outside = pixels[44 * kWidth + 60];
  EXPECT_GT(in.r + in.g + in.b, 250);
  EXPECT_LT(outside.r + outside.g + outside.b, 60);
}

INSTANTIATE_TEST_SUITE_P(All, OverlayFormats,
                         ::testing::Values("RGB", "BGR", "RGBx", "BGRx", "RGBA", "BGRA", "xRGB",
                                           "xBGR", "NV12", "I420"));

TEST(Sam2Overlay, LeavesFramesWithoutObjectsAlone) {
  const std::string caps = VideoCaps("RGB", kWidth, kHeight);
  ElementHarness harness("sam2overlay", {}, caps);
  const Buffer expected = MakeFrame(caps, 0, {});
  EXPECT_TRUE(SamePixels(harness.Process(MakeFrame(caps, 0, {})), expected));
}

TEST(Sam2Overlay, PaintsOnItsOwnCopyOfASharedFrame) {
  const std::string caps = VideoCaps("RGB", kWidth, kHeight);
  ElementHarness harness("sam2overlay", {}, caps);
  Buffer frame = MakeFrame(caps, 0, {});
  AttachSquare(frame.get());
  const Buffer out = harness.Process(Buffer(gst_buffer_ref(frame.get())));
  EXPECT_TRUE(SamePixels(frame, MakeFrame(caps, 0, {})));
  EXPECT_FALSE(SamePixels(out, frame));
}

TEST(Sam2Overlay, FollowsItsPropertiesWhilePlaying) {
  const std::string caps = VideoCaps("RGB", kWidth, kHeight);
  ElementHarness harness("sam2overlay", {}, caps);
  g_object_set(harness.element(), "masks", FALSE, "boxes", FALSE, "labels", FALSE, "scores", FALSE,
               nullptr);
  Buffer frame = MakeFrame(caps, 0, {});
  AttachSquare(frame.get());
  EXPECT_TRUE(SamePixels(harness.Process(std::move(frame)), MakeFrame(caps, 0, {})));
}

TEST(Sam2Overlay, RefusesFormatsThatItCannotPaint) {
  ElementHarness harness("sam2overlay", {}, VideoCaps("RGB", kWidth, kHeight));
  GstCaps* caps = gst_caps_from_string("video/x-raw,format=GRAY16_LE,width=64,height=48");
  EXPECT_FALSE(gst_pad_query_accept_caps(GST_BASE_TRANSFORM_SINK_PAD(harness.element()), caps));
  gst_caps_unref(caps);
}

TEST(Sam2Overlay, FailsOnABufferThatHoldsNoFrame) {
  ElementHarness harness("sam2overlay", {}, VideoCaps("RGB", kWidth, kHeight));
  Buffer small(gst_buffer_new_allocate(nullptr, 10, nullptr));
  AttachSquare(small.get());
  EXPECT_EQ(harness.Push(std::move(small)), GST_FLOW_ERROR);
  EXPECT_EQ(Only(harness.Messages(), GST_MESSAGE_ERROR).size(), 1U);
}

}  // namespace
}  // namespace gstsam2::testing
