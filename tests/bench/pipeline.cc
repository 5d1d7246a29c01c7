// SPDX-License-Identifier: Apache-2.0
//
// The same frames through the bare tracker and through
//   appsrc ! sam2track ! fakesink
// in turn, in one process, with one engine. Called by the script `pipeline`:
//   pipeline MODEL FRAMES WIDTH HEIGHT COUNT ROUNDS THREADS BOXES
// FRAMES: a file of I420 frames, played over and over. BOXES: as sam2track's
// property. Prints a line for each round and the ratio of the medians.
#include <gst/gst.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "sam2.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kWarmUp = 30;  // frames: as many as fill the memories
constexpr GstClockTime kFrameTime = GST_SECOND / 25;

struct Job {
  std::string model, boxes;
  std::vector<std::uint8_t> frames;
  int width, height, count, threads;

  std::size_t frame_bytes() const { return static_cast<std::size_t>(width) * height * 3 / 2; }
  const std::uint8_t* frame(int i) const {
    return frames.data() + i % (frames.size() / frame_bytes()) * frame_bytes();
  }
};

// From the first frame after those of the warm-up to the last one.
class Meter {
 public:
  explicit Meter(int count) : count_(count) {}

  void Count() {
    const int frame = frame_++;
    if (frame == kWarmUp) start_ = Clock::now();
    if (frame == kWarmUp + count_) end_ = Clock::now();
  }
  double frames_per_second() const {
    if (frame_ <= kWarmUp + count_) throw std::runtime_error("frames were lost");
    return count_ / std::chrono::duration<double>(end_ - start_).count();
  }

 private:
  int count_, frame_ = 0;
  Clock::time_point start_, end_;
};

std::vector<sam2::Prompt> ToPrompts(const std::string& boxes) {
  std::vector<sam2::Prompt> prompts;
  std::istringstream list(boxes);
  for (std::string text; std::getline(list, text, ';');) {
    float x, y, w, h;
    if (std::sscanf(text.c_str(), "%f,%f,%f,%f", &x, &y, &w, &h) != 4) {
      throw std::runtime_error("box " + text + " is not x,y,w,h");
    }
    prompts.emplace_back().box = sam2::Box{x, y, x + w, y + h};
  }
  return prompts;
}

double RunCore(const Job& job, sam2::Engine& engine) {
  const auto tracker = engine.CreateVideoTracker({});
  std::vector<sam2::Prompt> prompts = ToPrompts(job.boxes);
  Meter meter(job.count);
  for (int i = 0; i <= kWarmUp + job.count; ++i) {
    const std::uint8_t* luma = job.frame(i);
    const int size = job.width * job.height;
    tracker->Step({.format = sam2::PixelFormat::kI420, .width = job.width, .height = job.height,
                   .plane = {luma, luma + size, luma + size * 5 / 4},
                   .stride = {job.width, job.width / 2, job.width / 2}},
                  static_cast<std::int64_t>(i * kFrameTime), prompts);
    prompts.clear();
    meter.Count();
  }
  return meter.frames_per_second();
}

GstPadProbeReturn OnFrame(GstPad*, GstPadProbeInfo*, gpointer meter) {
  static_cast<Meter*>(meter)->Count();
  return GST_PAD_PROBE_OK;
}

void Push(GstElement* source, const Job& job, int index) {
  GstBuffer* buffer = gst_buffer_new_wrapped_full(
      GST_MEMORY_FLAG_READONLY, const_cast<std::uint8_t*>(job.frame(index)), job.frame_bytes(), 0,
      job.frame_bytes(), nullptr, nullptr);
  GST_BUFFER_PTS(buffer) = index * kFrameTime;
  GstFlowReturn flow = GST_FLOW_OK;
  g_signal_emit_by_name(source, "push-buffer", buffer, &flow);
  gst_buffer_unref(buffer);
  if (flow != GST_FLOW_OK) throw std::runtime_error("the pipeline takes no more frames");
}

double RunPipeline(const Job& job) {
  const std::string text =
      "appsrc name=source format=time block=true max-buffers=2 caps=video/x-raw,format=I420,"
      "framerate=25/1,width=" + std::to_string(job.width) +
      ",height=" + std::to_string(job.height) + " ! sam2track device=cpu model=" + job.model +
      " threads=" + std::to_string(job.threads) + " box=\"" + job.boxes +
      "\" ! fakesink name=sink sync=false";
  GError* error = nullptr;
  GstElement* pipeline = gst_parse_launch(text.c_str(), &error);
  if (error != nullptr) throw std::runtime_error(error->message);
  GstElement* source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
  GstElement* sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  GstPad* pad = gst_element_get_static_pad(sink, "sink");
  Meter meter(job.count);
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, OnFrame, &meter, nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  for (int i = 0; i <= kWarmUp + job.count; ++i) Push(source, job, i);
  GstFlowReturn flow = GST_FLOW_OK;
  g_signal_emit_by_name(source, "end-of-stream", &flow);
  GstBus* bus = gst_element_get_bus(pipeline);
  const auto last = static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  GstMessage* message = gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE, last);
  const bool done = GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
  gst_message_unref(message);
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  for (gpointer object : {gpointer{pad}, gpointer{sink}, gpointer{source}, gpointer{pipeline}}) {
    gst_object_unref(object);
  }
  if (!done) throw std::runtime_error("the pipeline failed");
  return meter.frames_per_second();
}

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return (values[values.size() / 2] + values[(values.size() - 1) / 2]) / 2;
}

Job ParseJob(char** argv) {
  std::ifstream file(argv[2], std::ios::binary);
  Job job{.model = argv[1], .boxes = argv[8],
          .frames = {std::istreambuf_iterator<char>(file), {}},
          .width = std::atoi(argv[3]), .height = std::atoi(argv[4]), .count = std::atoi(argv[5]),
          .threads = std::atoi(argv[7])};
  if (job.width % 2 != 0 || job.height % 2 != 0 || job.frames.size() < job.frame_bytes()) {
    throw std::runtime_error("no I420 frames of even size");
  }
  return job;
}

int Main(int argc, char** argv) {
  gst_init(&argc, &argv);
  if (argc != 9) {
    std::fprintf(stderr, "usage: %s MODEL FRAMES WIDTH HEIGHT COUNT ROUNDS THREADS BOXES\n",
                 argv[0]);
    return 2;
  }
  const Job job = ParseJob(argv);
  const auto engine = sam2_core(sam2::kInterfaceVersion)->OpenEngine(
      {.model = job.model, .device = "cpu", .threads = job.threads});
  std::vector<double> core, pipeline;
  for (int round = 0; round < std::atoi(argv[6]); ++round) {
    core.push_back(RunCore(job, *engine));
    pipeline.push_back(RunPipeline(job));
    std::printf("  core %.1f frames/s, pipeline %.1f\n", core.back(), pipeline.back());
    std::fflush(stdout);
  }
  const long objects = 1 + std::ranges::count(job.boxes, ';');
  std::printf("%ld object(s): pipeline / core = %.3f\n", objects, Median(pipeline) / Median(core));
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  return Main(argc, argv);
} catch (const std::exception& error) {
  std::fprintf(stderr, "pipeline: %s\n", error.what());
  return 1;
}
