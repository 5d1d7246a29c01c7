// SPDX-License-Identifier: Apache-2.0
#include "prompts.h"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

#include "errors.h"
#include "support.h"

namespace gstsam2 {
namespace {

using testing::TemporaryFolder;

// The text of the exception that `function` throws.
template <typename Exception, typename Function>
std::string WhatOf(Function function) {
  try {
    function();
  } catch (const Exception& error) {
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

std::string LineError(const std::string& line) {
  return WhatOf<std::invalid_argument>([&] { ParsePromptLine(line); });
}

// ------------------------------------------------------------ box

TEST(ParseBoxes, ReadsOneAndSeveral) {
  const auto one = ParseBoxes("10,20,30,40");
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].prompt.box->x0, 10);
  EXPECT_EQ(one[0].prompt.box->y0, 20);
  EXPECT_EQ(one[0].prompt.box->x1, 40);
  EXPECT_EQ(one[0].prompt.box->y1, 60);
  EXPECT_EQ(one[0].frame, 0U);
  EXPECT_EQ(one[0].prompt.action, sam2::PromptAction::kAdd);

  const auto two = ParseBoxes(" 1.5 , -2 , 3 , 4 ; 5,6,7,8 ");
  ASSERT_EQ(two.size(), 2U);
  EXPECT_FLOAT_EQ(two[0].prompt.box->x0, 1.5F);
  EXPECT_FLOAT_EQ(two[0].prompt.box->y0, -2);
  EXPECT_FLOAT_EQ(two[1].prompt.box->y1, 14);
}

class BadBox : public ::testing::TestWithParam<const char*> {};

TEST_P(BadBox, IsRefusedWithItsTextAndWhatIsAllowed) {
  const std::string what = WhatOf<ElementError>([&] { ParseBoxes(GetParam()); });
  EXPECT_NE(what.find("box: "), std::string::npos) << what;
  EXPECT_NE(what.find("x,y,width,height"), std::string::npos) << what;
}

INSTANTIATE_TEST_SUITE_P(Texts, BadBox,
                         ::testing::Values("1,2,3", "1,2,3,4,5", "a,b,c,d", "1,2,3,4;", ";1,2,3,4",
                                           "1,2,,4", "1 2 3 4", "1,2,3,4x", "nan,0,1,1",
                                           "inf,0,1,1", "1e30,0,1,1", "0x10,1,1,1", "[1,2,3,4]",
                                           " "));

// ------------------------------------------------------------ one line

TEST(ParsePromptLine, ReadsEveryKey) {
  const PromptRequest request = ParsePromptLine(
      R"({"frame": 7, "id": 3, "label": "dog", "box": [1, 2, 3.5, 4], )"
      R"("points": [[5, 6, 1], [7, 8, 0]], "action": "refine"})");
  EXPECT_EQ(request.frame, 7U);
  EXPECT_FALSE(request.pts.has_value());
  EXPECT_EQ(request.prompt.id, 3);
  EXPECT_EQ(request.label, "dog");
  EXPECT_FLOAT_EQ(request.prompt.box->x1, 4.5F);
  ASSERT_EQ(request.prompt.points.size(), 2U);
  EXPECT_TRUE(request.prompt.points[0].positive);
  EXPECT_FALSE(request.prompt.points[1].positive);
  EXPECT_EQ(request.prompt.action, sam2::PromptAction::kRefine);
}

TEST(ParsePromptLine, ReadsPtsAndRemove) {
  const PromptRequest request =
      ParsePromptLine(R"({"pts": 18446744073709551614, "id": 1, "action": "remove"})");
  EXPECT_EQ(request.pts, 18446744073709551614U);
  EXPECT_EQ(request.prompt.action, sam2::PromptAction::kRemove);
}

TEST(ParsePromptLine, DefaultsToANewObjectOnTheNextFrame) {
  const PromptRequest request = ParsePromptLine(R"({"points": [[1, 2, 1]]})");
  EXPECT_FALSE(request.frame || request.pts);
  EXPECT_EQ(request.prompt.id, 0);
  EXPECT_EQ(request.prompt.action, sam2::PromptAction::kAdd);
}

struct BadLine {
  const char* line;
  const char* reason;  // part of the message
};

class BadLines : public ::testing::TestWithParam<BadLine> {};

TEST_P(BadLines, NameTheReason) {
  const std::string what = LineError(GetParam().line);
  EXPECT_NE(what.find(GetParam().reason), std::string::npos) << what;
}

INSTANTIATE_TEST_SUITE_P(
    Lines, BadLines,
    ::testing::Values(
        BadLine{"{", "not JSON at character"}, BadLine{"nonsense", "not JSON at character"},
        BadLine{"{\"box\": [1,2,3,4]} x", "not JSON at character"},
        BadLine{"\xff\xfe", "not JSON at character"}, BadLine{"[1,2,3,4]", "not a JSON object"},
        BadLine{"null", "not a JSON object"}, BadLine{"{}", "a box or points are missing"},
        BadLine{R"({"boxes": [1,2,3,4]})", "unknown key \"boxes\""},
        BadLine{R"({"box": [1,2,3]})", "box must be [x, y, width, height]"},
        BadLine{R"({"box": [1,2,3,"4"]})", "must be a number"},
        BadLine{R"({"box": [1,2,3,null]})", "must be a number"},
        BadLine{R"({"box": [1e300,2,3,4]})", "too large"},
        BadLine{R"({"box": [1e999,0,1,1]})", "not JSON: "},
        BadLine{R"({"box": "1,2,3,4"})", "box must be"},
        BadLine{R"({"points": []})", "points must be"},
        BadLine{R"({"points": [1,2,1]})", "a point must be"},
        BadLine{R"({"points": [[1,2]]})", "a point must be"},
        BadLine{R"({"points": [[1,2,2]]})", "a point must be"},
        BadLine{R"({"box": [1,2,3,4], "id": 0})", "id must be"},
        BadLine{R"({"box": [1,2,3,4], "id": -1})", "id must be"},
        BadLine{R"({"box": [1,2,3,4], "id": 1.5})", "id must be"},
        BadLine{R"({"box": [1,2,3,4], "id": 99999999999})", "id must be"},
        BadLine{R"({"box": [1,2,3,4], "id": 500000001})", "id must be"},
        BadLine{R"({"box": [1,2,3,4], "id": "1"})", "id must be"},
        BadLine{R"({"box": [1,2,3,4], "frame": -1})", "frame must be"},
        BadLine{R"({"box": [1,2,3,4], "frame": 1.5})", "frame must be"},
        BadLine{R"({"box": [1,2,3,4], "pts": "0"})", "pts must be"},
        BadLine{R"({"box": [1,2,3,4], "frame": 0, "pts": 0})", "exclude each other"},
        BadLine{R"({"box": [1,2,3,4], "label": 5})", "label must be text"},
        BadLine{R"({"box": [1,2,3,4], "action": "jump"})", "action must be"},
        BadLine{R"({"box": [1,2,3,4], "action": "refine"})", "an id is missing"},
        BadLine{R"({"action": "remove"})", "an id is missing"},
        BadLine{R"({"id": 1, "box": [1,2,3,4], "action": "remove"})", "no box and no points"}));

// ------------------------------------------------------------ file

TEST(ReadPromptsFile, ReadsLinesInOrder) {
  const TemporaryFolder folder;
  const std::string path = folder.Write("p.jsonl",
                                        "{\"box\": [1,2,3,4]}\n\n  \t\r\n"
                                        "{\"frame\": 5, \"id\": 1, \"action\": \"remove\"}\r\n"
                                        "{\"frame\": 9, \"id\": 1, \"box\": [5,6,7,8]}");
  const auto requests = ReadPromptsFile(path);
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[0].frame, 0U);
  EXPECT_EQ(requests[1].frame, 5U);
  EXPECT_EQ(requests[2].source, path + ":5");
}

TEST(ReadPromptsFile, NamesTheBrokenLine) {
  const TemporaryFolder folder;
  const std::string path =
      folder.Write("p.jsonl", "{\"box\": [1,2,3,4]}\n\n{\"box\": [1,2,3]}\n");
  const std::string what = WhatOf<ElementError>([&] { ReadPromptsFile(path); });
  EXPECT_EQ(what.find(path + ":3: box must be"), 0U) << what;
}

TEST(ReadPromptsFile, NamesTheLineOfANumberTooLargeForAnyType) {
  const TemporaryFolder folder;
  const std::string path = folder.Write("p.jsonl", "\n{\"frame\": 1e999, \"box\": [1,2,3,4]}\n");
  const std::string what = WhatOf<ElementError>([&] { ReadPromptsFile(path); });
  EXPECT_EQ(what.find(path + ":2: not JSON: "), 0U) << what;
}

TEST(ReadPromptsFile, NamesTheLineOfAnIdUsedTwice) {
  const TemporaryFolder folder;
  const std::string path = folder.Write(
      "p.jsonl",
      "{\"id\": 4, \"box\": [1,2,3,4]}\n{\"frame\": 2, \"id\": 4, \"box\": [1,2,3,4]}\n");
  const std::string what = WhatOf<ElementError>([&] { ReadPromptsFile(path); });
  EXPECT_NE(what.find(":2: id 4 was given to an object in line 1"), std::string::npos) << what;
}

TEST(ReadPromptsFile, TellsAMissingFileFromAnUnreadableOne) {
  try {
    ReadPromptsFile("/nowhere/p.jsonl");
    ADD_FAILURE();
  } catch (const ElementError& error) {
    EXPECT_EQ(error.domain(), GST_RESOURCE_ERROR);
    EXPECT_EQ(error.code(), GST_RESOURCE_ERROR_NOT_FOUND);
  }
  try {
    ReadPromptsFile("/");
    ADD_FAILURE();
  } catch (const ElementError& error) {
    EXPECT_EQ(error.code(), GST_RESOURCE_ERROR_OPEN_READ);
  }
}

// ------------------------------------------------------------ event

// <<x, y, positive>, ...>
GValue PointsValue(const std::vector<std::vector<double>>& points) {
  GValue list = G_VALUE_INIT;
  g_value_init(&list, GST_TYPE_ARRAY);
  for (const std::vector<double>& numbers : points) {
    GValue point = G_VALUE_INIT;
    g_value_init(&point, GST_TYPE_ARRAY);
    for (const double number : numbers) {
      GValue value = G_VALUE_INIT;
      g_value_init(&value, G_TYPE_DOUBLE);
      g_value_set_double(&value, number);
      gst_value_array_append_and_take_value(&point, &value);
    }
    gst_value_array_append_and_take_value(&list, &point);
  }
  return list;
}

TEST(ParsePromptStructure, ReadsArraysAndText) {
  GstStructure* arrays = gst_structure_from_string(
      "sam2-prompt, frame=(guint64)3, id=2, box=(double)<1,2,3,4>, label=cat;", nullptr);
  ASSERT_NE(arrays, nullptr);
  GValue points = PointsValue({{5, 6, 1}, {7, 8, 0}});
  gst_structure_take_value(arrays, "points", &points);
  const PromptRequest a = ParsePromptStructure(*arrays);
  gst_structure_free(arrays);
  EXPECT_EQ(a.frame, 3U);
  EXPECT_EQ(a.prompt.id, 2);
  EXPECT_FLOAT_EQ(a.prompt.box->y1, 6);
  ASSERT_EQ(a.prompt.points.size(), 2U);
  EXPECT_FALSE(a.prompt.points[1].positive);
  EXPECT_EQ(a.label, "cat");

  GstStructure* text = gst_structure_new("sam2-prompt", "box", G_TYPE_STRING, "1,2,3,4", "points",
                                         G_TYPE_STRING, "5,6,1;7,8,0", nullptr);
  const PromptRequest t = ParsePromptStructure(*text);
  gst_structure_free(text);
  EXPECT_FLOAT_EQ(t.prompt.box->x1, 4);
  EXPECT_EQ(t.prompt.points.size(), 2U);
}

TEST(ParsePromptStructure, RefusesWhatIsNotAPrompt) {
  for (const char* text :
       {"sam2-prompt;", "sam2-prompt, bax=\"1,2,3,4\";", "sam2-prompt, box=\"1,2,3\";",
        "sam2-prompt, box=\"1,2,3,4;5,6,7,8\";", "sam2-prompt, box=(fraction)1/2;",
        "sam2-prompt, points=\"1,2\";", "sam2-prompt, box=\"1,2,3,4\", id=0;",
        "sam2-prompt, box=\"1,2,3,4\", frame=-1;"}) {
    GstStructure* structure = gst_structure_from_string(text, nullptr);
    ASSERT_NE(structure, nullptr) << text;
    EXPECT_THROW(ParsePromptStructure(*structure), std::invalid_argument) << text;
    gst_structure_free(structure);
  }
}

// ------------------------------------------------------------ refusals

sam2::Prompt BoxPrompt(float x0, float y0, float x1, float y1) {
  sam2::Prompt prompt;
  prompt.box = sam2::Box{x0, y0, x1, y1};
  return prompt;
}

TEST(ReasonToRefuse, AcceptsWhatTouchesTheFrame) {
  EXPECT_EQ(ReasonToRefuse(BoxPrompt(0, 0, 10, 10), 100, 50), "");
  EXPECT_EQ(ReasonToRefuse(BoxPrompt(-1000, -1000, 2000, 2000), 100, 50), "");
  EXPECT_EQ(ReasonToRefuse(BoxPrompt(99, 49, 200, 200), 100, 50), "");
  EXPECT_EQ(ReasonToRefuse({}, 100, 50), "");
}

TEST(ReasonToRefuse, RefusesTheRest) {
  EXPECT_NE(ReasonToRefuse(BoxPrompt(5, 5, 5, 10), 100, 50).find("is empty"), std::string::npos);
  EXPECT_NE(ReasonToRefuse(BoxPrompt(5, 5, 1, 10), 100, 50).find("is empty"), std::string::npos);
  EXPECT_NE(ReasonToRefuse(BoxPrompt(100, 5, 120, 10), 100, 50).find("outside the frame"),
            std::string::npos);
  EXPECT_NE(ReasonToRefuse(BoxPrompt(5, -20, 9, 0), 100, 50).find("100x50"), std::string::npos);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NE(ReasonToRefuse(BoxPrompt(nan, 0, 1, 1), 100, 50), "");
  sam2::Prompt point;
  point.points = {{0, std::numeric_limits<float>::infinity(), true}};
  EXPECT_NE(ReasonToRefuse(point, 100, 50), "");
}

// ------------------------------------------------------------ signals and mouse

TEST(Requests, KeepTheIdThatWasSaid) {
  for (const int id : {-3, 1, kMaxId, kMaxId + 1, 1'500'000'000}) {
    EXPECT_EQ(RequestFor(id, sam2::PromptAction::kRemove, "test").prompt.id, id);
    for (const sam2::Prompt& prompt : {BoxRequest(id, 0, 0, 1, 1, nullptr, "test").prompt,
                                       PointRequest(id, {1, 2, true}, "test").prompt}) {
      EXPECT_EQ(prompt.id, id);
      EXPECT_EQ(prompt.action, sam2::PromptAction::kRefine) << id;
    }
  }
  EXPECT_EQ(BoxRequest(0, 0, 0, 1, 1, nullptr, "test").prompt.action, sam2::PromptAction::kAdd);
}

// ------------------------------------------------------------ PromptQueue

PromptRequest RequestAt(std::optional<std::uint64_t> frame, std::optional<GstClockTime> pts) {
  PromptRequest request;
  request.frame = frame;
  request.pts = pts;
  return request;
}

TEST(PromptQueue, GivesEachRequestOnce) {
  PromptQueue queue;
  queue.Add(RequestAt(2, {}));
  queue.Add(RequestAt({}, 50));
  queue.Add(RequestAt({}, {}));
  EXPECT_EQ(queue.Take(0, 0).requests.size(), 1U);   // the next frame
  EXPECT_EQ(queue.Take(1, 49).requests.size(), 0U);
  const auto due = queue.Take(2, 50).requests;
  ASSERT_EQ(due.size(), 2U);
  EXPECT_EQ(due[0].frame, 2U);  // in order of arrival
  EXPECT_EQ(queue.Take(3, 60).requests.size(), 0U);
  EXPECT_TRUE(queue.Rest().empty());
}

TEST(PromptQueue, WaitsForPtsOnFramesWithoutTime) {
  PromptQueue queue;
  queue.Add(RequestAt({}, 0));
  EXPECT_TRUE(queue.Take(0, GST_CLOCK_TIME_NONE).requests.empty());
  EXPECT_EQ(queue.Rest().size(), 1U);
}

TEST(PromptQueue, ChoosesIdsThatNobodyAsksFor) {
  PromptQueue queue;
  PromptRequest asks;
  asks.prompt.id = 5;
  queue.Add(std::vector<PromptRequest>{PromptRequest(), asks, PromptRequest()});
  const auto due = queue.Take(0, 0).requests;
  ASSERT_EQ(due.size(), 3U);
  EXPECT_EQ(due[0].prompt.id, 6);
  EXPECT_EQ(due[1].prompt.id, 5);
  EXPECT_EQ(due[2].prompt.id, 7);
  EXPECT_EQ(queue.Add(PromptRequest()), 8);
  EXPECT_EQ(queue.NewId(), 9);
}

TEST(PromptQueue, IdsOfOtherActionsStayFree) {
  PromptQueue queue;
  PromptRequest unknown;
  unknown.prompt.id = 77;
  for (const auto action : {sam2::PromptAction::kRemove, sam2::PromptAction::kRefine}) {
    unknown.prompt.action = action;
    EXPECT_EQ(queue.Add(unknown), 77);
    queue.Add(std::vector<PromptRequest>{unknown});
  }
  EXPECT_EQ(queue.NewId(), 1);
}

TEST(PromptQueue, ChoosesAnIdOnlyForANewObject) {
  PromptQueue queue;
  EXPECT_EQ(queue.Add(RequestFor(0, sam2::PromptAction::kRemove, "test")), 0);
  EXPECT_EQ(queue.Add(RequestFor(-3, sam2::PromptAction::kRefine, "test")), -3);
  EXPECT_EQ(queue.Add(RequestFor(0, sam2::PromptAction::kAdd, "test")), 1);
}

TEST(PromptQueue, IdsBeginAnewOnlyWhenTheyAreUsedUpAndNothingWaits) {
  PromptQueue queue;
  EXPECT_EQ(queue.Add(PromptRequest()), 1);
  queue.Take(0, 0);
  queue.RenewIds();
  PromptRequest last;
  last.prompt.id = kMaxId;
  queue.Add(last);
  queue.RenewIds();
  EXPECT_EQ(queue.NewId(), kMaxId + 1);
  queue.Take(1, 0);
  queue.RenewIds();
  EXPECT_EQ(queue.NewId(), 1);
  queue.RenewIds();
  EXPECT_EQ(queue.NewId(), 2);
}

TEST(PromptQueue, TakesBackOnlyTheLastId) {
  PromptQueue queue;
  EXPECT_EQ(queue.NewId(), 1);
  EXPECT_EQ(queue.NewId(), 2);
  queue.GiveBack(1);
  EXPECT_EQ(queue.NewId(), 3);
  queue.GiveBack(3);
  queue.GiveBack(2);
  EXPECT_EQ(queue.NewId(), 2);
}

TEST(PromptQueue, ResetDropsWhatWaitsAndSaysSoOnce) {
  PromptQueue queue;
  queue.Add(RequestAt({}, {}));
  queue.Reset();
  EXPECT_EQ(queue.Add(RequestAt({}, {})), 2);  // ids are not used again
  const auto due = queue.Take(0, 0);
  EXPECT_TRUE(due.reset);
  EXPECT_EQ(due.requests.size(), 1U);
  EXPECT_FALSE(queue.Take(1, 0).reset);
}

}  // namespace
}  // namespace gstsam2
