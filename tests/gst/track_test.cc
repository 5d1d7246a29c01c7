// SPDX-License-Identifier: Apache-2.0
//
// sam2track against the fake core: what the element itself is answerable for.
#include <gtest/gtest.h>

#include <limits>
#include <sstream>

#include "tracker_harness.h"

namespace gstsam2::testing {
namespace {

// ---------------------------------------------------------------- prompts

TEST(Sam2Track, FollowsTheBoxOfTheFirstFrame) {
  Tracker tracker(Props{{"box", "40,30,20,20"}});
  for (int i = 0; i < 5; ++i) {
    const auto record = tracker.Track({{40 + 4 * i, 30, 20, 20}});
    ASSERT_EQ(IdsOf(record), Ids({1}));
    const ObjectRecord& object = record->objects[0];
    EXPECT_EQ(object.state, sam2::ObjectState::kTracked);
    EXPECT_EQ(object.box->x, 40 + 4 * i);
    EXPECT_EQ(object.box->width, 20);
    EXPECT_EQ(object.mask->cols, 20);
    EXPECT_FLOAT_EQ(object.score, 0.75);
  }
}

TEST(Sam2Track, FollowsSeveralBoxes) {
  Tracker tracker(Props{{"box", "40,30,20,20;100,60,16,16"}});
  const auto record = tracker.Track({kThing, kOther});
  ASSERT_EQ(IdsOf(record), Ids({1, 2}));
  EXPECT_EQ(record->objects[1].box->x, 100);
}

TEST(Sam2Track, PassesFramesBeforeAnyPromptUntouched) {
  Tracker tracker;
  Buffer frame = MakeFrame(kCaps, 0, {kThing});
  GstBuffer* same = frame.get();
  const Buffer out = tracker.Process(std::move(frame));
  EXPECT_EQ(out.get(), same);
  gpointer state = nullptr;
  EXPECT_EQ(gst_buffer_iterate_meta(out.get(), &state), nullptr);
  EXPECT_TRUE(tracker.Messages().empty());
}

TEST(Sam2Track, LeavesThePixelsAsTheyAre) {
  Tracker tracker(Props{{"box", "40,30,20,20"}});
  const Buffer expected = MakeFrame(kCaps, 0, {kThing});
  const Buffer out = tracker.ProcessFrame({kThing});
  GstMapInfo map;
  ASSERT_TRUE(gst_buffer_map(expected.get(), &map, GST_MAP_READ));
  EXPECT_EQ(gst_buffer_memcmp(out.get(), 0, map.data, map.size), 0);
  gst_buffer_unmap(expected.get(), &map);
}

TEST(Sam2Track, ReadsPromptsForAnyFrameFromAFile) {
  const TemporaryFolder folder;
  const std::string path = folder.Write(
      "p.jsonl",
      "{\"frame\": 1, \"id\": 7, \"label\": \"dog\", \"box\": [40, 30, 20, 20]}\n"
      "{\"pts\": 80000000, \"points\": [[105, 65, 1]]}\n"
      "{\"frame\": 3, \"id\": 7, \"action\": \"remove\"}\n");
  Tracker tracker(Props{{"prompts-location", path}});
  EXPECT_FALSE(tracker.Track({kThing, kOther}).has_value());
  const auto second = tracker.Track({kThing, kOther});
  ASSERT_EQ(IdsOf(second), Ids({7}));
  EXPECT_EQ(second->objects[0].label, "dog");
  EXPECT_EQ(IdsOf(tracker.Track({kThing, kOther})), Ids({7, 8}));
  EXPECT_EQ(IdsOf(tracker.Track({kThing, kOther})), Ids({8}));
  EXPECT_TRUE(tracker.Warnings().empty());
}

TEST(Sam2Track, TakesRegionsOfInterestAsPromptsOnce) {
  Tracker tracker;
  for (int i = 0; i < 3; ++i) {
    const auto record = tracker.Detect({kThing, kOther}, {kThing});
    ASSERT_EQ(IdsOf(record), Ids({1}));
    EXPECT_EQ(record->objects[0].label, "car");
  }
  EXPECT_EQ(IdsOf(tracker.Detect({kThing, kOther}, {kOther})), Ids({1, 2}));
}

TEST(Sam2Track, TakesRegionsOfTheFirstFrameOnlyWhenToldSo) {
  Tracker tracker(Props{{"prompt-policy", "first"}});
  EXPECT_FALSE(tracker.Track({kThing}).has_value());
  EXPECT_EQ(IdsOf(tracker.Detect({kThing, kOther}, {kThing})), Ids({1}));
  EXPECT_EQ(IdsOf(tracker.Detect({kThing, kOther}, {kOther})), Ids({1}));
}

TEST(Sam2Track, NeverTakesRegionsOfItsOwnKind) {
  Tracker first(Props{{"box", "40,30,20,20"}}), second;
  Buffer out = first.ProcessFrame({kThing});
  out = second.Process(std::move(out));
  EXPECT_EQ(IdsOf(ReadObjects(out.get())), Ids({1}));  // the first element's, as they were
  EXPECT_TRUE(second.Messages().empty());
}

TEST(Sam2Track, TakesPromptsFromEvents) {
  Tracker tracker;
  EXPECT_FALSE(tracker.Track({kThing, kOther}).has_value());
  EXPECT_TRUE(gst_harness_push_event(tracker.harness(),
                                     PromptEvent("box=(double)<40,30,20,20>, label=dog")));
  EXPECT_TRUE(gst_element_send_event(tracker.element(),
                                     PromptEvent("box=\"100,60,16,16\", frame=2")));
  EXPECT_EQ(IdsOf(tracker.Track({kThing, kOther})), Ids({1}));
  EXPECT_EQ(IdsOf(tracker.Track({kThing, kOther})), Ids({1, 2}));
  // The event was for this element.
  while (GstEvent* event = gst_harness_try_pull_event(tracker.harness())) {
    EXPECT_NE(GST_EVENT_TYPE(event), GST_EVENT_CUSTOM_DOWNSTREAM);
    gst_event_unref(event);
  }
}

TEST(Sam2Track, PassesOtherEventsOn) {
  Tracker tracker;
  gst_harness_push_event(tracker.harness(),
                         gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM,
                                              gst_structure_new_empty("other")));
  bool seen = false;
  while (GstEvent* event = gst_harness_try_pull_event(tracker.harness())) {
    seen |= gst_event_has_name(event, "other") != FALSE;
    gst_event_unref(event);
  }
  EXPECT_TRUE(seen);
}

TEST(Sam2Track, TakesPromptsFromSignals) {
  Tracker tracker;
  int first = 0, second = 0;
  g_signal_emit_by_name(tracker.element(), "add-box", 0, 40.0, 30.0, 20.0, 20.0, "dog", &first);
  g_signal_emit_by_name(tracker.element(), "add-point", 0, 105.0, 65.0, TRUE, &second);
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 2);
  const auto record = tracker.Track({kThing, kOther});
  ASSERT_EQ(IdsOf(record), Ids({1, 2}));
  EXPECT_EQ(record->objects[0].label, "dog");

  g_signal_emit_by_name(tracker.element(), "add-point", 1, 50.0, 40.0, FALSE, &first);
  EXPECT_EQ(first, 1);
  g_signal_emit_by_name(tracker.element(), "remove-object", 2);
  EXPECT_EQ(IdsOf(tracker.Track({kThing, kOther})), Ids({1}));

  g_signal_emit_by_name(tracker.element(), "reset");
  const auto empty = tracker.Track({kThing, kOther});
  ASSERT_TRUE(empty.has_value());
  EXPECT_TRUE(empty->objects.empty());
  EXPECT_TRUE(tracker.Warnings().empty());
}

// ---------------------------------------------------------------- refused prompts

struct Refusal {
  const char* box;
  const char* reason;
};

class RefusedBoxes : public ::testing::TestWithParam<Refusal> {};

TEST_P(RefusedBoxes, AreAWarningAndTheStreamGoesOn) {
  Tracker tracker(Props{{"box", GetParam().box}});
  EXPECT_FALSE(tracker.Track({kThing}).has_value());
  const auto warnings = tracker.Warnings();
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_EQ(warnings[0].domain, GST_RESOURCE_ERROR);
  EXPECT_EQ(warnings[0].code, GST_RESOURCE_ERROR_SETTINGS);
  EXPECT_TRUE(Contains(warnings[0].text, GetParam().reason)) << warnings[0].text;
  EXPECT_NE(tracker.ProcessFrame({kThing}), nullptr);
}

INSTANTIATE_TEST_SUITE_P(Boxes, RefusedBoxes,
                         ::testing::Values(Refusal{"40,30,0,20", "40,30,0,20 is empty"},
                                           Refusal{"40,30,20,-5", "40,30,20,-5 is empty"},
                                           Refusal{"160,30,20,20", "outside the frame"},
                                           Refusal{"-50,30,20,20", "160x120"}));

TEST(Sam2Track, CutsBoxesAtTheFramesEdges) {
  Tracker tracker(Props{{"box", "-1000,-1000,5000,5000"}});
  EXPECT_EQ(IdsOf(tracker.Track({kThing})), Ids({1}));
  EXPECT_TRUE(tracker.Warnings().empty());
}

TEST(Sam2Track, NamesWhatTheCoreRefuses) {
  const TemporaryFolder folder;
  const std::string path =
      folder.Write("p.jsonl", "{\"id\": 9, \"action\": \"refine\", \"box\": [1, 2, 3, 4]}\n");
  Tracker tracker(Props{{"prompts-location", path}});
  tracker.Track({kThing});
  const auto warnings = tracker.Warnings();
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_TRUE(Contains(warnings[0].text, path + ":1")) << warnings[0].text;
  EXPECT_TRUE(Contains(warnings[0].text, "there is no object 9")) << warnings[0].text;
}

TEST(Sam2Track, RefusesEventsThatAreNoPrompts) {
  Tracker tracker;
  for (const char* fields : {"box=\"1,2,3\"", "colour=red", "id=5", "action=jump"}) {
    gst_harness_push_event(tracker.harness(), PromptEvent(fields));
  }
  EXPECT_FALSE(tracker.Track({kThing}).has_value());
  EXPECT_EQ(tracker.Warnings().size(), 4U);
}

TEST(Sam2Track, RefusesSignalsWithoutSense) {
  Tracker tracker;
  int id = 0;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  g_signal_emit_by_name(tracker.element(), "add-box", 0, nan, 0.0, 5.0, 5.0, nullptr, &id);
  g_signal_emit_by_name(tracker.element(), "add-point", 77, 5.0, 5.0, TRUE, &id);
  g_signal_emit_by_name(tracker.element(), "remove-object", -3);
  EXPECT_FALSE(tracker.Track({kThing}).has_value());
  EXPECT_EQ(tracker.Warnings().size(), 3U);
}

TEST(Sam2Track, RefusalsNameTheIdThatWasSaid) {
  Tracker tracker;
  tracker.Send(PromptEvent("id=500000000, box=\"40,30,20,20\""));
  EXPECT_EQ(IdsOf(tracker.Track({kThing})), Ids({500'000'000}));
  int id = 0;
  g_signal_emit_by_name(tracker.element(), "add-point", 1'500'000'000, 5.0, 5.0, TRUE, &id);
  EXPECT_EQ(id, 1'500'000'000);
  EXPECT_EQ(tracker.AddBox(-3, kThing), -3);
  for (const int other : {0, -4}) {
    g_signal_emit_by_name(tracker.element(), "remove-object", other);
  }
  EXPECT_EQ(IdsOf(tracker.Track({kThing})), Ids({500'000'000}));  // none was added
  const auto warnings = tracker.Warnings();
  ASSERT_EQ(warnings.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    const std::string said[] = {"1500000000", "-3", "0", "-4"};
    EXPECT_TRUE(Contains(warnings[i].text, "no object " + said[i] + ".")) << warnings[i].text;
  }
}

TEST(Sam2Track, ChosenIdsAboveThoseThatMayBeAskedForCanBePrompted) {
  Tracker tracker;
  tracker.Send(PromptEvent("id=500000000, box=\"40,30,20,20\""));
  const int id = tracker.AddBox(0, kOther);
  EXPECT_EQ(id, 500'000'001);
  tracker.Track({kThing, kOther});
  EXPECT_EQ(tracker.AddBox(id, kOther), id);
  tracker.Track({kThing, kOther});
  g_signal_emit_by_name(tracker.element(), "remove-object", id);
  EXPECT_EQ(IdsOf(tracker.Track({kThing, kOther})), Ids({500'000'000}));
  EXPECT_TRUE(tracker.Warnings().empty());
}

TEST(Sam2Track, LabelsBecomeUtf8) {
  for (const auto& [said, kept] : std::vector<std::pair<std::string, std::string>>{
           {"caf\xe9", "caf\uFFFD"}, {"\u72d7 1", "\u72d7 1"}}) {
    Tracker tracker;
    int id = 0;
    g_signal_emit_by_name(tracker.element(), "add-box", 0, 40.0, 30.0, 20.0, 20.0, said.c_str(),
                          &id);
    const Buffer out = tracker.ProcessFrame({kThing});
    const auto record = ReadObjects(out.get());
    ASSERT_EQ(IdsOf(record), Ids({1}));
    EXPECT_EQ(record->objects[0].label, kept);
    const auto messages = Only(tracker.Messages(), GST_MESSAGE_ELEMENT);
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_TRUE(Contains(messages[0].content, "label=(string)")) << messages[0].content;
  }
}

TEST(Sam2Track, WarnsAboutFramesThatNeverCame) {
  const TemporaryFolder folder;
  const std::string path =
      folder.Write("p.jsonl", "\n{\"frame\": 900, \"box\": [40, 30, 20, 20]}\n");
  Tracker tracker(Props{{"prompts-location", path}});
  tracker.Track({kThing});
  EXPECT_TRUE(tracker.Warnings().empty());
  gst_harness_push_event(tracker.harness(), gst_event_new_eos());
  const auto warnings = tracker.Warnings();
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_TRUE(Contains(warnings[0].text, path + ":2")) << warnings[0].text;
  EXPECT_TRUE(Contains(warnings[0].text, "frame 900")) << warnings[0].text;
  EXPECT_TRUE(Contains(warnings[0].text, "after 1 frames")) << warnings[0].text;
}

TEST(Sam2Track, CountsFramesThatNeverCameInsteadOfNamingThemAll) {
  const TemporaryFolder folder;
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += "{\"frame\": 900, \"box\": [40, 30, 20, 20]}\n";
  Tracker tracker(Props{{"prompts-location", folder.Write("p.jsonl", lines)}});
  gst_harness_push_event(tracker.harness(), gst_event_new_eos());
  const auto warnings = tracker.Warnings();
  ASSERT_EQ(warnings.size(), 6U);
  EXPECT_TRUE(Contains(warnings.back().text, "95 more")) << warnings.back().text;
}

TEST(Sam2Track, RefusesOneObjectMoreThanAllowedOnceInWords) {
  Tracker tracker(Props{{"max-objects", "1"}});
  EXPECT_EQ(IdsOf(tracker.Detect({kThing, kOther}, {kThing})), Ids({1}));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(IdsOf(tracker.Detect({kThing, kOther}, {kOther})), Ids({1}));
  EXPECT_EQ(tracker.Warnings().size(), 1U);
  int id = 0;
  g_signal_emit_by_name(tracker.element(), "add-point", 0, 1.0, 1.0, TRUE, &id);
  EXPECT_EQ(id, 2);  // the refused ones used none up
}

// ---------------------------------------------------------------- states

TEST(Sam2Track, TellsEachChangeOfState) {
  Tracker tracker(Props{{"box", "40,30,20,20"}, {"lost-timeout", "80000000"}});
  tracker.Track({kThing});  // 0 ms
  tracker.Track({kThing});  // 40 ms: last seen
  tracker.Track({});        // 80 ms
  tracker.Track({});        // 120 ms: lost
  tracker.Track({});
  tracker.Track({kThing});  // back
  g_signal_emit_by_name(tracker.element(), "remove-object", 1);
  tracker.Track({kThing});
  const auto messages = Only(tracker.Messages(), GST_MESSAGE_ELEMENT);
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"none", "tracked"}, {"tracked", "occluded"}, {"occluded", "lost"},
      {"lost", "tracked"}, {"tracked", "none"}};
  ASSERT_EQ(messages.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(messages[i].structure, "sam2-object");
    EXPECT_TRUE(Contains(messages[i].content, "from=(string)" + expected[i].first));
    EXPECT_TRUE(Contains(messages[i].content, "to=(string)" + expected[i].second));
    EXPECT_TRUE(Contains(messages[i].content, "id=(int)1"));
  }
  EXPECT_TRUE(Contains(messages[1].content, "pts=(guint64)80000000")) << messages[1].content;
}

TEST(Sam2Track, TellsOfAnIdThatBeginsAnew) {
  Tracker tracker(Props{{"box", "40,30,20,20"}});
  tracker.Track({kThing});
  tracker.Messages();
  g_signal_emit_by_name(tracker.element(), "reset");
  tracker.Send(PromptEvent("id=1, box=\"40,30,20,20\""));
  EXPECT_EQ(IdsOf(tracker.Track({kThing})), Ids({1}));
  const auto messages = Only(tracker.Messages(), GST_MESSAGE_ELEMENT);
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_TRUE(Contains(messages[0].content, "to=(string)none")) << messages[0].content;
  EXPECT_TRUE(Contains(messages[1].content, "from=(string)none")) << messages[1].content;
}

TEST(Sam2Track, KeepsOccludedObjectsInTheMetaWithoutABox) {
  Tracker tracker(Props{{"box", "40,30,20,20"}});
  tracker.Track({kThing});
  const auto record = tracker.Track({});
  ASSERT_EQ(IdsOf(record), Ids({1}));
  EXPECT_EQ(record->objects[0].state, sam2::ObjectState::kOccluded);
  EXPECT_FALSE(record->objects[0].box || record->objects[0].mask);
}

// ---------------------------------------------------------------- formats

class Formats : public ::testing::TestWithParam<const char*> {};

TEST_P(Formats, AreTrackedInAnyShape) {
  struct Shape {
    int width, height, padding;
  };
  for (const auto& [width, height, padding] :
       {Shape{640, 360, 0}, Shape{64, 48, 0}, Shape{48, 64, 0}, Shape{65, 49, 0},
        Shape{64, 48, 24}, Shape{65, 49, 13}, Shape{16, 16, 0}}) {
    const std::string caps = VideoCaps(GetParam(), width, height);
    Tracker tracker(Props{{"box", "4,4,8,8"}}, caps);
    const Buffer out = tracker.Process(MakeFrame(caps, 0, {{4, 4, 8, 8}}, padding));
    ASSERT_NE(out, nullptr);
    const auto record = ReadObjects(out.get());
    ASSERT_EQ(IdsOf(record), Ids({1})) << caps;
    EXPECT_EQ(record->frame_width, width);
    EXPECT_EQ(record->objects[0].box->x, 4) << caps;
    EXPECT_EQ(record->objects[0].box->width, 8) << caps;
    EXPECT_EQ(record->objects[0].mask->rows, 8) << caps;
  }
}

INSTANTIATE_TEST_SUITE_P(All, Formats,
                         ::testing::Values("RGB", "BGR", "RGBx", "BGRx", "RGBA", "BGRA", "xRGB",
                                           "xBGR", "NV12", "I420", "GRAY8"));

TEST(Sam2Track, Takes8K) {
  const std::string caps = VideoCaps("NV12", 7680, 4320);
  Tracker tracker(Props{{"box", "7000,4000,100,100"}}, caps);
  const auto record = tracker.Track({{7000, 4000, 100, 100}});
  ASSERT_EQ(IdsOf(record), Ids({1}));
  EXPECT_EQ(record->objects[0].box->x, 7000);
}

TEST(Sam2Track, RefusesOtherFormatsAndSizes) {
  Tracker tracker;
  for (const char* caps :
       {"video/x-raw,format=AYUV,width=64,height=64", "video/x-raw,format=RGB,width=15,height=64",
        "video/x-raw,format=RGB,width=64,height=9000", "audio/x-raw"}) {
    GstCaps* parsed = gst_caps_from_string(caps);
    EXPECT_FALSE(gst_pad_query_accept_caps(GST_BASE_TRANSFORM_SINK_PAD(tracker.element()), parsed))
        << caps;
    gst_caps_unref(parsed);
  }
}

TEST(Sam2Track, FailsOnABufferThatHoldsNoFrame) {
  Tracker tracker(Props{{"box", "40,30,20,20"}});
  EXPECT_EQ(tracker.Push(Buffer(gst_buffer_new_allocate(nullptr, 100, nullptr))), GST_FLOW_ERROR);
  const auto errors = Only(tracker.Messages(), GST_MESSAGE_ERROR);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].domain, GST_STREAM_ERROR);
  EXPECT_TRUE(Contains(errors[0].text, "100 bytes")) << errors[0].text;
}

// ---------------------------------------------------------------- frames

TEST(Sam2Track, DoesNotWriteToAFrameThatOthersHold) {
  Tracker tracker(Props{{"box", "40,30,20,20"}});
  const Buffer kept = MakeFrame(kCaps, 0, {kThing});
  const Buffer out = tracker.Process(Buffer(gst_buffer_ref(kept.get())));
  EXPECT_NE(out.get(), kept.get());
  EXPECT_TRUE(ReadObjects(out.get()).has_value());
  EXPECT_FALSE(ReadObjects(kept.get()).has_value());
  EXPECT_EQ(gst_buffer_peek_memory(out.get(), 0), gst_buffer_peek_memory(kept.get(), 0));
}

TEST(Sam2Track, TwoHundredObjects) {
  std::ostringstream boxes;
  std::vector<PixelRect> rects;
  for (int i = 0; i < 200; ++i) {
    rects.push_back({(i % 20) * 30 + 12, (i / 20) * 30 + 12, 8, 8});
    boxes << (i > 0 ? ";" : "") << rects.back().x << ',' << rects.back().y << ",8,8";
  }
  Tracker tracker(Props{{"box", boxes.str()}}, VideoCaps("GRAY8", 640, 360));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(IdsOf(tracker.Track(rects)).size(), 200U);
  EXPECT_TRUE(tracker.Warnings().empty());
}

// ---------------------------------------------------------------- errors

struct Failure {
  const char* model;
  GQuark (*domain)();
  int code;
};

class CoreErrors : public ::testing::TestWithParam<Failure> {};

TEST_P(CoreErrors, AreElementErrors) {
  const Message error = StartError("sam2track", {{"model", FakeModel(GetParam().model)}});
  EXPECT_EQ(error.domain, GetParam().domain()) << error.text;
  EXPECT_EQ(error.code, GetParam().code) << error.text;
  EXPECT_FALSE(error.text.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Codes, CoreErrors,
    ::testing::Values(
        Failure{"not-found", gst_resource_error_quark, GST_RESOURCE_ERROR_NOT_FOUND},
        Failure{"bad-checkpoint", gst_library_error_quark, GST_LIBRARY_ERROR_SETTINGS},
        Failure{"bad-settings", gst_resource_error_quark, GST_RESOURCE_ERROR_SETTINGS},
        Failure{"out-of-memory", gst_stream_error_quark, GST_STREAM_ERROR_FAILED},
        Failure{"failed", gst_stream_error_quark, GST_STREAM_ERROR_FAILED},
        Failure{"alien", gst_stream_error_quark, GST_STREAM_ERROR_FAILED}));

TEST(Sam2Track, NamesAMissingModel) {
  const Message error = StartError("sam2track", {{"model", "no-such-model"}});
  EXPECT_EQ(error.domain, GST_RESOURCE_ERROR);
  EXPECT_EQ(error.code, GST_RESOURCE_ERROR_NOT_FOUND);
  EXPECT_TRUE(Contains(error.text, "no-such-model")) << error.text;
}

TEST(Sam2Track, NamesAMissingDevice) {
  const Message error = StartError("sam2track", With({{"device", "cuda"}}));
  EXPECT_EQ(error.domain, GST_LIBRARY_ERROR);
  EXPECT_EQ(error.code, GST_LIBRARY_ERROR_INIT);
  EXPECT_TRUE(Contains(error.text, "cuda")) << error.text;
}

TEST(Sam2Track, NamesAMalformedBox) {
  const Message error = StartError("sam2track", With({{"box", "1,2,three,4"}}));
  EXPECT_EQ(error.domain, GST_RESOURCE_ERROR);
  EXPECT_EQ(error.code, GST_RESOURCE_ERROR_SETTINGS);
  EXPECT_TRUE(Contains(error.text, "1,2,three,4")) << error.text;
}

TEST(Sam2Track, NamesTheBrokenLineOfAPromptsFile) {
  const TemporaryFolder folder;
  const std::string path = folder.Write("p.jsonl", "{\"box\": [1,2,3,4]}\n{\"bix\": 1}\n");
  const Message error = StartError("sam2track", With({{"prompts-location", path}}));
  EXPECT_EQ(error.code, GST_RESOURCE_ERROR_SETTINGS);
  EXPECT_TRUE(Contains(error.text, path + ":2")) << error.text;
  EXPECT_EQ(StartError("sam2track", With({{"prompts-location", "/nowhere.jsonl"}})).code,
            GST_RESOURCE_ERROR_NOT_FOUND);
}

TEST(Sam2Track, NamesTheCoreLibraryThatIsMissing) {
  const ScopedEnvironment core("GST_SAM2_CORE", "/nowhere/libsam2core.so");
  const Message error = StartError("sam2track", With({}));
  EXPECT_EQ(error.domain, GST_LIBRARY_ERROR);
  EXPECT_EQ(error.code, GST_LIBRARY_ERROR_INIT);
  EXPECT_TRUE(Contains(error.text, "/nowhere/libsam2core.so")) << error.text;
  EXPECT_TRUE(Contains(error.text, "No such file")) << error.text;
}

TEST(Sam2Track, NamesALibraryThatIsNoCore) {
  const TemporaryFolder folder;
  const ScopedEnvironment core("GST_SAM2_CORE", folder.Write("libsam2core.so", "not a library"));
  EXPECT_EQ(StartError("sam2track", With({})).code, GST_LIBRARY_ERROR_INIT);
  const ScopedEnvironment other("GST_SAM2_CORE", std::string("libz.so.1"));
  const Message error = StartError("sam2track", With({}));
  EXPECT_EQ(error.code, GST_LIBRARY_ERROR_INIT);
  EXPECT_TRUE(Contains(error.text, "sam2_core")) << error.text;
}

class FailingSteps : public ::testing::TestWithParam<const char*> {};

TEST_P(FailingSteps, StopTheStreamWithAnError) {
  ElementHarness harness("sam2track",
                         {{"model", FakeModel(GetParam())}, {"box", "40,30,20,20"}}, kCaps);
  EXPECT_EQ(harness.Push(MakeFrame(kCaps, 0, {kThing})), GST_FLOW_OK);
  EXPECT_EQ(harness.Push(MakeFrame(kCaps, 1, {kThing})), GST_FLOW_OK);
  EXPECT_EQ(harness.Push(MakeFrame(kCaps, 2, {kThing})), GST_FLOW_ERROR);
  const auto errors = Only(harness.Messages(), GST_MESSAGE_ERROR);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].domain, GST_STREAM_ERROR);
  EXPECT_EQ(errors[0].code, GST_STREAM_ERROR_FAILED);
}

INSTANTIATE_TEST_SUITE_P(Models, FailingSteps, ::testing::Values("step-failed", "step-alien"));

TEST(Sam2Track, RecoversAfterAFailedStart) {
  GstElement* element = NewElement("sam2track");
  g_object_set(element, "model", "no-such-model", nullptr);
  EXPECT_EQ(gst_element_set_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  g_object_set(element, "model", FakeModel("ok").c_str(), nullptr);
  gst_element_set_state(element, GST_STATE_NULL);
  EXPECT_NE(gst_element_set_state(element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  gst_element_set_state(element, GST_STATE_NULL);
  gst_object_unref(element);
}

// ---------------------------------------------------------------- properties

TEST(Sam2Track, KeepsItsProperties) {
  ExpectKept("sam2track",
             {{"model", "edgetam"}, {"device", "cpu"}, {"precision", "fp16"}, {"image-size", "512"},
              {"threads", "3"}, {"box", "1,2,3,4"}, {"prompts-location", "/p.jsonl"},
              {"prompt-policy", "always"}, {"lost-timeout", "5"}, {"max-objects", "9"},
              {"fill-hole-area", "0"}, {"max-sprinkle-area", "5"}, {"search-window", "2.5"},
              {"second-look", "true"}, {"follow-window", "2"}, {"probation", "3"}, {"lost-interval", "7"}, {"duplicate-time", "11"},
              {"memory-policy", "robust"}, {"scene-cuts", "true"}, {"on-discont", "reset"},
              {"live-policy", "skip"}});
}

// Those that the README promises, in its order.
TEST(Sam2Track, StartsWithTheDocumentedDefaults) {
  ExpectDefaults(
      "sam2track",
      {{"model", "builtin"}, {"device", "auto"}, {"precision", "auto"}, {"image-size", "0"},
       {"threads", "0"}, {"prompt-policy", "new"}, {"match-iou", "0.3"}, {"probation", "1"},
       {"duplicate-iou", "0.76"}, {"duplicate-time", "1000000000"},
       {"lost-timeout", "2000000000"}, {"lost-interval", "-1"}, {"max-objects", "200"},
       {"memory-policy", "official"}, {"scene-cuts", "false"}, {"on-discont", "auto"},
       {"live-policy", "every-frame"}, {"navigation", "true"}, {"fill-hole-area", "8"},
       {"max-sprinkle-area", "0"}, {"search-window", "0"}, {"second-look", "false"}, {"follow-window", "0"}});
}

class Elements : public ::testing::TestWithParam<const char*> {};

TEST_P(Elements, LogUnderTheirOwnNames) {
  const std::string name = GetParam(), caps = VideoCaps("RGB", 160, 120);
  const bool has_model = name == "sam2track" || name == "sam2segment";
  const Log log;
  ElementHarness harness(name, has_model ? With({{"box", "40,30,20,20"}}) : Props(), caps);
  harness.Process(MakeFrame(caps, 0, {kThing}));
  const std::set<std::string> categories = log.CategoriesOf(harness.element());
  EXPECT_TRUE(categories.contains(name));
  for (const std::string& category : categories) {
    EXPECT_TRUE(category == name || !category.starts_with("sam2")) << category;
  }
  EXPECT_FALSE(categories.contains("default"));
}

INSTANTIATE_TEST_SUITE_P(All, Elements,
                         ::testing::Values("sam2track", "sam2segment", "sam2overlay",
                                           "sam2jsonenc"));

TEST(Sam2Track, LogsEveryRefusalAlsoThoseThatItDoesNotTell) {
  const Log log;
  Tracker tracker;
  for (int i = 0; i < 5; ++i) tracker.Detect({kThing}, {{500 + i, 500, 10, 10}});
  EXPECT_EQ(tracker.Warnings().size(), 1U);
  EXPECT_EQ(log.Count("sam2track", "lies outside the frame"), 5);
}

TEST(Sam2Track, ExplainsEveryPropertyAndSignal) {
  for (const char* name : {"sam2track", "sam2segment", "sam2overlay", "sam2jsonenc"}) {
    GstElement* element = NewElement(name);
    guint count = 0;
    GParamSpec** specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element), &count);
    for (guint i = 0; i < count; ++i) {
      const char* blurb = g_param_spec_get_blurb(specs[i]);
      EXPECT_TRUE(blurb != nullptr && *blurb != '\0') << name << "." << specs[i]->name;
    }
    g_free(specs);
    const std::string description =
        gst_element_get_metadata(element, GST_ELEMENT_METADATA_DESCRIPTION);
    EXPECT_TRUE(Contains(description, "gst-launch-1.0")) << name;
    guint* signals = g_signal_list_ids(G_OBJECT_TYPE(element), &count);
    for (guint i = 0; i < count; ++i) {
      EXPECT_TRUE(Contains(description, g_signal_name(signals[i]))) << g_signal_name(signals[i]);
    }
    g_free(signals);
    gst_object_unref(element);
  }
}

}  // namespace
}  // namespace gstsam2::testing
