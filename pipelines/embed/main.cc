// SPDX-License-Identifier: Apache-2.0
//
// A service that follows objects through a video: how to put sam2track into a
// program of your own.
//
//   embed FILE|URI [--box X,Y,W,H] [--model NAME]
//
// It prints one line of JSON a frame. Meanwhile it reads commands from standard
// input, one a line: a prompt as in a prompts file, or "quit". SIGTERM, SIGINT
// and "quit" end the stream as its own end does: what is on its way is still
// printed, and the exit status is 0. After an error it is 1.

#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <glib-unix.h>
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "objects.h"
#include "prompt.h"

namespace {

using Json = nlohmann::json;

// Used by the main loop's thread alone.
struct Service {
  GMainLoop* loop;
  GDataInputStream* commands;  // standard input
  GstElement* track;
  int status;
};

// ------------------------------------------------------------ results

Json Describe(const Object& object) {
  Json json = {{"id", object.id}, {"state", object.state}, {"score", object.score}};
  if (!object.label.empty()) json["label"] = object.label;
  if (object.box) {
    json["box"] = {object.box->x, object.box->y, object.box->width, object.box->height};
  }
  if (object.mask) json["area"] = std::ranges::count(object.mask->pixels, 255);
  return json;
}

// Called in the streaming thread, once a frame: what is to be done with the
// objects goes here. The frame's pixels are those of the same sample.
GstFlowReturn OnFrame(GstAppSink* sink, void*) {
  g_autoptr(GstSample) sample = gst_app_sink_pull_sample(sink);
  if (sample == nullptr) return GST_FLOW_EOS;
  GstBuffer* buffer = gst_sample_get_buffer(sample);
  Json line = {{"pts", GST_BUFFER_PTS(buffer)}, {"objects", Json::array()}};
  for (const Object& object : ReadObjects(buffer)) line["objects"].push_back(Describe(object));
  std::puts(line.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
  std::fflush(stdout);
  return GST_FLOW_OK;
}

// ------------------------------------------------------------ commands

// The end of the stream goes in right before the tracker: frames that wait to
// be decoded are left out, those behind are finished.
void EndStream(Service& service) { gst_element_send_event(service.track, gst_event_new_eos()); }

void Obey(Service& service, const std::string& command) {
  if (command == "quit") {
    EndStream(service);
  } else if (!command.empty()) {
    try {
      gst_element_send_event(service.track, PromptEvent(command));
    } catch (const std::invalid_argument& problem) {
      g_printerr("embed: %s\n", problem.what());
    }
  }
}

void ReadCommand(Service& service);

void OnCommand(GObject*, GAsyncResult* result, void* data) {
  auto& service = *static_cast<Service*>(data);
  g_autofree char* line =
      g_data_input_stream_read_line_finish(service.commands, result, nullptr, nullptr);
  if (line == nullptr) return;  // no more commands: the stream goes on
  Obey(service, line);
  ReadCommand(service);
}

void ReadCommand(Service& service) {
  g_data_input_stream_read_line_async(service.commands, G_PRIORITY_DEFAULT, nullptr, OnCommand,
                                      &service);
}

gboolean OnSignal(void* data) {
  EndStream(*static_cast<Service*>(data));
  return G_SOURCE_CONTINUE;
}

// ------------------------------------------------------------ pipeline

void Tell(GstMessage* message, void (*parse)(GstMessage*, GError**, char**)) {
  g_autoptr(GError) error = nullptr;
  g_autofree char* details = nullptr;
  parse(message, &error, &details);
  g_printerr("embed: %s\n", error->message);
}

gboolean OnMessage(GstBus*, GstMessage* message, void* data) {
  auto& service = *static_cast<Service*>(data);
  switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_WARNING:  // among others: a prompt was refused
      Tell(message, gst_message_parse_warning);
      break;
    case GST_MESSAGE_ERROR:
      Tell(message, gst_message_parse_error);
      service.status = 1;
      g_main_loop_quit(service.loop);
      break;
    case GST_MESSAGE_EOS:
      g_main_loop_quit(service.loop);
      break;
    default:
      break;
  }
  return G_SOURCE_CONTINUE;
}

// Frames that the program has itself go into an appsrc in uridecodebin's place.
constexpr char kPipeline[] =
    "uridecodebin name=source ! videoconvert ! "
    "queue max-size-buffers=2 max-size-bytes=0 max-size-time=0 ! sam2track name=track ! "
    "appsink name=frames sync=false max-buffers=2";

GstElement* MakePipeline(const char* uri, const char* box, const char* model) {
  g_autoptr(GError) error = nullptr;
  GstElement* pipeline =
      gst_parse_launch_full(kPipeline, nullptr, GST_PARSE_FLAG_FATAL_ERRORS, &error);
  if (pipeline == nullptr) throw std::runtime_error(error->message);
  g_autoptr(GstElement) source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
  g_autoptr(GstElement) track = gst_bin_get_by_name(GST_BIN(pipeline), "track");
  g_autoptr(GstElement) frames = gst_bin_get_by_name(GST_BIN(pipeline), "frames");
  g_object_set(source, "uri", uri, nullptr);
  if (box != nullptr) g_object_set(track, "box", box, nullptr);
  if (model != nullptr) g_object_set(track, "model", model, nullptr);
  GstAppSinkCallbacks callbacks = {};
  callbacks.new_sample = OnFrame;
  gst_app_sink_set_callbacks(GST_APP_SINK(frames), &callbacks, nullptr, nullptr);
  return pipeline;
}

int Run(const char* uri, const char* box, const char* model) {
  g_autoptr(GstElement) pipeline = MakePipeline(uri, box, model);
  g_autoptr(GstElement) track = gst_bin_get_by_name(GST_BIN(pipeline), "track");
  g_autoptr(GMainLoop) loop = g_main_loop_new(nullptr, FALSE);
  g_autoptr(GInputStream) input = g_unix_input_stream_new(STDIN_FILENO, FALSE);
  g_autoptr(GDataInputStream) commands = g_data_input_stream_new(input);
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline);
  Service service = {loop, commands, track, 0};
  gst_bus_add_watch(bus, OnMessage, &service);
  g_unix_signal_add(SIGINT, OnSignal, &service);
  g_unix_signal_add(SIGTERM, OnSignal, &service);
  ReadCommand(service);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);  // a failure is told on the bus
  g_main_loop_run(loop);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_bus_remove_watch(bus);
  return service.status;
}

}  // namespace

int main(int argc, char** argv) {
  g_autofree char* box = nullptr;
  g_autofree char* model = nullptr;
  const GOptionEntry entries[] = {
      {"box", 'b', 0, G_OPTION_ARG_STRING, &box, "What to follow from the first frame on",
       "X,Y,W,H[;X,Y,W,H...]"},
      {"model", 'm', 0, G_OPTION_ARG_STRING, &model, "Name or file of the network", "MODEL"},
      {}};
  g_autoptr(GError) error = nullptr;
  g_autoptr(GOptionContext) context = g_option_context_new("FILE|URI");
  g_option_context_add_main_entries(context, entries, nullptr);
  g_option_context_add_group(context, gst_init_get_option_group());
  try {
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
      throw std::runtime_error(error->message);
    }
    if (argc != 2) throw std::runtime_error("one file or URI is needed, see --help");
    // A file's name may look like a URI: cam1-2026-11-28T10:15.mp4.
    const bool is_uri = !g_file_test(argv[1], G_FILE_TEST_IS_REGULAR) && gst_uri_is_valid(argv[1]);
    g_autofree char* uri = is_uri ? g_strdup(argv[1]) : gst_filename_to_uri(argv[1], &error);
    if (uri == nullptr) throw std::runtime_error(error->message);
    return Run(uri, box, model);
  } catch (const std::runtime_error& problem) {
    g_printerr("embed: %s\n", problem.what());
    return 1;
  }
}
