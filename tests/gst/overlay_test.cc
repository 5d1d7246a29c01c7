// SPDX-License-Identifier: Apache-2.0
#include <gst/video/navigation.h>
#include <gtest/gtest.h>

#include "support.h"

namespace gstsam2::testing {
namespace {

constexpr int kWidth = 64, kHeight = 48;

void AttachSquare(GstBuffer* buffer, bool accepted = false, bool selected = false) {
  sam2::Object object;
  object.id = 1;
  object.box = sam2::Box{20, 20, 40, 40};
  object.mask = {.x = 20, .y = 20, .width = 20, .height = 20,
                 .pixels = std::vector<std::uint8_t>(400, 255)};
  ObjectsRecord record{.frame_width = kWidth, .frame_height = kHeight, .objects = {}};
  record.objects.push_back(MakeRecord(std::move(object), "dog"));
  record.objects[0].accepted = accepted;
  record.objects[0].selected = selected;
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

TEST(Sam2Overlay, PaintsPredictedObjectsDashedAndWithoutAnOutline) {
  const std::string caps = VideoCaps("RGB", kWidth, kHeight);
  const auto paint = [&](bool predicted, const char* boxes) {
    ElementHarness harness("sam2overlay",
                           {{"labels", "false"}, {"scores", "false"}, {"alpha", "0"},
                            {"boxes", boxes}, {"line-width", "1"}},
                           caps);
    Buffer frame = MakeFrame(caps, 0, {});
    AttachSquare(frame.get());
    ObjectsRecord record = *ReadObjects(frame.get());
    record.objects[0].predicted = predicted;
    WriteObjects(frame.get(), std::move(record));
    int painted = 0;
    for (const Rgb& pixel : ToRgb(harness.Process(std::move(frame)).get(), caps)) {
      painted += pixel.r + pixel.g + pixel.b > 150;
    }
    return painted;
  };
  EXPECT_GT(paint(false, "false"), 60);  // the outline
  EXPECT_EQ(paint(true, "false"), 0);
  EXPECT_GT(paint(true, "true"), 20);
  EXPECT_LT(paint(true, "true"), 60);  // about half of 76
}

TEST(Sam2Overlay, LeavesFramesWithoutObjectsAlone) {
  const std::string caps = VideoCaps("RGB", kWidth, kHeight);
  ElementHarness harness("sam2overlay", {}, caps);
  const Buffer expected = MakeFrame(caps, 0, {});
  EXPECT_TRUE(SamePixels(harness.Process(MakeFrame(caps, 0, {})), expected));
}

TEST(Sam2Overlay, PaintsInASegmentWithoutTime) {
  const std::string caps = VideoCaps("RGB", kWidth, kHeight);
  ElementHarness harness("sam2overlay", {}, caps);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_BYTES);
  gst_harness_push_event(harness.harness(), gst_event_new_segment(&segment));
  Buffer frame = MakeFrame(caps, 0, {});
  AttachSquare(frame.get());
  EXPECT_FALSE(SamePixels(harness.Process(std::move(frame)), MakeFrame(caps, 0, {})));
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

Buffer Painted(const ElementHarness::Properties& properties, bool accepted, bool selected) {
  const std::string caps = VideoCaps("RGB", kWidth, kHeight);
  ElementHarness harness("sam2overlay", properties, caps);
  Buffer frame = MakeFrame(caps, 0, {});
  AttachSquare(frame.get(), accepted, selected);
  return harness.Process(std::move(frame));
}

TEST(Sam2Overlay, TellsAcceptedAndSelectedObjects) {
  const Buffer plain = Painted({}, false, false);
  EXPECT_FALSE(SamePixels(plain, Painted({}, true, false)));
  const Buffer selected = Painted({{"boxes", "false"}, {"labels", "false"}}, false, true);
  const Rgb edge = ToRgb(selected.get(), VideoCaps("RGB", kWidth, kHeight))[30 * kWidth + 20];
  EXPECT_GT(std::min({edge.r, edge.g, edge.b}), 100);
  const ElementHarness::Properties bare = {{"labels", "false"}};
  EXPECT_TRUE(SamePixels(Painted(bare, false, false), Painted(bare, true, false)));
}

// Pictures with the mouse at work on them.
class RubberBandTest : public ::testing::Test {
 protected:
  void Send(GstEvent* event) { gst_harness_push_upstream_event(harness_.harness(), event); }
  void Press(double x, double y, int button = 1) {
    Send(gst_navigation_event_new_mouse_button_press(button, x, y, GST_NAVIGATION_MODIFIER_NONE));
  }
  void Move(double x, double y) {
    Send(gst_navigation_event_new_mouse_move(x, y, GST_NAVIGATION_MODIFIER_NONE));
  }
  void Release(double x, double y) {
    Send(gst_navigation_event_new_mouse_button_release(1, x, y, GST_NAVIGATION_MODIFIER_NONE));
  }
  bool IsPainted() {
    const Buffer out = harness_.Process(MakeFrame(caps_, 0, {}));
    return !SamePixels(out, MakeFrame(caps_, 0, {}));
  }

  std::string caps_ = VideoCaps("RGB", kWidth, kHeight);
  ElementHarness harness_{"sam2overlay", {}, caps_};
};

TEST_F(RubberBandTest, IsThereWhileTheMouseDraws) {
  Press(10, 10);
  EXPECT_FALSE(IsPainted());
  Move(40, 30);
  const Buffer out = harness_.Process(MakeFrame(caps_, 0, {}));
  const auto pixels = ToRgb(out.get(), caps_);
  EXPECT_EQ(pixels[10 * kWidth + 25].r, 255);
  EXPECT_EQ(pixels[29 * kWidth + 25].r, 255);
  EXPECT_LT(pixels[20 * kWidth + 25].r, 60);
  Release(40, 30);
  EXPECT_FALSE(IsPainted());
}

TEST_F(RubberBandTest, OtherEventsPaintNothing) {
  Move(40, 30);
  EXPECT_FALSE(IsPainted());
  Press(10, 10, 3);
  Move(40, 30);
  EXPECT_FALSE(IsPainted());
  Send(gst_navigation_event_new_key_press("u", GST_NAVIGATION_MODIFIER_NONE));
  EXPECT_FALSE(IsPainted());
}

TEST_F(RubberBandTest, MayReachOutOfTheFrame) {
  Press(-1e300, 20);
  Move(1e300, 1e9);
  EXPECT_TRUE(IsPainted());
}

TEST_F(RubberBandTest, DoesNotOutliveItsStream) {
  Press(10, 10);
  Move(40, 30);
  EXPECT_TRUE(IsPainted());
  gst_element_set_state(harness_.element(), GST_STATE_READY);
  gst_element_set_state(harness_.element(), GST_STATE_PLAYING);
  gst_harness_push_event(harness_.harness(), gst_event_new_stream_start("again"));
  harness_.SetCaps(caps_);
  EXPECT_FALSE(IsPainted());
}

TEST_F(RubberBandTest, CanBeSwitchedOff) {
  g_object_set(harness_.element(), "rubber-band", FALSE, nullptr);
  Press(10, 10);
  Move(40, 30);
  EXPECT_FALSE(IsPainted());
}

// Of another program, say.
TEST(Sam2Overlay, ABoxThatReachesFarBeyondTheFrameEndsThere) {
  constexpr int kWide = 8192;
  const std::string caps = VideoCaps("RGB", kWide, 16);
  const auto paint = [&](float right, bool predicted) {
    ElementHarness harness("sam2overlay", {{"labels", "false"}, {"line-width", "2"}}, caps);
    Buffer frame = MakeFrame(caps, 0, {});
    ObjectsRecord record{.frame_width = 1, .frame_height = 1, .objects = {}};
    record.objects.push_back(MakeRecord(
        {.id = 1, .box = sam2::Box{0.5F, 0.25F, right, 0.75F}, .mask = {}, .predicted = predicted},
        ""));
    WriteObjects(frame.get(), std::move(record));
    return harness.Process(std::move(frame));
  };
  for (const bool predicted : {false, true}) {
    const Buffer far = paint(1e6F, predicted);
    EXPECT_FALSE(SamePixels(far, MakeFrame(caps, 0, {})));
    EXPECT_TRUE(SamePixels(far, paint(2, predicted)));
  }
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
