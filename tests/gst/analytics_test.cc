// SPDX-License-Identifier: Apache-2.0
//
// Built with GStreamer >= 1.26 only.
#include "analytics.h"

#include <gst/analytics/analytics.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "support.h"

namespace gstsam2 {
namespace {

using testing::Buffer;

constexpr auto kDetection = &gst_analytics_od_mtd_get_mtd_type;
constexpr auto kTracking = &gst_analytics_tracking_mtd_get_mtd_type;
constexpr auto kSegmentation = &gst_analytics_segmentation_mtd_get_mtd_type;

// An object with a box; a mask of the upper half of it.
sam2::Object Seen(int id, int x, int y, int side) {
  sam2::Object object;
  object.id = id;
  object.score = 0.5F;
  object.mask = {.x = x, .y = y, .width = side, .height = side,
                 .pixels = std::vector<std::uint8_t>(static_cast<std::size_t>(side) * side, 0)};
  std::fill_n(object.mask.pixels.begin(), side * side / 2, 255);
  object.box = sam2::Box{static_cast<float>(x), static_cast<float>(y), static_cast<float>(x + side),
                         static_cast<float>(y + side)};
  return object;
}

sam2::Object Unseen(int id, sam2::ObjectState state) {
  sam2::Object object;
  object.id = id;
  object.state = state;
  return object;
}

ObjectsRecord RecordOf(std::vector<sam2::Object> objects, const std::string& label = "") {
  ObjectsRecord record{.frame_width = 64, .frame_height = 48, .objects = {}};
  for (sam2::Object& object : objects) {
    record.objects.push_back(MakeRecord(std::move(object), label));
  }
  return record;
}

Buffer At(GstClockTime pts) {
  Buffer buffer(gst_buffer_new());
  GST_BUFFER_PTS(buffer.get()) = pts;
  return buffer;
}

std::vector<GstAnalyticsMtd> MtdsOn(GstBuffer* buffer, GstAnalyticsMtdType (*type)()) {
  std::vector<GstAnalyticsMtd> mtds;
  GstAnalyticsRelationMeta* meta = gst_buffer_get_analytics_relation_meta(buffer);
  gpointer state = nullptr;
  GstAnalyticsMtd mtd;
  while (meta != nullptr && gst_analytics_relation_meta_iterate(meta, &state, type(), &mtd)) {
    mtds.push_back(mtd);
  }
  return mtds;
}

bool Related(const GstAnalyticsMtd& from, const GstAnalyticsMtd& to) {
  return gst_analytics_relation_meta_get_relation(from.meta, from.id, to.id) ==
         GST_ANALYTICS_REL_TYPE_RELATE_TO;
}

struct Times {
  guint64 id = 0;
  GstClockTime first = 0, last = 0;
  gboolean lost = FALSE;
};

Times TimesOf(const GstAnalyticsMtd& mtd) {
  Times times;
  EXPECT_TRUE(gst_analytics_tracking_mtd_get_info(&mtd, &times.id, &times.first, &times.last,
                                                  &times.lost));
  return times;
}

TEST(Analytics, RelatesBoxMaskAndTrackOfAnObject) {
  const Buffer buffer = At(0);
  AnalyticsWriter(true).Write(buffer.get(), RecordOf({Seen(300, 10, 20, 8)}, "dog"));
  const auto detections = MtdsOn(buffer.get(), kDetection);
  const auto tracks = MtdsOn(buffer.get(), kTracking);
  const auto segmentations = MtdsOn(buffer.get(), kSegmentation);
  ASSERT_EQ(detections.size(), 1U);
  ASSERT_EQ(tracks.size(), 1U);
  ASSERT_EQ(segmentations.size(), 1U);
  EXPECT_TRUE(Related(detections[0], tracks[0]));
  EXPECT_TRUE(Related(detections[0], segmentations[0]));
  EXPECT_TRUE(Related(segmentations[0], detections[0]));
  EXPECT_FALSE(Related(tracks[0], segmentations[0]));

  int x = 0, y = 0, width = 0, height = 0;
  float confidence = 0;
  gst_analytics_od_mtd_get_location(&detections[0], &x, &y, &width, &height, &confidence);
  EXPECT_EQ(x, 10);
  EXPECT_EQ(y, 20);
  EXPECT_EQ(width, 8);
  EXPECT_EQ(height, 8);
  EXPECT_EQ(confidence, 0.5F);
  EXPECT_STREQ(g_quark_to_string(gst_analytics_od_mtd_get_obj_type(&detections[0])), "dog");
  EXPECT_EQ(TimesOf(tracks[0]).id, 300U);
}

TEST(Analytics, GivesEachMaskAValueOfItsOwn) {
  const Buffer buffer = At(0);
  const ObjectsRecord record = RecordOf({Seen(1, 0, 0, 8), Seen(2, 8, 8, 5)});
  AnalyticsWriter(true).Write(buffer.get(), record);
  const auto segmentations = MtdsOn(buffer.get(), kSegmentation);
  ASSERT_EQ(segmentations.size(), 2U);
  for (int i = 0; i < 2; ++i) {
    const guint side = i == 0 ? 8 : 5;  // the second is no multiple of 4
    int x = 0, y = 0;
    guint width = 0, height = 0;
    const Buffer mask(
        gst_analytics_segmentation_mtd_get_mask(&segmentations[i], &x, &y, &width, &height));
    EXPECT_EQ(x, i * 8);
    EXPECT_EQ(y, i * 8);
    EXPECT_EQ(width, side);
    EXPECT_EQ(height, side);
    const GstVideoMeta* video = gst_buffer_get_video_meta(mask.get());
    ASSERT_NE(video, nullptr);
    EXPECT_EQ(video->format, GST_VIDEO_FORMAT_GRAY8);
    EXPECT_EQ(video->stride[0], static_cast<int>(side));
    ASSERT_EQ(gst_analytics_segmentation_mtd_get_region_count(&segmentations[i]), 2U);
    EXPECT_EQ(gst_analytics_segmentation_mtd_get_region_id(&segmentations[i], 0), 0U);
    EXPECT_EQ(gst_analytics_segmentation_mtd_get_region_id(&segmentations[i], 1), 1U + i);
    GstMapInfo map;
    ASSERT_TRUE(gst_buffer_map(mask.get(), &map, GST_MAP_READ));
    ASSERT_EQ(map.size, side * side);
    for (gsize p = 0; p < map.size; ++p) EXPECT_EQ(map.data[p], p < map.size / 2 ? i + 1 : 0);
    gst_buffer_unmap(mask.get(), &map);
  }
  // The objects' own masks are as they were.
  guint8 first = 0;
  gst_buffer_extract(record.objects[0].mask->pixels.get(), 0, &first, 1);
  EXPECT_EQ(first, 255);
}

TEST(Analytics, TellsWhenAnObjectWasSeen) {
  AnalyticsWriter writer(true);
  const auto times = [&](GstClockTime pts, sam2::Object object) {
    const Buffer buffer = At(pts);
    writer.Write(buffer.get(), RecordOf({std::move(object)}));
    const auto tracks = MtdsOn(buffer.get(), kTracking);
    return tracks.size() == 1 ? TimesOf(tracks[0]) : Times{};
  };
  times(10, Seen(1, 0, 0, 4));
  Times now = times(20, Seen(1, 0, 0, 4));
  EXPECT_EQ(now.first, 10U);
  EXPECT_EQ(now.last, 20U);
  now = times(30, Unseen(1, sam2::ObjectState::kOccluded));
  EXPECT_EQ(now.last, 20U);
  EXPECT_FALSE(now.lost);
  now = times(40, Unseen(1, sam2::ObjectState::kLost));
  EXPECT_EQ(now.first, 10U);
  EXPECT_TRUE(now.lost);
  now = times(50, Seen(1, 0, 0, 4));
  EXPECT_EQ(now.first, 10U);
  EXPECT_EQ(now.last, 50U);
  EXPECT_FALSE(now.lost);
  // One that goes and comes again under the same id is a new one.
  times(60, Seen(2, 0, 0, 4));
  EXPECT_EQ(times(70, Seen(1, 0, 0, 4)).first, 70U);
}

TEST(Analytics, HasNoBoxForAnObjectThatIsNotSeen) {
  const Buffer buffer = At(0);
  AnalyticsWriter(true).Write(buffer.get(), RecordOf({Unseen(1, sam2::ObjectState::kOccluded)}));
  EXPECT_EQ(MtdsOn(buffer.get(), kTracking).size(), 1U);
  EXPECT_TRUE(MtdsOn(buffer.get(), kDetection).empty());
  EXPECT_TRUE(MtdsOn(buffer.get(), kSegmentation).empty());
}

TEST(Analytics, HasNoTracksWhereObjectsDoNotOutliveAFrame) {
  const Buffer buffer = At(0);
  AnalyticsWriter(false).Write(buffer.get(), RecordOf({Seen(1, 0, 0, 4)}));
  EXPECT_TRUE(MtdsOn(buffer.get(), kTracking).empty());
  EXPECT_EQ(MtdsOn(buffer.get(), kDetection).size(), 1U);
  EXPECT_EQ(MtdsOn(buffer.get(), kSegmentation).size(), 1U);
}

TEST(Analytics, AddsNothingWithoutObjects) {
  const Buffer buffer = At(0);
  AnalyticsWriter(true).Write(buffer.get(), RecordOf({}));
  EXPECT_EQ(gst_buffer_get_analytics_relation_meta(buffer.get()), nullptr);
}

TEST(Analytics, LeavesADetectorsResults) {
  const Buffer buffer = At(0);
  GstAnalyticsRelationMeta* meta = gst_buffer_add_analytics_relation_meta(buffer.get());
  GstAnalyticsODMtd theirs;
  gst_analytics_relation_meta_add_od_mtd(meta, g_quark_from_static_string("cat"), 1, 2, 3, 4, 1,
                                         &theirs);
  AnalyticsWriter(true).Write(buffer.get(), RecordOf({Seen(1, 0, 0, 4)}));
  EXPECT_EQ(gst_buffer_get_analytics_relation_meta(buffer.get()), meta);
  const auto detections = MtdsOn(buffer.get(), kDetection);
  ASSERT_EQ(detections.size(), 2U);
  EXPECT_EQ(detections[0].id, theirs.id);
  EXPECT_FALSE(Related(theirs, MtdsOn(buffer.get(), kTracking)[0]));
}

// ---------------------------------------------------------------- in series

// The objects of an element of this plugin, with a detector's result first.
Buffer FromAnEarlierElement(bool tracks, std::vector<sam2::Object> objects, bool detector) {
  Buffer buffer = At(0);
  if (detector) {
    GstAnalyticsODMtd theirs;
    gst_analytics_relation_meta_add_od_mtd(gst_buffer_add_analytics_relation_meta(buffer.get()),
                                           g_quark_from_static_string("cat"), 1, 2, 3, 4, 1,
                                           &theirs);
  }
  ObjectsRecord record = RecordOf(std::move(objects));
  AnalyticsWriter(tracks).Write(buffer.get(), record);
  WriteObjects(buffer.get(), std::move(record));
  return buffer;
}

class InSeries : public ::testing::TestWithParam<bool> {};

TEST_P(InSeries, TheLaterElementsObjectsTakeThePlaceOfTheEarlier) {
  const Buffer buffer = FromAnEarlierElement(
      GetParam(), {Seen(1, 0, 0, 4), Seen(2, 8, 8, 4), Unseen(3, sam2::ObjectState::kLost)}, false);
  AnalyticsWriter(true).Write(buffer.get(), RecordOf({Seen(7, 20, 20, 4)}));
  EXPECT_EQ(MtdsOn(buffer.get(), kDetection).size(), 1U);
  EXPECT_EQ(MtdsOn(buffer.get(), kSegmentation).size(), 1U);
  const auto tracks = MtdsOn(buffer.get(), kTracking);
  ASSERT_EQ(tracks.size(), 1U);
  EXPECT_EQ(TimesOf(tracks[0]).id, 7U);
}

TEST_P(InSeries, ALaterElementWithoutObjectsLeavesNone) {
  const Buffer buffer = FromAnEarlierElement(GetParam(), {Seen(1, 0, 0, 4)}, false);
  AnalyticsWriter(true).Write(buffer.get(), RecordOf({}));
  EXPECT_EQ(gst_buffer_get_analytics_relation_meta(buffer.get()), nullptr);
}

TEST_P(InSeries, ADetectorsResultsStay) {
  const Buffer buffer = FromAnEarlierElement(GetParam(), {Seen(1, 0, 0, 4)}, true);
  AnalyticsWriter(true).Write(buffer.get(), RecordOf({Seen(7, 20, 20, 4)}));
  const auto detections = MtdsOn(buffer.get(), kDetection);
  ASSERT_EQ(detections.size(), 3U);
  EXPECT_EQ(gst_analytics_od_mtd_get_obj_type(&detections[0]), g_quark_from_static_string("cat"));
}

TEST_P(InSeries, ADetectorsResultsAloneStay) {
  // Those of the earlier element were lost on the way.
  const Buffer buffer = At(0);
  WriteObjects(buffer.get(), RecordOf({Seen(1, 0, 0, 4)}));
  GstAnalyticsODMtd theirs;
  gst_analytics_relation_meta_add_od_mtd(gst_buffer_add_analytics_relation_meta(buffer.get()),
                                         g_quark_from_static_string("cat"), 1, 2, 3, 4, 1, &theirs);
  AnalyticsWriter(GetParam()).Write(buffer.get(), RecordOf({Seen(7, 20, 20, 4)}));
  EXPECT_EQ(MtdsOn(buffer.get(), kDetection).size(), 2U);
}

INSTANTIATE_TEST_SUITE_P(Tracks, InSeries, ::testing::Bool());

}  // namespace
}  // namespace gstsam2
