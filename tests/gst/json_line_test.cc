// SPDX-License-Identifier: Apache-2.0
#include "json_line.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "core_library.h"
#include "support.h"

namespace gstsam2 {
namespace {

sam2::Object Square() {
  sam2::Object object;
  object.id = 1;
  object.score = 0.97F;
  object.iou = 0.91F;
  object.box = sam2::Box{10, 20, 18, 28};
  object.mask = {.x = 10, .y = 20, .width = 8, .height = 8,
                 .pixels = std::vector<std::uint8_t>(64, 255)};
  return object;
}

ObjectsRecord RecordOf(sam2::Object object, const std::string& label) {
  ObjectsRecord record{.frame_width = 64, .frame_height = 48, .objects = {}};
  record.objects.push_back(MakeRecord(std::move(object), label));
  return record;
}

TEST(JsonLine, IsWhatTheContractSays) {
  EXPECT_EQ(JsonLine({}, &OpenCore(), 5, 40, RecordOf(Square(), "dog")),
            R"({"frame":5,"pts":40,"width":64,"height":48,"objects":[{"id":1,"label":"dog",)"
            R"("state":"tracked","score":0.97,"iou":0.91,"bbox":[10.0,20.0,8.0,8.0],"area":64,)"
            R"("segmentation":{"size":[48,64],"counts":"8x8+10+20 of 64x48"}}]})");
}

TEST(JsonLine, WritesPolygons) {
  const std::string line =
      JsonLine({.masks = MaskForm::kPolygon}, &OpenCore(), 0, 0, RecordOf(Square(), ""));
  EXPECT_NE(line.find(R"("segmentation":[[10.0,20.0,18.0,20.0,18.0,28.0,10.0,28.0]])"),
            std::string::npos)
      << line;
}

TEST(JsonLine, NeedsNoCoreWithoutMasks) {
  const std::string line =
      JsonLine({.masks = MaskForm::kNone}, nullptr, 0, 0, RecordOf(Square(), ""));
  EXPECT_EQ(line.find("segmentation"), std::string::npos);
  EXPECT_EQ(line.find("label"), std::string::npos);
  EXPECT_NE(line.find("\"area\":64"), std::string::npos);
}

TEST(JsonLine, SaysWhatIsPredictedOnlyWhereItIs) {
  sam2::Object object = Square();
  EXPECT_EQ(JsonLine({}, &OpenCore(), 0, 0, RecordOf(object, "")).find("predicted"),
            std::string::npos);
  object.predicted = true;
  EXPECT_NE(JsonLine({}, &OpenCore(), 0, 0, RecordOf(object, "")).find(R"("predicted":true)"),
            std::string::npos);
}

TEST(JsonLine, NeverHoldsWhatIsNotJson) {
  sam2::Object object;
  object.id = 1;
  object.state = sam2::ObjectState::kOccluded;
  object.score = std::numeric_limits<float>::quiet_NaN();
  object.iou = -std::numeric_limits<float>::infinity();
  const std::string line = JsonLine({.masks = MaskForm::kNone}, nullptr, 0, GST_CLOCK_TIME_NONE,
                                    RecordOf(object, "\xff \" \n \x01"));
  const auto json = nlohmann::json::parse(line);
  EXPECT_TRUE(json["pts"].is_null());
  EXPECT_EQ(json["objects"][0]["score"], 0);
  EXPECT_EQ(json["objects"][0]["iou"], 0);
  EXPECT_FALSE(json["objects"][0].contains("bbox"));
  EXPECT_EQ(line.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace gstsam2
