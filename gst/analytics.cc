// SPDX-License-Identifier: Apache-2.0
#include "analytics.h"

#ifdef SAM2_HAVE_ANALYTICS

#include <gst/analytics/analytics.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>

namespace gstsam2 {
namespace {

// Of the object's pixels; all others are 0. segmentationoverlay paints values up to
// its hint-maximum-segment-type, 10, and some of those above as background.
std::uint8_t RegionId(const ObjectRecord& object) {
  return static_cast<std::uint8_t>(1 + (object.id - 1) % 10);
}

// The mask with its region's id in place of 255, as GRAY8 with a GstVideoMeta.
GstBuffer* ToRegions(const ObjectRecord& object) {
  const ObjectMask& mask = *object.mask;
  const gsize size = static_cast<gsize>(mask.cols) * mask.rows;
  GstBuffer* regions = gst_buffer_new_allocate(nullptr, size, nullptr);
  GstMapInfo from, to;
  gst_buffer_map(mask.pixels.get(), &from, GST_MAP_READ);
  gst_buffer_map(regions, &to, GST_MAP_WRITE);
  for (gsize i = 0; i < size; ++i) to.data[i] = from.data[i] != 0 ? RegionId(object) : 0;
  gst_buffer_unmap(regions, &to);
  gst_buffer_unmap(mask.pixels.get(), &from);
  const gsize offset[GST_VIDEO_MAX_PLANES] = {};
  const gint stride[GST_VIDEO_MAX_PLANES] = {static_cast<gint>(mask.cols)};
  gst_buffer_add_video_meta_full(regions, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_GRAY8,
                                 static_cast<guint>(mask.cols), static_cast<guint>(mask.rows),
                                 /*n_planes=*/1, offset, stride);
  return regions;
}

int Round(double value) { return static_cast<int>(std::lround(value)); }

GstAnalyticsODMtd AddDetection(GstAnalyticsRelationMeta* meta, const ObjectRecord& object) {
  const GQuark type =
      g_quark_from_string(object.label.empty() ? kRoiParamName : object.label.c_str());
  const Rect& box = *object.box;
  GstAnalyticsODMtd mtd;
  gst_analytics_relation_meta_add_od_mtd(meta, type, Round(box.x), Round(box.y), Round(box.width),
                                         Round(box.height), static_cast<float>(object.score),
                                         &mtd);
  return mtd;
}

GstAnalyticsSegmentationMtd AddSegmentation(GstAnalyticsRelationMeta* meta,
                                            const ObjectRecord& object) {
  guint region_ids[] = {0, RegionId(object)};
  const Rect& rect = object.mask->rect;
  GstAnalyticsSegmentationMtd mtd;
  gst_analytics_relation_meta_add_segmentation_mtd(
      meta, ToRegions(object), GST_SEGMENTATION_TYPE_INSTANCE, std::size(region_ids), region_ids,
      Round(rect.x), Round(rect.y), static_cast<guint>(Round(rect.width)),
      static_cast<guint>(Round(rect.height)), &mtd);
  return mtd;
}

void Relate(GstAnalyticsRelationMeta* meta, const GstAnalyticsMtd& from,
            const GstAnalyticsMtd& to) {
  gst_analytics_relation_meta_set_relation(meta, GST_ANALYTICS_REL_TYPE_RELATE_TO, from.id, to.id);
}

// Detection and segmentation of an object that has a box.
GstAnalyticsODMtd AddSight(GstAnalyticsRelationMeta* meta, const ObjectRecord& object) {
  const GstAnalyticsODMtd detection = AddDetection(meta, object);
  if (object.mask) {
    const GstAnalyticsSegmentationMtd segmentation = AddSegmentation(meta, object);
    Relate(meta, detection, segmentation);
    Relate(meta, segmentation, detection);
  }
  return detection;
}

GstAnalyticsTrackingMtd AddTracking(GstAnalyticsRelationMeta* meta, const ObjectRecord& object,
                                    const Sightings& seen) {
  GstAnalyticsTrackingMtd mtd;
  gst_analytics_relation_meta_add_tracking_mtd(meta, static_cast<guint64>(object.id), seen.first,
                                               &mtd);
  gst_analytics_tracking_mtd_update_last_seen(&mtd, seen.last);
  if (object.state == sam2::ObjectState::kLost) gst_analytics_tracking_mtd_set_lost(&mtd);
  return mtd;
}

gsize Count(GstAnalyticsRelationMeta* meta, GstAnalyticsMtdType type) {
  gsize count = 0;
  gpointer state = nullptr;
  GstAnalyticsMtd mtd;
  while (gst_analytics_relation_meta_iterate(meta, &state, type, &mtd)) ++count;
  return count;
}

// Whether the meta holds what Write adds for these objects, and nothing else.
bool HoldsOnly(const ObjectsRecord& record, GstAnalyticsRelationMeta* meta) {
  const auto count = [&](auto has) {
    return static_cast<gsize>(std::ranges::count_if(record.objects, has));
  };
  const gsize detections = count([](const ObjectRecord& object) { return object.box.has_value(); });
  const gsize segmentations =
      count([](const ObjectRecord& object) { return object.box && object.mask; });
  const gsize tracks = Count(meta, gst_analytics_tracking_mtd_get_mtd_type());
  return Count(meta, gst_analytics_od_mtd_get_mtd_type()) == detections &&
         Count(meta, gst_analytics_segmentation_mtd_get_mtd_type()) == segmentations &&
         (tracks == 0 || tracks == record.objects.size()) &&
         gst_analytics_relation_get_length(meta) == detections + segmentations + tracks;
}

void RemoveFormer(GstBuffer* buffer) {
  const std::optional<ObjectsRecord> former = ReadObjects(buffer);
  GstAnalyticsRelationMeta* meta = gst_buffer_get_analytics_relation_meta(buffer);
  if (!former || meta == nullptr || !HoldsOnly(*former, meta)) return;
  gst_buffer_remove_meta(buffer, reinterpret_cast<GstMeta*>(meta));
}

}  // namespace

void AnalyticsWriter::Write(GstBuffer* buffer, const ObjectsRecord& record) {
  RemoveFormer(buffer);
  const GstClockTime pts = GST_BUFFER_PTS(buffer);
  const std::map<int, Sightings> before = std::exchange(sightings_, {});
  if (record.objects.empty()) return;
  GstAnalyticsRelationMeta* meta = gst_buffer_get_analytics_relation_meta(buffer);
  if (meta == nullptr) meta = gst_buffer_add_analytics_relation_meta(buffer);
  for (const ObjectRecord& object : record.objects) {
    std::optional<GstAnalyticsODMtd> detection;
    if (object.box) detection = AddSight(meta, object);
    if (!tracks_) continue;
    const auto known = before.find(object.id);
    Sightings seen = known != before.end() ? known->second : Sightings{pts, pts};
    if (object.box) seen.last = pts;
    sightings_[object.id] = seen;
    const GstAnalyticsTrackingMtd tracking = AddTracking(meta, object, seen);
    if (detection) Relate(meta, *detection, tracking);
  }
}

}  // namespace gstsam2

#else

namespace gstsam2 {

void AnalyticsWriter::Write(GstBuffer*, const ObjectsRecord&) {}

}  // namespace gstsam2

#endif
