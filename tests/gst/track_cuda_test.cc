// SPDX-License-Identifier: Apache-2.0
//
// sam2track with frames in CUDA memory: the fake core and fake memory.
#include <gtest/gtest.h>

#include "fake_cuda.h"
#include "frame_view.h"
#include "tracker_harness.h"

namespace gstsam2::testing {
namespace {

constexpr char kCudaCaps[] =
    "video/x-raw(memory:CUDAMemory),format=NV12,width=160,height=120,framerate=25/1";
constexpr char kSystemCaps[] = "video/x-raw,format=NV12,width=160,height=120,framerate=25/1";

// What the fake core scores by where the frame lies.
constexpr double kOnCuda = 0.5, kOnHost = 0.75;

// The frame with its pixels in CUDA memory.
Buffer OnCuda(Buffer frame) {
  GstMapInfo map;
  EXPECT_TRUE(gst_buffer_map(frame.get(), &map, GST_MAP_READ));
  GstMemory* memory = FakeCudaMemory(map.data, map.size);
  gst_buffer_unmap(frame.get(), &map);
  gst_buffer_replace_all_memory(frame.get(), memory);
  return frame;
}

Props OneBox() { return {{"box", "40,30,20,20"}}; }

class CudaTracker : public Tracker {
 public:
  explicit CudaTracker(const std::string& caps = kCudaCaps, const std::string& model = "cuda",
                       const Props& properties = OneBox())
      : Tracker(properties, caps, model) {
    FakeCudaReset();
  }
  // A frame with the thing in CUDA memory, its rows `padding` bytes longer.
  std::optional<ObjectsRecord> TrackOnCuda(int padding = 0) {
    const Buffer out = Process(OnCuda(MakeFrame(kSystemCaps, Next(), {kThing}, padding)));
    return out != nullptr ? ReadObjects(out.get()) : std::nullopt;
  }
  std::optional<ObjectsRecord> TrackOnHost() {
    const Buffer out = Process(MakeFrame(kSystemCaps, Next(), {kThing}));
    return out != nullptr ? ReadObjects(out.get()) : std::nullopt;
  }

 private:
  GstClockTime Next() { return kFrameTime * frames_++; }
  int frames_ = 0;
};

void ExpectThing(const std::optional<ObjectsRecord>& record, double score) {
  ASSERT_EQ(IdsOf(record), Ids({1}));
  const ObjectRecord& object = record->objects[0];
  EXPECT_EQ(object.state, sam2::ObjectState::kTracked);
  EXPECT_FLOAT_EQ(object.score, score);
  EXPECT_EQ(object.box->x, kThing.x);
  EXPECT_EQ(object.box->y, kThing.y);
  EXPECT_EQ(object.box->width, kThing.width);
  EXPECT_EQ(object.box->height, kThing.height);
}

bool SinkTakes(GstElement* element, const char* caps) {
  GstCaps* asked = gst_caps_from_string(caps);
  GstPad* pad = gst_element_get_static_pad(element, "sink");
  const bool takes = gst_pad_query_accept_caps(pad, asked);
  GstCaps* offered = gst_pad_query_caps(pad, asked);
  EXPECT_EQ(takes, !gst_caps_is_empty(offered));
  gst_caps_unref(offered);
  gst_caps_unref(asked);
  gst_object_unref(pad);
  return takes;
}

// ---------------------------------------------------------------- frames

TEST(Sam2TrackCuda, FramesReachTheCoreWhereTheyLie) {
  CudaTracker tracker;
  for (int i = 0; i < 3; ++i) ExpectThing(tracker.TrackOnCuda(), kOnCuda);
  const FakeCudaCounts counts = FakeCudaRead();
  EXPECT_EQ(counts.host_maps, 0);
  EXPECT_EQ(counts.copies, 0);
  EXPECT_GE(counts.cuda_maps, 3);
  EXPECT_EQ(counts.unmaps, counts.cuda_maps);
}

TEST(Sam2TrackCuda, TheNextFrameMayBeLookedAtWhereItLies) {
  Props properties = OneBox();
  properties.emplace_back("look-ahead", "true");
  CudaTracker tracker(kCudaCaps, "cuda", properties);
  EXPECT_FALSE(tracker.TrackOnCuda().has_value());  // it waits for the next one
  for (int i = 0; i < 3; ++i) ExpectThing(tracker.TrackOnCuda(), kOnCuda);
  EXPECT_EQ(FakeCudaRead().cuda_maps, FakeCudaRead().unmaps + 1);  // the one that waits
  tracker.Flush();
  const FakeCudaCounts counts = FakeCudaRead();
  EXPECT_EQ(counts.host_maps + counts.copies, 0);
  EXPECT_EQ(counts.unmaps, counts.cuda_maps);
}

// Else the fake memory's pixels are black.
TEST(Sam2TrackCuda, WaitsForWhoeverWroteTheFrame) {
  CudaTracker tracker;
  ExpectThing(tracker.TrackOnCuda(), kOnCuda);
  EXPECT_GE(FakeCudaRead().syncs, 1);
}

TEST(Sam2TrackCuda, RowsMayBeLongerThanTheirPixels) {
  CudaTracker tracker;
  for (const int padding : {32, 96}) ExpectThing(tracker.TrackOnCuda(padding), kOnCuda);
}

TEST(Sam2TrackCuda, PlanesAreThoseOfTheMemory) {
  FakeCudaReset();
  const Buffer frame = OnCuda(MakeFrame(kSystemCaps, 0, {kThing}, 48));
  GstVideoInfo info;
  GstCaps* caps = gst_caps_from_string(kCudaCaps);
  ASSERT_TRUE(gst_video_info_from_caps(&info, caps));
  gst_caps_unref(caps);
  const MappedFrame mapped(frame.get(), info, /*on_cuda=*/true);
  const sam2::FrameView view = mapped.view();
  EXPECT_EQ(view.memory, sam2::FrameMemory::kCuda);
  EXPECT_EQ(view.format, sam2::PixelFormat::kNV12);
  EXPECT_EQ(view.stride[0], 160 + 48);
  EXPECT_EQ(view.stride[1], 160 + 48);
  EXPECT_EQ(view.plane[1] - view.plane[0], (160 + 48) * 120);
}

TEST(Sam2TrackCuda, BuffersPassWithTheirMemory) {
  CudaTracker tracker;
  Buffer frame = OnCuda(MakeFrame(kSystemCaps, 0, {kThing}));
  GstMemory* memory = gst_buffer_peek_memory(frame.get(), 0);
  const Buffer out = tracker.Process(std::move(frame));
  EXPECT_EQ(gst_buffer_peek_memory(out.get(), 0), memory);
  EXPECT_TRUE(ReadObjects(out.get()).has_value());
}

// As behind a tee.
TEST(Sam2TrackCuda, ASharedBufferIsNotCopied) {
  CudaTracker tracker;
  Buffer frame = OnCuda(MakeFrame(kSystemCaps, 0, {kThing}));
  const Buffer kept(gst_buffer_ref(frame.get()));
  const Buffer out = tracker.Process(std::move(frame));
  EXPECT_NE(out.get(), kept.get());
  EXPECT_EQ(gst_buffer_peek_memory(out.get(), 0), gst_buffer_peek_memory(kept.get(), 0));
  EXPECT_FALSE(ReadObjects(kept.get()).has_value());
  EXPECT_EQ(FakeCudaRead().host_maps + FakeCudaRead().copies, 0);
}

// ---------------------------------------------------------------- caps

TEST(Sam2TrackCuda, OffersBothMemoriesWithAModelOnCuda) {
  CudaTracker tracker;
  EXPECT_TRUE(SinkTakes(tracker.element(), kCudaCaps));
  EXPECT_TRUE(SinkTakes(tracker.element(), kSystemCaps));
  EXPECT_FALSE(SinkTakes(tracker.element(), "video/x-raw(memory:CUDAMemory),format=P010_10LE,"
                                            "width=160,height=120,framerate=25/1"));
  EXPECT_FALSE(SinkTakes(tracker.element(), "video/x-raw(memory:GLMemory),format=NV12,"
                                            "width=160,height=120,framerate=25/1"));
}

TEST(Sam2TrackCuda, OffersSystemMemoryAloneWithAModelOnTheCpu) {
  CudaTracker tracker(kSystemCaps, "ok");
  EXPECT_FALSE(SinkTakes(tracker.element(), kCudaCaps));
  EXPECT_TRUE(SinkTakes(tracker.element(), kSystemCaps));
  ExpectThing(tracker.TrackOnHost(), kOnHost);
}

// Pads are linked before it is known where the model runs.
TEST(Sam2TrackCuda, OffersBothBeforeItStarts) {
  GstElement* element = NewElement("sam2track");
  EXPECT_TRUE(SinkTakes(element, kCudaCaps));
  EXPECT_TRUE(SinkTakes(element, kSystemCaps));
  gst_object_unref(element);
}

TEST(Sam2TrackCuda, SystemMemoryWithAModelOnCuda) {
  CudaTracker tracker(kSystemCaps);
  ExpectThing(tracker.TrackOnHost(), kOnHost);
  EXPECT_EQ(FakeCudaRead().cuda_maps, 0);
}

TEST(Sam2TrackCuda, ObjectsSurviveAChangeOfMemory) {
  CudaTracker tracker;
  ExpectThing(tracker.TrackOnCuda(), kOnCuda);
  tracker.ChangeCaps(kSystemCaps);
  ExpectThing(tracker.TrackOnHost(), kOnHost);
  tracker.ChangeCaps(kCudaCaps);
  ExpectThing(tracker.TrackOnCuda(), kOnCuda);
  EXPECT_TRUE(tracker.Warnings().empty());
}

// ---------------------------------------------------------------- what is not as it should be

TEST(Sam2TrackCuda, AModelOnTheCpuRefusesCudaCaps) {
  CudaTracker tracker(kCudaCaps, "ok");
  EXPECT_EQ(tracker.Push(OnCuda(MakeFrame(kSystemCaps, 0, {kThing}))), GST_FLOW_NOT_NEGOTIATED);
}

// The caps say so, the buffer does not.
TEST(Sam2TrackCuda, SystemMemoryUnderCudaCapsIsReadOnTheHost) {
  CudaTracker tracker;
  ExpectThing(tracker.TrackOnHost(), kOnHost);
}

TEST(Sam2TrackCuda, CudaMemoryUnderSystemCapsIsReadWhereTheModelRuns) {
  CudaTracker on_cuda(kSystemCaps), on_cpu(kSystemCaps, "ok");
  ExpectThing(on_cuda.TrackOnCuda(), kOnCuda);
  EXPECT_EQ(FakeCudaRead().host_maps, 0);
  ExpectThing(on_cpu.TrackOnCuda(), kOnHost);
  EXPECT_EQ(FakeCudaRead().cuda_maps, 1);
}

TEST(Sam2TrackCuda, AFrameThatCannotBeMappedIsAnError) {
  CudaTracker tracker;
  ExpectThing(tracker.TrackOnCuda(), kOnCuda);
  FakeCudaFail(true);
  EXPECT_EQ(tracker.Push(OnCuda(MakeFrame(kSystemCaps, kFrameTime, {kThing}))), GST_FLOW_ERROR);
  const auto errors = Only(tracker.Messages(), GST_MESSAGE_ERROR);
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors[0].domain, GST_STREAM_ERROR);
  EXPECT_EQ(errors[0].code, GST_STREAM_ERROR_FAILED);
  EXPECT_TRUE(Contains(errors[0].text, "Cannot map")) << errors[0].text;
}

TEST(Sam2TrackCuda, AMemoryThatIsTooSmallIsAnError) {
  CudaTracker tracker;
  const std::vector<guint8> few(100);
  Buffer frame(gst_buffer_new());
  gst_buffer_append_memory(frame.get(), FakeCudaMemory(few.data(), few.size()));
  EXPECT_EQ(tracker.Push(std::move(frame)), GST_FLOW_ERROR);
  EXPECT_EQ(Only(tracker.Messages(), GST_MESSAGE_ERROR).size(), 1U);
}

TEST(Sam2TrackCuda, AnEmptyBufferIsAnError) {
  CudaTracker tracker;
  EXPECT_EQ(tracker.Push(Buffer(gst_buffer_new())), GST_FLOW_ERROR);
}

}  // namespace
}  // namespace gstsam2::testing
