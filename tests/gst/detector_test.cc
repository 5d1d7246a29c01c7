// SPDX-License-Identifier: Apache-2.0
//
// Detections of an element of Debian's GStreamer packages: OpenCV's face
// detector, on a drawn face that moves.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "pipeline_support.h"

namespace gstsam2::testing {
namespace {

// How bright a drawn face is at a place, 0..255; (0, 0) is its middle and 1 a
// little more than its width.
double FaceAt(double x, double y) {
  struct Part {
    double x, y, width, height, brightness;
  };
  static constexpr Part kParts[] = {
      {0, -.12, .36, .10, 150}, {-.17, -.12, .10, .05, 60},  {.17, -.12, .10, .05, 60},
      {-.17, -.21, .12, .03, 90}, {.17, -.21, .12, .03, 90}, {-.25, .10, .10, .10, 215},
      {.25, .10, .10, .10, 215},  {0, -.02, .05, .16, 225},  {0, .12, .07, .025, 130},
      {0, .27, .15, .04, 90}};
  const double head = std::clamp(1.2 - std::pow(x / .42, 2) - std::pow(y / .55, 2), 0.0, 1.0);
  double value = 40 + 160 * head;
  for (const Part& part : kParts) {
    const double weight = std::exp(-std::pow((x - part.x) / part.width, 2) -
                                   std::pow((y - part.y) / part.height, 2));
    value += (part.brightness - value) * weight;
  }
  return value;
}

TEST(Detector, FacesBecomeTracks) {
  GstElementFactory* factory = gst_element_factory_find("facedetect");
  if (factory == nullptr) GTEST_SKIP() << "Debian's gstreamer1.0-opencv is not installed";
  gst_object_unref(factory);
  const std::string cascade =
      "/usr/share/opencv4/haarcascades/haarcascade_frontalface_default.xml";
  if (!std::filesystem::exists(cascade)) GTEST_SKIP() << "Debian's opencv-data is not installed";

  constexpr int kFrames = 20, kFaceSize = 120, kWidth = 320, kHeight = 240;
  std::string raw;
  for (int frame = 0; frame < kFrames; ++frame) {
    for (int y = 0; y < kHeight; ++y) {
      for (int x = 0; x < kWidth; ++x) {
        const double value =
            FaceAt((x - 90.0 - 5 * frame) / kFaceSize, (y - 120.0) / kFaceSize);
        raw.append(3, static_cast<char>(std::lround(value)));
      }
    }
  }
  const TemporaryFolder folder;
  const std::string path = (folder.path() / "out.jsonl").string();
  const auto messages = RunPipeline(
      "filesrc location=" + folder.Write("face.rgb", raw) + " ! rawvideoparse format=rgb width=" +
      std::to_string(kWidth) + " height=" + std::to_string(kHeight) +
      " framerate=25/1 ! facedetect display=false nose-profile=" + cascade + " mouth-profile=" +
      cascade + " eyes-profile=" + cascade + " ! " + Track() +
      "probation=3 ! sam2jsonenc ! filesink location=" + path);
  ASSERT_EQ(messages.back().type, GST_MESSAGE_EOS) << messages.back().text;
  const auto lines = ReadLines(path);
  ASSERT_EQ(lines.size(), kFrames);
  EXPECT_TRUE(lines[1]["objects"].empty());  // on probation
  for (std::size_t i = 5; i < lines.size(); ++i) {
    ASSERT_EQ(lines[i]["objects"].size(), 1U) << lines[i];
    const auto& object = lines[i]["objects"][0];
    EXPECT_EQ(object["id"], 1);
    EXPECT_EQ(object["label"], "face");
    EXPECT_NEAR(object["bbox"][0].get<double>() + object["bbox"][2].get<double>() / 2,
                90.0 + 5.0 * static_cast<double>(i), 10);
  }
}

}  // namespace
}  // namespace gstsam2::testing
