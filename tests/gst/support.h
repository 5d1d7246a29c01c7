// SPDX-License-Identifier: Apache-2.0
//
// What the tests of the elements share: an environment of their own, frames
// with bright rectangles, an element in a GstHarness with its messages.
#pragma once

#include <gst/check/gstharness.h>
#include <gst/gst.h>
#include <gst/video/video.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "meta.h"

namespace gstsam2::testing {

// A folder that goes when the object does.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  const std::filesystem::path& path() const { return path_; }
  // Writes a file and returns its path.
  std::string Write(const std::string& name, const std::string& content) const;

 private:
  std::filesystem::path path_;
};

// A model file for the fake core, which reads nothing but its name.
std::string FakeModel(const std::string& name);

// An environment variable, set as long as the object lives.
class ScopedEnvironment {
 public:
  ScopedEnvironment(const std::string& name, const std::optional<std::string>& value);
  ~ScopedEnvironment();

 private:
  std::string name_;
  std::optional<std::string> before_;
};

struct BufferDelete {
  void operator()(GstBuffer* buffer) const { gst_buffer_unref(buffer); }
};
using Buffer = std::unique_ptr<GstBuffer, BufferDelete>;

struct PixelRect {
  int x, y, width, height;
};

// Caps of a raw video format.
std::string VideoCaps(const std::string& format, int width, int height);

// A black frame with white rectangles. With `padding` its rows are longer by so
// many bytes, which a GstVideoMeta tells.
Buffer MakeFrame(const std::string& caps, GstClockTime pts, const std::vector<PixelRect>& bright,
                 int padding = 0);

// The R, G, B at a place of a frame, converted by GStreamer.
struct Rgb {
  int r, g, b;
};
std::vector<Rgb> ToRgb(GstBuffer* frame, const std::string& caps);

// A message as far as the tests look at it.
struct Message {
  GstMessageType type;
  GQuark domain = 0;  // of errors and warnings
  int code = 0;
  std::string text;       // of errors and warnings
  std::string structure;  // name of an element message's structure
  std::string content;    // that structure as text
};

// The messages on the bus that say something about the elements, without waiting.
std::vector<Message> ReadMessages(GstBus* bus);

// One element between two pads, in PLAYING.
class ElementHarness {
 public:
  using Properties = std::vector<std::pair<std::string, std::string>>;

  ElementHarness(const std::string& factory, const Properties& properties,
                 const std::string& caps);
  ~ElementHarness();

  GstElement* element() { return element_; }
  GstHarness* harness() { return harness_; }
  GstBus* bus() { return bus_; }

  void SetCaps(const std::string& caps);
  GstFlowReturn Push(Buffer frame);
  // The next output; nullptr when there is none.
  Buffer Pull();
  // Pushes a frame and returns what came out.
  Buffer Process(Buffer frame);
  std::vector<Message> Messages() { return ReadMessages(bus_); }

 private:
  GstElement* element_;
  GstBus* bus_;
  GstHarness* harness_;
};

// The messages of one kind.
std::vector<Message> Only(const std::vector<Message>& messages, GstMessageType type);

// Sets an element with these properties to PAUSED, expects that to fail, and
// returns the error that it posts.
Message StartError(const std::string& factory, const ElementHarness::Properties& properties);

// Sets each of these properties, which shall have the value afterwards.
void ExpectKept(const std::string& factory, const ElementHarness::Properties& values);

// A new element, and its class, shall have these values.
void ExpectDefaults(const std::string& factory, const ElementHarness::Properties& values);

// What is logged while it lives, up to the level DEBUG; it is not printed.
class Log {
 public:
  Log();
  ~Log();
  // The names of the categories that an object logged under.
  std::set<std::string> CategoriesOf(gpointer object) const;
  // How many messages of a category hold a text.
  int Count(const std::string& category, const std::string& text) const;

 private:
  struct Entry {
    gpointer object;
    std::string category, text;
  };
  static void Add(GstDebugCategory* category, GstDebugLevel level, const char* file,
                  const char* function, int line, GObject* object, GstDebugMessage* message,
                  gpointer self);

  GstDebugLevel threshold_;  // before
  mutable std::mutex mutex_;
  std::vector<Entry> entries_;
};

// Runs a pipeline to its end or first error; returns its messages. Fails the
// test when it takes too long.
std::vector<Message> RunPipeline(const std::string& description,
                                 const std::function<void(GstElement*)>& prepare = {});

}  // namespace gstsam2::testing
