// SPDX-License-Identifier: Apache-2.0
#include "json_line.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "mask_image.h"

namespace gstsam2 {
namespace {

using Json = nlohmann::ordered_json;

// A number of at most this many decimals, never NaN or infinite.
double Rounded(double value, double decimals) {
  const double scale = std::pow(10, decimals);
  return std::isfinite(value) ? std::round(value * scale) / scale : 0;
}

Json Polygons(const std::vector<sam2::Polygon>& polygons) {
  Json list = Json::array();
  for (const sam2::Polygon& polygon : polygons) {
    Json numbers = Json::array();
    for (const float value : polygon) numbers.push_back(Rounded(value, 2));
    list.push_back(std::move(numbers));
  }
  return list;
}

Json Segmentation(const JsonSettings& settings, sam2::Core& core, const sam2::Mask& mask,
                  const ObjectsRecord& record) {
  if (settings.masks == MaskForm::kPolygon) {
    return Polygons(core.MaskToPolygons(mask, settings.tolerance, settings.min_area));
  }
  return {{"size", {record.frame_height, record.frame_width}},
          {"counts", core.EncodeRle(mask, record.frame_width, record.frame_height)}};
}

Json ObjectJson(const JsonSettings& settings, sam2::Core* core, const ObjectRecord& object,
                const ObjectsRecord& record) {
  Json json = {{"id", object.id}};
  if (!object.label.empty()) json["label"] = object.label;
  json["state"] = StateName(object.state);
  json["score"] = Rounded(object.score, 4);
  json["iou"] = Rounded(object.iou, 4);
  if (object.predicted) json["predicted"] = true;
  if (object.accepted) json["accepted"] = *object.accepted;
  if (object.box) {
    const Rect& box = *object.box;
    json["bbox"] = {Rounded(box.x, 2), Rounded(box.y, 2), Rounded(box.width, 2),
                    Rounded(box.height, 2)};
  }
  sam2::Mask mask;
  if (object.mask) mask = ToFrameMask(*object.mask, record.frame_width, record.frame_height);
  json["area"] = std::ranges::count(mask.pixels, 255);
  if (!mask.empty() && settings.masks != MaskForm::kNone && core != nullptr) {
    json["segmentation"] = Segmentation(settings, *core, mask, record);
  }
  return json;
}

}  // namespace

std::string JsonLine(const JsonSettings& settings, sam2::Core* core, std::uint64_t frame,
                     GstClockTime pts, const ObjectsRecord& record) {
  Json json = {{"frame", frame}};
  json["pts"] = GST_CLOCK_TIME_IS_VALID(pts) ? Json(pts) : Json(nullptr);
  json["width"] = record.frame_width;
  json["height"] = record.frame_height;
  json["objects"] = Json::array();
  for (const ObjectRecord& object : record.objects) {
    json["objects"].push_back(ObjectJson(settings, core, object, record));
  }
  // Labels come from outside: bytes that are no UTF-8 are replaced.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace gstsam2
