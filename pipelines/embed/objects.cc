// SPDX-License-Identifier: Apache-2.0
#include "objects.h"

namespace {

std::optional<Object::Box> ReadBox(const GstStructure* object, const char* x, const char* y,
                                   const char* width, const char* height) {
  Object::Box box;
  if (!gst_structure_get(object, x, G_TYPE_DOUBLE, &box.x, y, G_TYPE_DOUBLE, &box.y, width,
                         G_TYPE_DOUBLE, &box.width, height, G_TYPE_DOUBLE, &box.height, nullptr)) {
    return std::nullopt;
  }
  return box;
}

std::optional<Object::Mask> ReadMask(const GstStructure* object) {
  const auto rect = ReadBox(object, "mask-x", "mask-y", "mask-width", "mask-height");
  const GValue* value = gst_structure_get_value(object, "mask");
  if (!rect || value == nullptr) return std::nullopt;
  Object::Mask mask;
  mask.rect = *rect;
  gst_structure_get_int(object, "mask-cols", &mask.cols);
  gst_structure_get_int(object, "mask-rows", &mask.rows);
  mask.pixels.resize(static_cast<gsize>(mask.cols) * mask.rows);
  gst_buffer_extract(gst_value_get_buffer(value), 0, mask.pixels.data(), mask.pixels.size());
  return mask;
}

Object ReadObject(const GstStructure* structure) {
  Object object;
  gst_structure_get_int(structure, "id", &object.id);
  gst_structure_get_double(structure, "score", &object.score);
  object.state = gst_structure_get_string(structure, "state");
  if (const char* label = gst_structure_get_string(structure, "label")) object.label = label;
  object.box = ReadBox(structure, "x", "y", "width", "height");
  object.mask = ReadMask(structure);
  return object;
}

}  // namespace

std::vector<Object> ReadObjects(GstBuffer* buffer) {
  std::vector<Object> objects;
  GstCustomMeta* meta = gst_buffer_get_custom_meta(buffer, "GstSam2Objects");
  if (meta == nullptr) return objects;
  const GValue* array = gst_structure_get_value(gst_custom_meta_get_structure(meta), "objects");
  for (guint i = 0; i < gst_value_array_get_size(array); ++i) {
    objects.push_back(ReadObject(gst_value_get_structure(gst_value_array_get_value(array, i))));
  }
  return objects;
}
