// SPDX-License-Identifier: Apache-2.0
#include "meta.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "mask_image.h"
#include "support.h"

namespace gstsam2 {
namespace {

using testing::Buffer;
using testing::PixelRect;

sam2::Object Square(int id, int x, int y, int side) {
  sam2::Object object;
  object.id = id;
  object.score = 0.5F;
  object.iou = 0.25F;
  object.mask = {.x = x, .y = y, .width = side, .height = side,
                 .pixels = std::vector<std::uint8_t>(static_cast<std::size_t>(side) * side, 255)};
  object.box = sam2::Box{static_cast<float>(x), static_cast<float>(y), static_cast<float>(x + side),
                         static_cast<float>(y + side)};
  return object;
}

ObjectsRecord RecordOf(sam2::Object object, const std::string& label = "dog") {
  ObjectsRecord record{.frame_width = 64, .frame_height = 48, .objects = {}};
  record.objects.push_back(MakeRecord(std::move(object), label));
  return record;
}

GstStructure* StructureOn(const Buffer& buffer) {
  GstCustomMeta* meta = gst_buffer_get_custom_meta(buffer.get(), kObjectsMetaName);
  return meta != nullptr ? gst_custom_meta_get_structure(meta) : nullptr;
}

std::vector<GstVideoRegionOfInterestMeta*> RoisOn(const Buffer& buffer) {
  std::vector<GstVideoRegionOfInterestMeta*> rois;
  gpointer state = nullptr;
  while (GstMeta* meta = gst_buffer_iterate_meta_filtered(
             buffer.get(), &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
    rois.push_back(reinterpret_cast<GstVideoRegionOfInterestMeta*>(meta));
  }
  return rois;
}

TEST(ObjectsMeta, IsWhatTheContractSays) {
  const Buffer buffer(gst_buffer_new());
  WriteObjects(buffer.get(), RecordOf(Square(3, 10, 20, 8)));
  // With GStreamer's own functions, as a program without this project's headers would.
  const GstStructure* structure = StructureOn(buffer);
  ASSERT_NE(structure, nullptr);
  int frame_width = 0, frame_height = 0;
  EXPECT_TRUE(gst_structure_get(structure, "frame-width", G_TYPE_INT, &frame_width, "frame-height",
                                G_TYPE_INT, &frame_height, nullptr));
  EXPECT_EQ(frame_width, 64);
  EXPECT_EQ(frame_height, 48);
  const GValue* objects = gst_structure_get_value(structure, "objects");
  ASSERT_EQ(gst_value_array_get_size(objects), 1U);
  const GstStructure* object = gst_value_get_structure(gst_value_array_get_value(objects, 0));
  int id = 0, cols = 0, rows = 0;
  double score = 0, iou = 0, x = 0, y = 0, width = 0, height = 0, mask_x = 0, mask_width = 0;
  GstBuffer* mask = nullptr;
  EXPECT_TRUE(gst_structure_get(object, "id", G_TYPE_INT, &id, "score", G_TYPE_DOUBLE, &score,
                                "iou", G_TYPE_DOUBLE, &iou, "x", G_TYPE_DOUBLE, &x, "y",
                                G_TYPE_DOUBLE, &y, "width", G_TYPE_DOUBLE, &width, "height",
                                G_TYPE_DOUBLE, &height, "mask", GST_TYPE_BUFFER, &mask, "mask-cols",
                                G_TYPE_INT, &cols, "mask-rows", G_TYPE_INT, &rows, "mask-x",
                                G_TYPE_DOUBLE, &mask_x, "mask-width", G_TYPE_DOUBLE, &mask_width,
                                nullptr));
  EXPECT_EQ(id, 3);
  EXPECT_STREQ(gst_structure_get_string(object, "label"), "dog");
  EXPECT_STREQ(gst_structure_get_string(object, "state"), "tracked");
  EXPECT_EQ(score, 0.5);
  EXPECT_EQ(iou, 0.25);
  EXPECT_EQ(x, 10);
  EXPECT_EQ(y, 20);
  EXPECT_EQ(width, 8);
  EXPECT_EQ(height, 8);
  EXPECT_EQ(mask_x, 10);
  EXPECT_EQ(mask_width, 8);
  EXPECT_EQ(cols * rows, 64);
  ASSERT_NE(mask, nullptr);
  EXPECT_EQ(gst_buffer_get_size(mask), 64U);
  gst_buffer_unref(mask);
}

TEST(ObjectsMeta, OmitsWhatAnUnseenObjectLacks) {
  const Buffer buffer(gst_buffer_new());
  sam2::Object object;
  object.id = 1;
  object.state = sam2::ObjectState::kLost;
  object.score = std::numeric_limits<float>::quiet_NaN();
  WriteObjects(buffer.get(), RecordOf(object, ""));
  const GValue* objects = gst_structure_get_value(StructureOn(buffer), "objects");
  const GstStructure* structure = gst_value_get_structure(gst_value_array_get_value(objects, 0));
  EXPECT_STREQ(gst_structure_get_string(structure, "state"), "lost");
  EXPECT_FALSE(gst_structure_has_field(structure, "label"));
  EXPECT_FALSE(gst_structure_has_field(structure, "x"));
  EXPECT_FALSE(gst_structure_has_field(structure, "mask"));
  EXPECT_TRUE(RoisOn(buffer).empty());
  EXPECT_EQ(ReadObjects(buffer.get())->objects[0].score, 0);
}

TEST(ObjectsMeta, ReadsWhatWasWritten) {
  const Buffer buffer(gst_buffer_new());
  WriteObjects(buffer.get(), RecordOf(Square(3, 10, 20, 8)));
  const auto record = ReadObjects(buffer.get());
  ASSERT_TRUE(record.has_value());
  ASSERT_EQ(record->objects.size(), 1U);
  const ObjectRecord& object = record->objects[0];
  EXPECT_EQ(object.id, 3);
  EXPECT_EQ(object.label, "dog");
  EXPECT_EQ(object.state, sam2::ObjectState::kTracked);
  EXPECT_EQ(object.box->width, 8);
  EXPECT_EQ(object.mask->cols, 8);
}

TEST(ObjectsMeta, IsReplacedByALaterElement) {
  const Buffer buffer(gst_buffer_new());
  gst_buffer_add_video_region_of_interest_meta(buffer.get(), "car", 1, 2, 3, 4);
  WriteObjects(buffer.get(), RecordOf(Square(3, 10, 20, 8)));
  WriteObjects(buffer.get(), RecordOf(Square(4, 1, 2, 5)));
  const auto record = ReadObjects(buffer.get());
  ASSERT_EQ(record->objects.size(), 1U);
  EXPECT_EQ(record->objects[0].id, 4);
  EXPECT_EQ(RoisOn(buffer).size(), 2U);  // the detector's stays
}

TEST(ObjectsMeta, BringsARegionOfInterestForEachBox) {
  const Buffer buffer(gst_buffer_new());
  WriteObjects(buffer.get(), RecordOf(Square(3, 10, 20, 8)));
  const auto rois = RoisOn(buffer);
  ASSERT_EQ(rois.size(), 1U);
  EXPECT_STREQ(g_quark_to_string(rois[0]->roi_type), "dog");
  EXPECT_EQ(rois[0]->id, 3);
  EXPECT_EQ(rois[0]->x, 10U);
  EXPECT_EQ(rois[0]->h, 8U);
  const GstStructure* param = gst_video_region_of_interest_meta_get_param(rois[0], "sam2");
  ASSERT_NE(param, nullptr);
  EXPECT_STREQ(gst_structure_get_string(param, "state"), "tracked");
}

TEST(ObjectsMeta, SurvivesCopies) {
  const Buffer buffer(gst_buffer_new());
  WriteObjects(buffer.get(), RecordOf(Square(3, 10, 20, 8)));
  const Buffer shallow(gst_buffer_copy(buffer.get()));
  const Buffer deep(gst_buffer_copy_deep(buffer.get()));
  for (const Buffer* copy : {&shallow, &deep}) {
    const auto record = ReadObjects(copy->get());
    ASSERT_TRUE(record.has_value());
    EXPECT_EQ(record->objects.at(0).mask->rect.y, 20);
  }
}

// Through one element; the objects that come out.
std::optional<ObjectsRecord> Through(const std::string& pipeline, const std::string& in_caps,
                                     const std::string& out_caps) {
  GstHarness* harness = gst_harness_new_parse(pipeline.c_str());
  gst_harness_set_src_caps_str(harness, in_caps.c_str());
  gst_harness_set_sink_caps_str(harness, out_caps.c_str());
  Buffer frame = testing::MakeFrame(in_caps, 0, {});
  WriteObjects(frame.get(), RecordOf(Square(3, 10, 20, 8)));
  gst_harness_push(harness, frame.release());
  const Buffer out(gst_harness_pull(harness));
  gst_harness_teardown(harness);
  return ReadObjects(out.get());
}

TEST(ObjectsMeta, CrossesVideoconvert) {
  const auto record = Through("videoconvert", testing::VideoCaps("RGB", 64, 48),
                              testing::VideoCaps("I420", 64, 48));
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->objects.at(0).box->x, 10);
}

TEST(ObjectsMeta, ScalesCoordinatesAndKeepsTheMasksPixels) {
  const auto record = Through("videoscale", testing::VideoCaps("RGB", 64, 48),
                              testing::VideoCaps("RGB", 128, 24));
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->frame_width, 128);
  EXPECT_EQ(record->frame_height, 24);
  const ObjectRecord& object = record->objects.at(0);
  EXPECT_EQ(object.box->x, 20);
  EXPECT_EQ(object.box->height, 4);
  EXPECT_EQ(object.mask->rect.width, 16);
  EXPECT_EQ(object.mask->cols, 8);
  const sam2::Mask mask = ToFrameMask(*object.mask, 128, 24);
  EXPECT_EQ(mask.x, 20);
  EXPECT_EQ(mask.width, 16);
  EXPECT_EQ(mask.height, 4);
}

// ------------------------------------------------------------ scaling

struct Scaling {
  const char* name;
  const char *from, *to;  // width, height, pixel aspect ratio
  PixelRect bright;
};

std::string GrayCaps(const std::string& shape) {
  return "video/x-raw,format=GRAY8,framerate=25/1," + shape;
}

// A bright rectangle with our object on it, labelled "dog", and a detector's "car"
// on it, through videoscale.
Buffer Scaled(const Scaling& scaling, const std::string& properties = "") {
  GstHarness* harness = gst_harness_new_parse(("videoscale " + properties).c_str());
  gst_harness_set_src_caps_str(harness, GrayCaps(scaling.from).c_str());
  gst_harness_set_sink_caps_str(harness, GrayCaps(scaling.to).c_str());
  const PixelRect& bright = scaling.bright;
  Buffer frame = testing::MakeFrame(GrayCaps(scaling.from), 0, {bright});
  gst_buffer_add_video_region_of_interest_meta(frame.get(), "car", bright.x, bright.y,
                                               bright.width, bright.height);
  sam2::Object object = Square(3, bright.x, bright.y, bright.width);
  object.box->y1 = static_cast<float>(bright.y + bright.height);
  ObjectsRecord record = RecordOf(std::move(object));
  GstVideoInfo info;
  g_autoptr(GstCaps) caps = gst_caps_from_string(GrayCaps(scaling.from).c_str());
  gst_video_info_from_caps(&info, caps);
  record.frame_width = info.width;
  record.frame_height = info.height;
  WriteObjects(frame.get(), std::move(record));
  gst_harness_push(harness, frame.release());
  Buffer out(gst_harness_pull(harness));
  gst_harness_teardown(harness);
  return out;
}

// The corners of what is bright on a GRAY8 frame.
sam2::Box BrightOn(GstBuffer* buffer, const std::string& caps_text) {
  GstVideoInfo info;
  g_autoptr(GstCaps) caps = gst_caps_from_string(caps_text.c_str());
  gst_video_info_from_caps(&info, caps);
  GstVideoFrame frame;
  EXPECT_TRUE(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
  sam2::Box box = {1e6F, 1e6F, 0, 0};
  for (int y = 0; y < info.height; ++y) {
    const auto* row = static_cast<const guint8*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0)) +
                      y * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
    for (int x = 0; x < info.width; ++x) {
      if (row[x] < 126) continue;
      const auto left = static_cast<float>(x), top = static_cast<float>(y);
      box = {std::min(box.x0, left), std::min(box.y0, top), std::max(box.x1, left + 1),
             std::max(box.y1, top + 1)};
    }
  }
  gst_video_frame_unmap(&frame);
  return box;
}

class Scalings : public ::testing::TestWithParam<Scaling> {};

TEST_P(Scalings, KeepTheBoxWhereThePixelsAre) {
  const Buffer out = Scaled(GetParam());
  const auto record = ReadObjects(out.get());
  ASSERT_TRUE(record && record->objects.size() == 1);
  const Rect& box = *record->objects[0].box;
  const sam2::Box bright = BrightOn(out.get(), GrayCaps(GetParam().to));
  EXPECT_NEAR(box.x, bright.x0, 1);
  EXPECT_NEAR(box.y, bright.y0, 1);
  EXPECT_NEAR(box.x + box.width, bright.x1, 1);
  EXPECT_NEAR(box.y + box.height, bright.y1, 1);
  EXPECT_EQ(record->objects[0].mask->rect.x, box.x);
  EXPECT_EQ(record->objects[0].mask->rect.width, box.width);
}

TEST_P(Scalings, KeepOurRegionsOfInterestOnTheirObjects) {
  const Buffer out = Scaled(GetParam());
  const Rois rois = SortRois(out.get());
  ASSERT_EQ(rois.own.size(), 1U);
  ASSERT_EQ(rois.foreign.size(), 1U);
  EXPECT_STREQ(g_quark_to_string(rois.own[0]->roi_type), "dog");
  EXPECT_STREQ(g_quark_to_string(rois.foreign[0]->roi_type), "car");
  const sam2::Box bright = BrightOn(out.get(), GrayCaps(GetParam().to));
  EXPECT_NEAR(rois.own[0]->x, bright.x0, 1);
  EXPECT_NEAR(rois.own[0]->y, bright.y0, 1);
  EXPECT_NEAR(rois.own[0]->x + rois.own[0]->w, bright.x1, 1);
  EXPECT_NEAR(rois.own[0]->y + rois.own[0]->h, bright.y1, 1);
  WriteObjects(out.get(), {.frame_width = 64, .frame_height = 48, .objects = {}});
  EXPECT_EQ(RoisOn(out).size(), 1U);  // the detector's
}

const Scaling kScalings[] = {
    {"Same", "width=640,height=480", "width=640,height=480", {101, 51, 200, 100}},
    {"Half", "width=640,height=480", "width=320,height=240", {101, 51, 201, 99}},
    {"OddHalf", "width=64,height=48", "width=32,height=24", {11, 21, 9, 9}},
    {"Thrice", "width=64,height=48", "width=192,height=144", {11, 21, 9, 9}},
    {"Pillars", "width=640,height=480,pixel-aspect-ratio=1/1",
     "width=1280,height=720,pixel-aspect-ratio=1/1", {101, 51, 200, 100}},
    {"Letterbox", "width=640,height=360,pixel-aspect-ratio=1/1",
     "width=320,height=320,pixel-aspect-ratio=1/1", {101, 51, 200, 100}},
    {"BorderOfAPixel", "width=640,height=480,pixel-aspect-ratio=1/1",
     "width=333,height=250,pixel-aspect-ratio=1/1", {101, 51, 200, 100}},
    {"WidePixelsToSquareOnes", "width=720,height=576,pixel-aspect-ratio=16/15",
     "width=1024,height=576,pixel-aspect-ratio=1/1", {101, 51, 200, 100}},
    {"SquarePixelsToWideOnes", "width=640,height=480,pixel-aspect-ratio=1/1",
     "width=320,height=480,pixel-aspect-ratio=2/1", {101, 51, 200, 100}}};

INSTANTIATE_TEST_SUITE_P(Of, Scalings, ::testing::ValuesIn(kScalings),
                         [](const auto& info) { return info.param.name; });

TEST(ScaledMeta, OfTheSameShapeIsOnlyMultiplied) {
  for (const Scaling& scaling : {kScalings[1], kScalings[8]}) {
    const Buffer out = Scaled(scaling);
    const Rect box = *ReadObjects(out.get())->objects[0].box;
    EXPECT_EQ(box.x, 50.5);
    EXPECT_EQ(box.width, scaling.bright.width / 2.0);
  }
}

// What it cannot know: as documented.
TEST(ScaledMeta, IsWrongWhereBordersAreSwitchedOff) {
  const Scaling& pillars = kScalings[4];
  const Buffer out = Scaled(pillars, "add-borders=false");
  EXPECT_NEAR(BrightOn(out.get(), GrayCaps(pillars.to)).x0, 2 * 101, 1);
  EXPECT_NEAR(ReadObjects(out.get())->objects[0].box->x, 160 + 1.5 * 101, 1e-9);
}

TEST(SortRois, WhatLiesOnAnObjectIsOursOnlyByIdAndType) {
  const Buffer buffer(gst_buffer_new());
  WriteObjects(buffer.get(), RecordOf(Square(3, 10, 20, 8)));
  const auto add = [&](const char* type, guint x, int id) {
    auto* roi = gst_buffer_add_video_region_of_interest_meta(buffer.get(), type, x, 20, 8, 8);
    roi->id = id;
  };
  EXPECT_EQ(SortRois(buffer.get()).foreign.size(), 0U);
  add("dog", 10, 4);
  add("car", 10, 3);
  add("dog", 11, 3);
  EXPECT_EQ(SortRois(buffer.get()).foreign.size(), 3U);
  add("dog", 10, 3);  // a conversion's copy
  EXPECT_EQ(SortRois(buffer.get()).foreign.size(), 3U);
  EXPECT_EQ(SortRois(buffer.get()).own.size(), 2U);
}

TEST(ObjectsMeta, IsDroppedWhereItWouldBeWrong) {
  EXPECT_FALSE(Through("videocrop left=8", testing::VideoCaps("RGB", 64, 48),
                       testing::VideoCaps("RGB", 56, 48)));
}

// ------------------------------------------------------------ damaged metas

Buffer WithStructure(const std::string& fields) {
  Buffer buffer(gst_buffer_new());
  GstCustomMeta* meta = gst_buffer_add_custom_meta(buffer.get(), kObjectsMetaName);
  GstStructure* in =
      gst_structure_from_string((std::string(kObjectsMetaName) + ", " + fields).c_str(), nullptr);
  if (in == nullptr) {
    ADD_FAILURE() << fields;
    return buffer;
  }
  GstStructure* out = gst_custom_meta_get_structure(meta);
  for (int i = 0; i < gst_structure_n_fields(in); ++i) {
    const char* name = gst_structure_nth_field_name(in, i);
    gst_structure_set_value(out, name, gst_structure_get_value(in, name));
  }
  gst_structure_free(in);
  return buffer;
}

TEST(DamagedMeta, WithoutAFrameSizeIsNone) {
  EXPECT_FALSE(ReadObjects(WithStructure("objects=<>;").get()));
  EXPECT_FALSE(ReadObjects(WithStructure("frame-width=0, frame-height=5;").get()));
  EXPECT_FALSE(ReadObjects(WithStructure("frame-width=a, frame-height=b;").get()));
  EXPECT_FALSE(ReadObjects(Buffer(gst_buffer_new()).get()));
}

TEST(DamagedMeta, LosesOnlyWhatIsDamaged) {
  const Buffer buffer = WithStructure(
      "frame-width=64, frame-height=48, objects=<"
      "(structure)\"object,id=1,state=tracked,x=(double)1e300,y=0.0,width=1.0,height=1.0\\;\","
      "(structure)\"object,id=2,state=asleep\\;\", (structure)\"object,id=0,state=lost\\;\","
      "(structure)\"object,id=5,state=tracked,mask-cols=1000000,mask-rows=1000000\\;\">;");
  const auto record = ReadObjects(buffer.get());
  ASSERT_TRUE(record.has_value());
  ASSERT_EQ(record->objects.size(), 2U);
  EXPECT_FALSE(record->objects[0].box);
  EXPECT_EQ(record->objects[1].id, 5);
  EXPECT_FALSE(record->objects[1].mask);
}

TEST(DamagedMeta, ScoresAreBetween0And1) {
  const Buffer buffer = WithStructure(
      "frame-width=64, frame-height=48, objects=<"
      "(structure)\"object,id=1,state=tracked,score=(double)1e308,iou=(double)-2\\;\","
      "(structure)\"object,id=2,state=tracked,score=(double)0.25,iou=1\\;\">;");
  const auto record = ReadObjects(buffer.get());
  ASSERT_TRUE(record && record->objects.size() == 2);
  EXPECT_EQ(record->objects[0].score, 1);
  EXPECT_EQ(record->objects[0].iou, 0);
  EXPECT_EQ(record->objects[1].score, 0.25);
  EXPECT_EQ(record->objects[1].iou, 1);
}

TEST(DamagedMeta, AMaskWithFewerBytesThanPixelsIsNone) {
  const Buffer buffer(gst_buffer_new());
  ObjectsRecord record = RecordOf(Square(3, 10, 20, 8));
  record.objects[0].mask->rows = 9;
  WriteObjects(buffer.get(), std::move(record));
  EXPECT_FALSE(ReadObjects(buffer.get())->objects.at(0).mask);
}

// ------------------------------------------------------------ mask_image

TEST(ToFrameMask, CutsAtTheFramesEdges) {
  const ObjectsRecord record = RecordOf(Square(1, 0, 0, 8));
  ObjectMask mask = std::move(const_cast<ObjectsRecord&>(record).objects[0].mask.value());
  mask.rect = {-4, 60, 16, 16};
  const sam2::Mask out = ToFrameMask(mask, 64, 64);
  EXPECT_EQ(out.x, 0);
  EXPECT_EQ(out.width, 12);
  EXPECT_EQ(out.height, 4);
  EXPECT_EQ(out.pixels.size(), 48U);
  mask.rect = {100, 0, 8, 8};
  EXPECT_TRUE(ToFrameMask(mask, 64, 64).empty());
}

TEST(FitToFrame, ScalesBoxesAndMasks) {
  ObjectsRecord record = RecordOf(Square(1, 8, 8, 8));
  FitToFrame(record, 128, 48);
  EXPECT_EQ(record.frame_width, 128);
  EXPECT_EQ(record.objects[0].box->x, 16);
  EXPECT_EQ(record.objects[0].box->y, 8);
  EXPECT_EQ(record.objects[0].mask->rect.width, 16);
}

}  // namespace
}  // namespace gstsam2
