// SPDX-License-Identifier: Apache-2.0
#include "tracker_harness.h"

#include <utility>

namespace gstsam2::testing {

Props With(Props properties, const std::string& model) {
  properties.emplace_back("model", FakeModel(model));
  return properties;
}

void Tracker::ChangeCaps(const std::string& caps) {
  caps_ = caps;
  SetCaps(caps);
}

Buffer Tracker::NextFrame(const std::vector<PixelRect>& bright) {
  Buffer frame = MakeFrame(caps_, time_, bright);
  GST_BUFFER_FLAG_SET(frame.get(), std::exchange(next_flags_, 0));
  time_ += kFrameTime;
  return frame;
}

std::optional<ObjectsRecord> Tracker::Track(const std::vector<PixelRect>& bright) {
  return Detect(bright, {});
}

std::optional<ObjectsRecord> Tracker::Detect(const std::vector<PixelRect>& bright,
                                             const std::vector<PixelRect>& regions) {
  Buffer frame = NextFrame(bright);
  for (const PixelRect& region : regions) frame = WithRegion(std::move(frame), "car", region);
  const Buffer out = Process(std::move(frame));
  return out != nullptr ? ReadObjects(out.get()) : std::nullopt;
}

void Tracker::SendSegment() {
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  Send(gst_event_new_segment(&segment));
}

void Tracker::Flush() {
  Send(gst_event_new_flush_start());
  Send(gst_event_new_flush_stop(TRUE));
  SendSegment();
}

int Tracker::AddBox(int id, const PixelRect& box) {
  int result = 0;
  g_signal_emit_by_name(element(), "add-box", id, static_cast<double>(box.x),
                        static_cast<double>(box.y), static_cast<double>(box.width),
                        static_cast<double>(box.height), nullptr, &result);
  return result;
}

GstElement* NewElement(const char* factory) {
  return GST_ELEMENT(gst_object_ref_sink(gst_element_factory_make(factory, nullptr)));
}

Ids IdsOf(const std::optional<ObjectsRecord>& record) {
  Ids ids;
  if (record) {
    for (const ObjectRecord& object : record->objects) ids.push_back(object.id);
  }
  return ids;
}

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Buffer WithRegion(Buffer frame, const char* type, const PixelRect& rect) {
  gst_buffer_add_video_region_of_interest_meta(frame.get(), type, rect.x, rect.y, rect.width,
                                               rect.height);
  return frame;
}

GstEvent* PromptEvent(const std::string& fields) {
  return gst_event_new_custom(
      GST_EVENT_CUSTOM_DOWNSTREAM,
      gst_structure_from_string(("sam2-prompt, " + fields + ";").c_str(), nullptr));
}

}  // namespace gstsam2::testing
