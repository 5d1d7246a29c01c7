// SPDX-License-Identifier: Apache-2.0
#include "meta.h"

#include <gst/video/video.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace gstsam2 {
namespace {

// No frame is larger; what is beyond is damaged.
constexpr double kMaxCoordinate = 1 << 20;

constexpr std::array kStateNames = {"tracked", "occluded", "lost"};

// ------------------------------------------------------------ GstStructure

double Finite(double value) { return std::isfinite(value) ? value : 0; }

void SetDouble(GstStructure* structure, const char* field, double value) {
  gst_structure_set(structure, field, G_TYPE_DOUBLE, Finite(value), nullptr);
}

std::optional<double> GetDouble(const GstStructure* structure, const char* field) {
  double value = 0;
  int integer = 0;
  if (gst_structure_get_double(structure, field, &value)) {
    if (!std::isfinite(value)) return std::nullopt;
    return value;
  }
  if (gst_structure_get_int(structure, field, &integer)) return integer;
  return std::nullopt;
}

// Field names of a rectangle.
struct RectFields {
  const char *x, *y, *width, *height;
};
constexpr RectFields kBoxFields = {"x", "y", "width", "height"};
constexpr RectFields kMaskFields = {"mask-x", "mask-y", "mask-width", "mask-height"};

void SetRect(GstStructure* structure, const RectFields& fields, const Rect& rect) {
  SetDouble(structure, fields.x, rect.x);
  SetDouble(structure, fields.y, rect.y);
  SetDouble(structure, fields.width, rect.width);
  SetDouble(structure, fields.height, rect.height);
}

std::optional<Rect> GetRect(const GstStructure* structure, const RectFields& fields) {
  const auto x = GetDouble(structure, fields.x), y = GetDouble(structure, fields.y);
  const auto width = GetDouble(structure, fields.width);
  const auto height = GetDouble(structure, fields.height);
  if (!x || !y || !width || !height || *width <= 0 || *height <= 0) return std::nullopt;
  for (const double value : {*x, *y, *width, *height}) {
    if (std::abs(value) > kMaxCoordinate) return std::nullopt;
  }
  return Rect{*x, *y, *width, *height};
}

void SetMask(GstStructure* structure, ObjectMask mask) {
  gst_structure_set(structure, "mask", GST_TYPE_BUFFER, mask.pixels.get(), "mask-cols", G_TYPE_INT,
                    mask.cols, "mask-rows", G_TYPE_INT, mask.rows, nullptr);
  SetRect(structure, kMaskFields, mask.rect);
}

std::optional<ObjectMask> GetMask(const GstStructure* structure) {
  const GValue* value = gst_structure_get_value(structure, "mask");
  if (value == nullptr || !GST_VALUE_HOLDS_BUFFER(value)) return std::nullopt;
  GstBuffer* pixels = gst_value_get_buffer(value);
  int cols = 0, rows = 0;
  const std::optional<Rect> rect = GetRect(structure, kMaskFields);
  if (pixels == nullptr || !rect || !gst_structure_get_int(structure, "mask-cols", &cols) ||
      !gst_structure_get_int(structure, "mask-rows", &rows) || cols <= 0 || rows <= 0 ||
      gst_buffer_get_size(pixels) / cols < static_cast<gsize>(rows)) {
    return std::nullopt;
  }
  return ObjectMask{BufferPtr(gst_buffer_ref(pixels)), cols, rows, *rect};
}

GstStructure* ToStructure(ObjectRecord record) {
  GstStructure* structure =
      gst_structure_new("object", "id", G_TYPE_INT, record.id, "state", G_TYPE_STRING,
                        StateName(record.state), nullptr);
  if (!record.label.empty()) {
    gst_structure_set(structure, "label", G_TYPE_STRING, record.label.c_str(), nullptr);
  }
  SetDouble(structure, "score", record.score);
  SetDouble(structure, "iou", record.iou);
  if (record.predicted) gst_structure_set(structure, "predicted", G_TYPE_BOOLEAN, TRUE, nullptr);
  if (record.accepted) {
    gst_structure_set(structure, "accepted", G_TYPE_BOOLEAN, *record.accepted, nullptr);
  }
  if (record.selected) {
    gst_structure_set(structure, "selected", G_TYPE_BOOLEAN, *record.selected, nullptr);
  }
  if (record.box) SetRect(structure, kBoxFields, *record.box);
  if (record.mask) SetMask(structure, std::move(*record.mask));
  return structure;
}

// 0..1, whatever is written there.
double GetShare(const GstStructure* structure, const char* field) {
  return std::clamp(GetDouble(structure, field).value_or(0), 0.0, 1.0);
}

std::optional<ObjectRecord> FromStructure(const GstStructure* structure) {
  ObjectRecord record;
  if (!gst_structure_get_int(structure, "id", &record.id) || record.id <= 0) return std::nullopt;
  const char* state = gst_structure_get_string(structure, "state");
  const auto* name = std::ranges::find(kStateNames, std::string(state != nullptr ? state : ""));
  if (name == kStateNames.end()) return std::nullopt;
  record.state = static_cast<sam2::ObjectState>(name - kStateNames.begin());
  if (const char* label = gst_structure_get_string(structure, "label")) record.label = label;
  record.score = GetShare(structure, "score");
  record.iou = GetShare(structure, "iou");
  gboolean predicted = FALSE;
  if (gst_structure_get_boolean(structure, "predicted", &predicted)) {
    record.predicted = predicted != FALSE;
  }
  gboolean accepted = FALSE, selected = FALSE;
  if (gst_structure_get_boolean(structure, "accepted", &accepted)) record.accepted = accepted;
  if (gst_structure_get_boolean(structure, "selected", &selected)) record.selected = selected;
  record.box = GetRect(structure, kBoxFields);
  record.mask = GetMask(structure);
  return record;
}

// ------------------------------------------------------------ meta

// The part of a frame that a frame of another size is scaled to, as videoscale
// does by default: all of it, or, where that would change the picture's
// proportions, what its borders leave.
Rect PictureIn(const GstVideoInfo& to, const GstVideoInfo& from) {
  const Rect whole = {0, 0, static_cast<double>(to.width), static_cast<double>(to.height)};
  for (const GstVideoInfo* info : {&to, &from}) {
    if (std::min({info->width, info->height, info->par_n, info->par_d}) <= 0) return whole;
  }
  int n = 0, d = 0;  // width : height of the picture, in pixels of `to`
  if (!gst_util_fraction_multiply(from.width, from.height, from.par_n, from.par_d, &n, &d) ||
      !gst_util_fraction_multiply(n, d, to.par_d, to.par_n, &n, &d)) {
    return whole;
  }
  // Whole pixels, as there.
  const auto height = static_cast<double>(gst_util_uint64_scale_int(to.width, d, n));
  if (height <= to.height) {
    return {0, std::floor((to.height - height) / 2), whole.width, height};
  }
  const auto width = static_cast<double>(gst_util_uint64_scale_int(to.height, n, d));
  return {std::floor((to.width - width) / 2), 0, width, whole.height};
}

// Coordinates are scaled, then moved.
struct Placement {
  double sx, sy, x, y;
};

void PlaceRect(GstStructure* structure, const RectFields& fields, const Placement& to) {
  const std::optional<Rect> rect = GetRect(structure, fields);
  if (!rect) return;
  SetRect(structure, fields, {to.x + rect->x * to.sx, to.y + rect->y * to.sy,
                              rect->width * to.sx, rect->height * to.sy});
}

// Brings the coordinates from one frame to another.
void Scale(GstStructure* meta, const GstVideoInfo& from, const GstVideoInfo& to) {
  int width = 0, height = 0;
  if (!gst_structure_get(meta, "frame-width", G_TYPE_INT, &width, "frame-height", G_TYPE_INT,
                         &height, nullptr)) {
    return;  // they are none
  }
  // An element that does not tell metas of it may have scaled the frame before.
  const int from_width = std::max(from.width, 1), from_height = std::max(from.height, 1);
  const double own_x = static_cast<double>(width) / from_width;
  const double own_y = static_cast<double>(height) / from_height;
  width = static_cast<int>(std::lround(own_x * to.width));
  height = static_cast<int>(std::lround(own_y * to.height));
  gst_structure_set(meta, "frame-width", G_TYPE_INT, width, "frame-height", G_TYPE_INT, height,
                    nullptr);
  const Rect picture = PictureIn(to, from);
  const Placement place = {picture.width / from_width, picture.height / from_height,
                           picture.x * own_x, picture.y * own_y};
  const GValue* objects = gst_structure_get_value(meta, "objects");
  if (objects == nullptr || !GST_VALUE_HOLDS_ARRAY(objects)) return;
  GValue scaled = G_VALUE_INIT;
  g_value_init(&scaled, GST_TYPE_ARRAY);
  for (guint i = 0; i < gst_value_array_get_size(objects); ++i) {
    const GValue* value = gst_value_array_get_value(objects, i);
    if (!GST_VALUE_HOLDS_STRUCTURE(value)) continue;
    GstStructure* object = gst_structure_copy(gst_value_get_structure(value));
    PlaceRect(object, kBoxFields, place);
    PlaceRect(object, kMaskFields, place);
    GValue out = G_VALUE_INIT;
    g_value_init(&out, GST_TYPE_STRUCTURE);
    g_value_take_boxed(&out, object);
    gst_value_array_append_and_take_value(&scaled, &out);
  }
  gst_structure_take_value(meta, "objects", &scaled);
}

void CopyFields(const GstStructure* from, GstStructure* to) {
  for (int i = 0; i < gst_structure_n_fields(from); ++i) {
    const char* field = gst_structure_nth_field_name(from, i);
    gst_structure_set_value(to, field, gst_structure_get_value(from, field));
  }
}

// ------------------------------------------------------------ regions of interest

using Roi = GstVideoRegionOfInterestMeta;

std::vector<Roi*> RoisOn(GstBuffer* buffer) {
  std::vector<Roi*> rois;
  gpointer state = nullptr;
  while (GstMeta* meta = gst_buffer_iterate_meta_filtered(
             buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
    rois.push_back(reinterpret_cast<Roi*>(meta));
  }
  return rois;
}

// A box as a region of interest holds it: whole pixels.
struct RoiBox {
  guint x, y, width, height;
  bool operator==(const RoiBox&) const = default;
};

RoiBox ToRoiBox(const Rect& box) {
  const double x0 = std::max(0.0, std::floor(box.x)), y0 = std::max(0.0, std::floor(box.y));
  const double x1 = std::max(x0, std::ceil(box.x + box.width));
  const double y1 = std::max(y0, std::ceil(box.y + box.height));
  return {static_cast<guint>(x0), static_cast<guint>(y0), static_cast<guint>(x1 - x0),
          static_cast<guint>(y1 - y0)};
}

// The type of an object's region of interest.
const char* TypeOf(const ObjectRecord& object) {
  return object.label.empty() ? kRoiParamName : object.label.c_str();
}

// Puts our regions of interest on a scaled buffer where its objects are now:
// GStreamer scales whole pixels, and before 1.28 it knows of no borders. They
// come in the order of the buffer that this one was made from.
void PlaceRois(GstBuffer* from, GstBuffer* to) {
  const std::optional<ObjectsRecord> record = ReadObjects(to);
  if (!record) return;
  const std::vector<Roi*> before = RoisOn(from), own = SortRois(from).own, after = RoisOn(to);
  for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
    Roi& roi = *after[i];
    if (roi.id != before[i]->id || std::ranges::count(own, before[i]) == 0) continue;
    const auto object = std::ranges::find(record->objects, roi.id, &ObjectRecord::id);
    if (object == record->objects.end() || !object->box) continue;
    const RoiBox box = ToRoiBox(*object->box);
    roi.x = box.x;
    roi.y = box.y;
    roi.w = box.width;
    roi.h = box.height;
  }
}

void AddRoi(GstBuffer* buffer, const ObjectRecord& record) {
  const RoiBox box = ToRoiBox(*record.box);
  Roi* roi = gst_buffer_add_video_region_of_interest_meta(buffer, TypeOf(record), box.x, box.y,
                                                          box.width, box.height);
  roi->id = record.id;
  gst_video_region_of_interest_meta_add_param(
      roi, gst_structure_new(kRoiParamName, "id", G_TYPE_INT, record.id, "score", G_TYPE_DOUBLE,
                             Finite(record.score), "state", G_TYPE_STRING,
                             StateName(record.state), nullptr));
}

void RemoveObjects(GstBuffer* buffer) {
  const std::vector<Roi*> own = SortRois(buffer).own;
  for (Roi* roi : own) gst_buffer_remove_meta(buffer, &roi->meta);
  if (GstCustomMeta* meta = gst_buffer_get_custom_meta(buffer, kObjectsMetaName)) {
    gst_buffer_remove_meta(buffer, &meta->meta);
  }
}

// ------------------------------------------------------------ transform

// GstCustomMetaTransformFunction: follows copies and scaling; anything else
// (a crop, a rotation) would leave wrong coordinates, so the meta is dropped.
// Scaling to another display aspect ratio is taken for that of videoscale with
// its default add-borders=true: nobody tells a meta what became of the picture.
gboolean TransformMeta(GstBuffer* to, GstCustomMeta* meta, GstBuffer* from, GQuark type,
                       gpointer data, gpointer) {
  const bool scale = GST_VIDEO_META_TRANSFORM_IS_SCALE(type);
  if (!scale && !GST_META_TRANSFORM_IS_COPY(type)) return FALSE;
  GstCustomMeta* copy = gst_buffer_add_custom_meta(to, kObjectsMetaName);
  if (copy == nullptr) return FALSE;
  GstStructure* structure = gst_custom_meta_get_structure(copy);
  CopyFields(gst_custom_meta_get_structure(meta), structure);
  if (scale) {
    const auto* sizes = static_cast<const GstVideoMetaTransform*>(data);
    Scale(structure, *sizes->in_info, *sizes->out_info);
    PlaceRois(from, to);
  }
  return TRUE;
}

BufferPtr Wrap(std::vector<std::uint8_t> pixels) {
  auto* owner = new std::vector<std::uint8_t>(std::move(pixels));
  return BufferPtr(gst_buffer_new_wrapped_full(
      GST_MEMORY_FLAG_READONLY, owner->data(), owner->size(), 0, owner->size(), owner,
      [](gpointer data) { delete static_cast<std::vector<std::uint8_t>*>(data); }));
}

}  // namespace

const char* StateName(sam2::ObjectState state) { return kStateNames[static_cast<int>(state)]; }

void RegisterObjectsMeta() {
  if (gst_meta_get_info(kObjectsMetaName) != nullptr) return;
  const char* tags[] = {GST_META_TAG_VIDEO_STR, GST_META_TAG_VIDEO_ORIENTATION_STR,
                        GST_META_TAG_VIDEO_SIZE_STR, nullptr};
  gst_meta_register_custom(kObjectsMetaName, tags, TransformMeta, nullptr, nullptr);
}

void WriteObjects(GstBuffer* buffer, ObjectsRecord record) {
  RemoveObjects(buffer);
  GValue objects = G_VALUE_INIT;
  g_value_init(&objects, GST_TYPE_ARRAY);
  for (ObjectRecord& object : record.objects) {
    if (object.box) AddRoi(buffer, object);
    GValue value = G_VALUE_INIT;
    g_value_init(&value, GST_TYPE_STRUCTURE);
    g_value_take_boxed(&value, ToStructure(std::move(object)));
    gst_value_array_append_and_take_value(&objects, &value);
  }
  GstCustomMeta* meta = gst_buffer_add_custom_meta(buffer, kObjectsMetaName);
  GstStructure* structure = gst_custom_meta_get_structure(meta);
  gst_structure_set(structure, "frame-width", G_TYPE_INT, record.frame_width, "frame-height",
                    G_TYPE_INT, record.frame_height, nullptr);
  gst_structure_take_value(structure, "objects", &objects);
}

std::optional<ObjectsRecord> ReadObjects(GstBuffer* buffer) {
  GstCustomMeta* meta = gst_buffer_get_custom_meta(buffer, kObjectsMetaName);
  if (meta == nullptr) return std::nullopt;
  const GstStructure* structure = gst_custom_meta_get_structure(meta);
  ObjectsRecord record;
  if (!gst_structure_get(structure, "frame-width", G_TYPE_INT, &record.frame_width,
                         "frame-height", G_TYPE_INT, &record.frame_height, nullptr) ||
      record.frame_width <= 0 || record.frame_height <= 0) {
    return std::nullopt;
  }
  const GValue* objects = gst_structure_get_value(structure, "objects");
  if (objects == nullptr || !GST_VALUE_HOLDS_ARRAY(objects)) return record;
  for (guint i = 0; i < gst_value_array_get_size(objects); ++i) {
    const GValue* value = gst_value_array_get_value(objects, i);
    if (!GST_VALUE_HOLDS_STRUCTURE(value)) continue;
    std::optional<ObjectRecord> object = FromStructure(gst_value_get_structure(value));
    if (object) record.objects.push_back(std::move(*object));
  }
  return record;
}

Rois SortRois(GstBuffer* buffer) {
  const ObjectsRecord record = ReadObjects(buffer).value_or(ObjectsRecord{});
  const auto is_object = [&](const Roi& roi) {
    return std::ranges::any_of(record.objects, [&](const ObjectRecord& object) {
      return object.id == roi.id && object.box &&
             ToRoiBox(*object.box) == RoiBox{roi.x, roi.y, roi.w, roi.h} &&
             g_strcmp0(g_quark_to_string(roi.roi_type), TypeOf(object)) == 0;
    });
  };
  Rois rois;
  for (Roi* roi : RoisOn(buffer)) {
    const bool own =
        roi->roi_type == g_quark_from_static_string(kRoiParamName) ||
        gst_video_region_of_interest_meta_get_param(roi, kRoiParamName) != nullptr ||
        is_object(*roi);
    (own ? rois.own : rois.foreign).push_back(roi);
  }
  return rois;
}

ObjectRecord MakeRecord(sam2::Object object, std::string label) {
  ObjectRecord record{.id = object.id,
                      .label = std::move(label),
                      .state = object.state,
                      .score = object.score,
                      .iou = object.iou,
                      .predicted = object.predicted,
                      .accepted = {},
                      .selected = {},
                      .box = {},
                      .mask = {}};
  if (object.box) {
    const sam2::Box& box = *object.box;
    record.box = Rect{box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0};
  }
  if (!object.mask.empty()) {
    const sam2::Mask& mask = object.mask;
    record.mask = ObjectMask{
        .pixels = nullptr, .cols = mask.width, .rows = mask.height,
        .rect = {static_cast<double>(mask.x), static_cast<double>(mask.y),
                 static_cast<double>(mask.width), static_cast<double>(mask.height)}};
    record.mask->pixels = Wrap(std::move(object.mask.pixels));
  }
  return record;
}

}  // namespace gstsam2
