// SPDX-License-Identifier: Apache-2.0
//
// The elements with the real core and the built-in model.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "mask_overlap.h"
#include "pipeline_support.h"
#include "support.h"

namespace gstsam2::testing {
namespace {

using nlohmann::json;

// A white ball on black ground, 40 pixels wide, at (142, 102) on the first frame.
std::string Ball(int frames, const std::string& format) {
  return "videotestsrc pattern=ball num-buffers=" + std::to_string(frames) +
         " ! video/x-raw,format=" + format + ",width=320,height=240,framerate=30/1 ! ";
}

sam2::Box ToBox(const json& bbox) {
  return {bbox[0].get<float>(), bbox[1].get<float>(), bbox[0].get<float>() + bbox[2].get<float>(),
          bbox[1].get<float>() + bbox[3].get<float>()};
}

// Where the ball is on a frame: the test source moves it 4 pixels a frame, both ways.
sam2::Box BallAt(int frame) {
  const float offset = 4.F * static_cast<float>(frame);
  return {142 + offset, 102 + offset, 180 + offset, 140 + offset};
}

class RealCore : public ::testing::Test {
 protected:
  std::string Path() const { return (folder_.path() / "out.jsonl").string(); }
  std::vector<Message> Run(const std::string& pipeline) {
    return RunPipeline(pipeline + Path());
  }
  TemporaryFolder folder_;
};

class RealCoreFormats : public RealCore, public ::testing::WithParamInterface<const char*> {};

TEST_P(RealCoreFormats, FollowTheBall) {
  const auto messages = Run(Ball(8, GetParam()) +
                            "sam2track box=\"142,102,38,38\" ! sam2jsonenc ! filesink location=");
  ASSERT_EQ(messages.back().type, GST_MESSAGE_EOS) << messages.back().text;
  const auto lines = ReadLines(Path());
  ASSERT_EQ(lines.size(), 8U);
  for (int frame = 0; frame < 8; ++frame) {
    const json& object = lines[frame]["objects"].at(0);
    EXPECT_EQ(object["state"], "tracked");
    // A pixel more on each side, a fifth of one of the mask's, is 0.8.
    EXPECT_GT(Iou(ToBox(object["bbox"]), BallAt(frame)), 0.75F) << lines[frame];
    EXPECT_NEAR(object["area"].get<double>(), 1130, 200);
    EXPECT_EQ(object["segmentation"]["size"], json({240, 320}));
    EXPECT_FALSE(object["segmentation"]["counts"].get<std::string>().empty());
  }
}

INSTANTIATE_TEST_SUITE_P(Some, RealCoreFormats, ::testing::Values("I420", "BGRx", "GRAY8"));

TEST_F(RealCore, StartsOnALaterFrameAndWritesPolygons) {
  const std::string prompts = folder_.Write(
      "p.jsonl", "{\"frame\": 2, \"id\": 5, \"label\": \"ball\", \"points\": [[169, 129, 1]]}\n");
  const auto messages = Run(Ball(5, "NV12") + "sam2track prompts-location=" + prompts +
                            " ! sam2overlay ! sam2jsonenc masks=polygon ! filesink location=");
  ASSERT_EQ(messages.back().type, GST_MESSAGE_EOS) << messages.back().text;
  const auto lines = ReadLines(Path());
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_TRUE(lines[0]["objects"].empty());
  EXPECT_TRUE(lines[1]["objects"].empty());
  for (int frame = 2; frame < 5; ++frame) {
    const json& object = lines[frame]["objects"].at(0);
    EXPECT_EQ(object["id"], 5);
    EXPECT_EQ(object["label"], "ball");
    ASSERT_FALSE(object["segmentation"].empty());
    EXPECT_GE(object["segmentation"][0].size(), 6U);
    EXPECT_EQ(object["segmentation"][0].size() % 2, 0U);
  }
}

TEST_F(RealCore, KeepsTheBallWhenTheSizeChanges) {
  const std::string small = "video/x-raw,format=RGB,width=320,height=240,framerate=30/1";
  const std::string large = "video/x-raw,format=RGB,width=640,height=480,framerate=30/1";
  ElementHarness harness("sam2track", {{"box", "142,102,40,40"}}, small);
  std::optional<ObjectsRecord> record;
  for (int i = 0; i < 3; ++i) {
    const Buffer out =
        harness.Process(MakeFrame(small, i * 40 * GST_MSECOND, {{142, 102, 40, 40}}));
    record = ReadObjects(out.get());
  }
  ASSERT_TRUE(record && record->objects.at(0).box);
  harness.SetCaps(large);
  const Buffer out = harness.Process(MakeFrame(large, GST_SECOND, {{284, 204, 80, 80}}));
  record = ReadObjects(out.get());
  ASSERT_TRUE(record && record->objects.at(0).box);
  const Rect& box = *record->objects[0].box;
  EXPECT_GT(Iou(sam2::Box{static_cast<float>(box.x), static_cast<float>(box.y),
                 static_cast<float>(box.x + box.width), static_cast<float>(box.y + box.height)},
                {284, 204, 364, 284}),
            0.7F);
}

TEST_F(RealCore, RefusesWhatTheTrackerCannotUse) {
  const std::string prompts = folder_.Write("p.jsonl",
                                            "{\"id\": 3, \"box\": [142, 102, 38, 38]}\n"
                                            "{\"frame\": 1, \"id\": 9, \"action\": \"remove\"}\n"
                                            "{\"frame\": 1, \"id\": 3, \"action\": \"undo\"}\n"
                                            "{\"frame\": 2, \"id\": 3, \"action\": \"accept\"}\n");
  const auto messages = Run(Ball(3, "I420") + "sam2track prompts-location=" + prompts +
                            " ! sam2jsonenc ! filesink location=");
  EXPECT_EQ(messages.back().type, GST_MESSAGE_EOS);
  const auto warnings = Only(messages, GST_MESSAGE_WARNING);
  ASSERT_EQ(warnings.size(), 3U);  // undo and accept are for stills
  EXPECT_EQ(ReadLines(Path()).back()["objects"].size(), 1U);
  EXPECT_NE(warnings[0].text.find("p.jsonl:2"), std::string::npos) << warnings[0].text;
}

// Bytes of this process in memory.
std::int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t size = 0, resident = 0;
  file >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

// How much memory starting an element takes, which goes on running.
std::int64_t BytesToStart(std::vector<std::unique_ptr<ElementHarness>>& elements,
                          const std::string& image_size) {
  const std::int64_t before = ResidentBytes();
  elements.push_back(std::make_unique<ElementHarness>(
      "sam2track", ElementHarness::Properties{{"image-size", image_size}, {"device", "cpu"}},
      VideoCaps("RGB", 64, 64)));
  return ResidentBytes() - before;
}

TEST_F(RealCore, ElementsThatAskForTheSameShareTheWeights) {
  const auto weights = static_cast<std::int64_t>(std::filesystem::file_size(
      std::filesystem::path(g_getenv("GST_SAM2_MODEL_PATH")) / "builtin" / "builtin.safetensors"));
  std::vector<std::unique_ptr<ElementHarness>> elements;
  BytesToStart(elements, "256");
  std::int64_t further = 0;
  for (int i = 0; i < 8; ++i) further += BytesToStart(elements, "256");
  EXPECT_LT(further, weights / 4);  // all eight together
}

TEST_F(RealCore, EightStreamsGiveWhatOneGives) {
  const auto lines_of = [&](int streams) {
    std::string pipeline;
    for (int i = 0; i < streams; ++i) {
      pipeline += Ball(6, "I420") +
                  "sam2track image-size=256 box=\"142,102,38,38\" ! sam2jsonenc masks=none ! "
                  "filesink location=" + Path() + std::to_string(i) + " ";
    }
    EXPECT_EQ(RunPipeline(pipeline).back().type, GST_MESSAGE_EOS);
    std::vector<std::vector<json>> lines;
    for (int i = 0; i < streams; ++i) lines.push_back(ReadLines(Path() + std::to_string(i)));
    return lines;
  };
  const std::vector<json> alone = lines_of(1)[0];
  ASSERT_EQ(alone.size(), 6U);
  for (const std::vector<json>& lines : lines_of(8)) {
    ASSERT_EQ(lines.size(), 6U);
    for (std::size_t i = 0; i < 6; ++i) {
      EXPECT_GT(Iou(ToBox(lines[i]["objects"].at(0)["bbox"]),
                    ToBox(alone[i]["objects"].at(0)["bbox"])),
                0.95F);
    }
  }
}

TEST_F(RealCore, EndsBeforeAnyFrame) {
  const auto messages =
      RunPipeline(Ball(5, "I420") + "identity eos-after=1 ! sam2track ! fakesink");
  EXPECT_EQ(messages.back().type, GST_MESSAGE_EOS);
}

// ---------------------------------------------------------------- errors

TEST_F(RealCore, NamesADamagedCheckpoint) {
  std::ifstream file(std::filesystem::path(g_getenv("GST_SAM2_MODEL_PATH")) / "builtin" /
                         "builtin.safetensors",
                     std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(file)), {});
  ASSERT_GT(whole.size(), 100'000U);
  const std::vector<std::pair<std::string, std::string>> files = {
      {"empty.safetensors", ""},
      {"empty.pt", ""},
      {"text.safetensors", "this is no checkpoint, only some text"},
      {"text.pt", "this is no checkpoint, only some text"},
      {"truncated.safetensors", whole.substr(0, whole.size() / 2)}};
  for (const auto& [name, content] : files) {
    const Message error = StartError("sam2track", {{"model", folder_.Write(name, content)}});
    EXPECT_EQ(error.domain, GST_LIBRARY_ERROR) << error.text;
    EXPECT_EQ(error.code, GST_LIBRARY_ERROR_SETTINGS) << error.text;
    EXPECT_NE(error.text.find(name), std::string::npos) << error.text;
  }
}

TEST_F(RealCore, NamesAMissingGpu) {
  if (std::filesystem::exists("/dev/nvidia0")) GTEST_SKIP() << "this machine has a GPU";
  const Message error = StartError("sam2track", {{"device", "cuda"}});
  EXPECT_EQ(error.domain, GST_LIBRARY_ERROR) << error.text;
  EXPECT_EQ(error.code, GST_LIBRARY_ERROR_INIT) << error.text;
  EXPECT_NE(error.text.find("cuda"), std::string::npos) << error.text;
}

TEST_F(RealCore, NamesADeviceThatDoesNotExist) {
  const Message error = StartError("sam2track", {{"device", "toaster"}});
  EXPECT_EQ(error.domain, GST_RESOURCE_ERROR) << error.text;
  EXPECT_EQ(error.code, GST_RESOURCE_ERROR_SETTINGS) << error.text;
  EXPECT_NE(error.text.find("toaster"), std::string::npos) << error.text;
}

TEST_F(RealCore, NamesAnImageSizeThatCannotBe) {
  const Message error = StartError("sam2track", {{"image-size", "17"}});
  EXPECT_EQ(error.code, GST_RESOURCE_ERROR_SETTINGS) << error.text;
  EXPECT_NE(error.text.find("17"), std::string::npos) << error.text;
}

TEST_F(RealCore, NamesASearchWindowThatCannotBe) {
  for (const char* element : {"sam2segment", "sam2track"}) {
    const Message error = StartError(element, {{"search-window", "0.5"}});
    EXPECT_EQ(error.code, GST_RESOURCE_ERROR_SETTINGS) << error.text;
    EXPECT_NE(error.text.find("search-window 0.5: allowed are 0 and 1 to 10"), std::string::npos)
        << error.text;
  }
}

}  // namespace
}  // namespace gstsam2::testing
