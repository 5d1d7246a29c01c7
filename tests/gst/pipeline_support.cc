// SPDX-License-Identifier: Apache-2.0
#include "pipeline_support.h"

#include <gtest/gtest.h>

#include <fstream>
#include <future>

namespace gstsam2::testing {
namespace {

constexpr GstClockTime kPatience = 60 * GST_SECOND;

}  // namespace

std::string Track() { return "sam2track model=" + FakeModel("ok") + " "; }

std::string Source(int frames, const std::string& format) {
  return "videotestsrc pattern=ball num-buffers=" + std::to_string(frames) +
         " ! video/x-raw,format=" + format + ",width=320,height=240,framerate=30/1 ! ";
}

std::vector<nlohmann::json> ReadLines(const std::string& path) {
  std::vector<nlohmann::json> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

bool EndedWell(const std::vector<Message>& messages) {
  return !messages.empty() && messages.back().type == GST_MESSAGE_EOS &&
         Only(messages, GST_MESSAGE_WARNING).empty();
}

Driven::Driven(const std::string& description) {
  g_autoptr(GError) error = nullptr;
  pipeline_ = gst_parse_launch(description.c_str(), &error);
  EXPECT_EQ(error, nullptr) << (error != nullptr ? error->message : "");
  bus_ = gst_element_get_bus(pipeline_);
}

Driven::~Driven() {
  gst_element_set_state(pipeline_, GST_STATE_NULL);
  gst_object_unref(bus_);
  gst_object_unref(pipeline_);
}

void Driven::SetState(GstState state) {
  gst_element_set_state(pipeline_, state);
  EXPECT_NE(gst_element_get_state(pipeline_, nullptr, nullptr, kPatience),
            GST_STATE_CHANGE_FAILURE);
}

bool Driven::SeekToStart(GstSeekFlags flags, GstClockTime stop) {
  return gst_element_seek(pipeline_, 1.0, GST_FORMAT_TIME, flags, GST_SEEK_TYPE_SET, 0,
                          GST_SEEK_TYPE_SET, static_cast<gint64>(stop)) != FALSE;
}

bool Driven::WaitFor(GstMessageType type) {
  GstMessage* message = gst_bus_timed_pop_filtered(
      bus_, kPatience, static_cast<GstMessageType>(type | GST_MESSAGE_ERROR));
  const bool came = message != nullptr && GST_MESSAGE_TYPE(message) == type;
  if (message != nullptr) gst_message_unref(message);
  return came;
}

GstElement* Driven::Get(const char* name) {
  GstElement* element = gst_bin_get_by_name(GST_BIN(pipeline_), name);
  gst_object_unref(element);
  return element;
}

void WhileIdle(GstElement* element, const std::function<void()>& change) {
  struct Task {
    const std::function<void()>& change;
    std::promise<void> done;
  } task{change, {}};
  GstPad* pad = gst_element_get_static_pad(element, "src");
  gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_IDLE,
      [](GstPad*, GstPadProbeInfo*, gpointer data) {
        auto* task = static_cast<Task*>(data);
        task->change();
        task->done.set_value();
        return GST_PAD_PROBE_REMOVE;
      },
      &task, nullptr);
  task.done.get_future().wait();
  gst_object_unref(pad);
}

}  // namespace gstsam2::testing
