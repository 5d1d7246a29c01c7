// SPDX-License-Identifier: Apache-2.0
//
// sam2track in a harness, with the fake core.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "support.h"

namespace gstsam2::testing {

inline constexpr char kCaps[] = "video/x-raw,format=GRAY8,width=160,height=120,framerate=25/1";
inline constexpr PixelRect kThing = {40, 30, 20, 20};
inline constexpr PixelRect kOther = {100, 60, 16, 16};
inline constexpr GstClockTime kFrameTime = 40 * GST_MSECOND;

using Props = ElementHarness::Properties;
using Ids = std::vector<int>;

// The properties, with a model of the fake core.
Props With(Props properties, const std::string& model = "ok");

// A sam2track that is fed frames of one size with increasing times.
class Tracker : public ElementHarness {
 public:
  explicit Tracker(const Properties& properties = {}, const std::string& caps = kCaps,
                   const std::string& model = "ok")
      : ElementHarness("sam2track", With(properties, model), caps), caps_(caps) {}

  void ChangeCaps(const std::string& caps);
  // The next frame's presentation time.
  void SetTime(GstClockTime time) { time_ = time; }
  void SetNextFlags(GstBufferFlags flags) { next_flags_ = flags; }
  Buffer NextFrame(const std::vector<PixelRect>& bright);
  Buffer ProcessFrame(const std::vector<PixelRect>& bright) { return Process(NextFrame(bright)); }

  // The objects after a frame; nothing when the buffer has no meta.
  std::optional<ObjectsRecord> Track(const std::vector<PixelRect>& bright);
  // The same for a frame with regions of interest of a detector.
  std::optional<ObjectsRecord> Detect(const std::vector<PixelRect>& bright,
                                      const std::vector<PixelRect>& regions);

  // Events from upstream.
  bool Send(GstEvent* event) { return gst_harness_push_event(harness(), event) != FALSE; }
  void SendSegment();
  void Flush();

  int AddBox(int id, const PixelRect& box);
  std::vector<Message> Warnings() { return Only(Messages(), GST_MESSAGE_WARNING); }

 private:
  std::string caps_;
  GstClockTime time_ = 0;
  guint next_flags_ = 0;
};

GstElement* NewElement(const char* factory);

Ids IdsOf(const std::optional<ObjectsRecord>& record);

bool Contains(const std::string& text, const std::string& part);

Buffer WithRegion(Buffer frame, const char* type, const PixelRect& rect);

// A sam2-prompt event with these fields, as text.
GstEvent* PromptEvent(const std::string& fields);

}  // namespace gstsam2::testing
