// SPDX-License-Identifier: Apache-2.0
#include "timeline.h"

#include <gtest/gtest.h>

#include "support.h"

namespace gstsam2 {
namespace {

constexpr GstClockTime kFrame = 40 * GST_MSECOND;

class TimelineTest : public ::testing::Test {
 protected:
  TimelineTest() {
    Size(640, 360);
    Stream("one");
  }
  void Size(int width, int height, int fps = 25) {
    GstVideoInfo info;
    gst_video_info_set_format(&info, GST_VIDEO_FORMAT_RGB, width, height);
    info.fps_n = fps;
    timeline_.SetInfo(info);
  }
  void See(GstEvent* event) {
    timeline_.See(event);
    gst_event_unref(event);
  }
  void Stream(const char* id) { See(gst_event_new_stream_start(id)); }
  void Segment() {
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    See(gst_event_new_segment(&segment));
  }
  void Flush() { See(gst_event_new_flush_stop(TRUE)); }
  Moment Next(GstClockTime pts) {
    const testing::Buffer buffer(gst_buffer_new());
    GST_BUFFER_PTS(buffer.get()) = pts;
    return timeline_.Next(buffer.get());
  }
  Timeline timeline_;
};

TEST_F(TimelineTest, GoesWithTheFrames) {
  EXPECT_EQ(Next(10 * GST_SECOND).time, 10 * GST_SECOND);
  const Moment next = Next(10 * GST_SECOND + kFrame);
  EXPECT_EQ(next.time, 10 * GST_SECOND + kFrame);
  EXPECT_EQ(next.before, Break::kNone);
}

TEST_F(TimelineTest, CountsFramesWithoutTimes) {
  EXPECT_EQ(Next(GST_SECOND).pts, GST_SECOND);
  EXPECT_EQ(Next(GST_CLOCK_TIME_NONE).pts, GST_SECOND + kFrame);
  EXPECT_EQ(Next(GST_CLOCK_TIME_NONE).time, GST_SECOND + 2 * kFrame);
}

TEST_F(TimelineTest, NeverGoesBack) {
  Next(5 * GST_SECOND);
  const Moment early = Next(5 * GST_SECOND - kFrame);  // out of order
  EXPECT_EQ(early.time, 5 * GST_SECOND + kFrame);
  EXPECT_EQ(early.before, Break::kNone);
  const Moment loop = Next(0);
  EXPECT_EQ(loop.time, 5 * GST_SECOND + 2 * kFrame);
  EXPECT_EQ(loop.before, Break::kJump);
  EXPECT_EQ(Next(kFrame).before, Break::kNone);
}

TEST_F(TimelineTest, AHoleIsTimeThatWentBy) {
  Next(0);
  const Moment after = Next(3 * GST_SECOND);
  EXPECT_EQ(after.time, 3 * GST_SECOND);
  EXPECT_EQ(after.before, Break::kJump);
}

TEST_F(TimelineTest, AGapIsExpected) {
  Next(0);
  See(gst_event_new_gap(kFrame, 3 * GST_SECOND));
  const Moment after = Next(3 * GST_SECOND + kFrame);
  EXPECT_EQ(after.time, 3 * GST_SECOND + kFrame);
  EXPECT_EQ(after.before, Break::kNone);
}

TEST_F(TimelineTest, ASeekIsOneFrame) {
  Next(0);
  Flush();
  Segment();
  const Moment after = Next(30 * GST_SECOND);
  EXPECT_EQ(after.time, kFrame);
  EXPECT_EQ(after.before, Break::kJump);
}

TEST_F(TimelineTest, ASegmentThatGoesOnIsNoBreak) {
  Next(0);
  Segment();
  const Moment after = Next(kFrame);
  EXPECT_EQ(after.time, kFrame);
  EXPECT_EQ(after.before, Break::kNone);
}

TEST_F(TimelineTest, AFlushAloneIsAJump) {
  Next(0);
  Flush();
  EXPECT_EQ(Next(kFrame).before, Break::kJump);
}

TEST_F(TimelineTest, KnowsAnotherStream) {
  Next(0);
  Stream("one");
  EXPECT_EQ(Next(kFrame).before, Break::kNone);
  Stream("two");
  EXPECT_EQ(Next(2 * kFrame).before, Break::kOtherStream);
  EXPECT_EQ(Next(3 * kFrame).before, Break::kNone);
}

TEST_F(TimelineTest, KnowsAnotherShape) {
  Next(0);
  Size(854, 480);  // the same, rounded
  EXPECT_EQ(Next(kFrame).before, Break::kNone);
  Size(480, 854);
  EXPECT_EQ(Next(2 * kFrame).before, Break::kOtherStream);
}

// Pictures at times of which the caps say nothing.
TEST_F(TimelineTest, FramesOfNoKnownRateMayBeFarApart) {
  Size(640, 360, /*fps=*/0);
  for (const int second : {0, 5, 10, 12, 14, 15}) {
    EXPECT_EQ(Next(second * GST_SECOND).before, Break::kNone) << second;
  }
  EXPECT_EQ(Next(60 * GST_SECOND).before, Break::kJump);
  EXPECT_EQ(Next(61 * GST_SECOND).before, Break::kNone);
  EXPECT_EQ(Next(0).before, Break::kJump);
  EXPECT_EQ(Next(kFrame).before, Break::kNone);
}

TEST_F(TimelineTest, FramesOfAKnownRateMayNot) {
  Next(0);
  EXPECT_EQ(Next(5 * GST_SECOND).before, Break::kJump);
  EXPECT_EQ(Next(10 * GST_SECOND).before, Break::kJump);
}

TEST_F(TimelineTest, NothingIsBeforeTheFirstFrame) {
  Stream("two");
  Flush();
  Size(100, 100);
  EXPECT_EQ(Next(100 * GST_SECOND).before, Break::kNone);
}

}  // namespace
}  // namespace gstsam2
