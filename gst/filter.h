// SPDX-License-Identifier: Apache-2.0
//
// The base class of the elements that take prompts and run a network, sam2track
// and sam2segment: everything that a GStreamer element has to do around a
// Session.
#pragma once

#include <gst/base/gstbasetransform.h>

#include <atomic>
#include <memory>
#include <stop_token>

#include "latency.h"
#include "prompts.h"
#include "mouse_prompts.h"
#include "session.h"

namespace gstsam2 {

// Ids of the properties; an element's own start at kFilterProperties + 1.
inline constexpr guint kFilterProperties = kModelProperties + 3;

// What these properties say to the user.
struct FilterBlurbs {
  const char* box;
  const char* prompts_location;
  const char* navigation;
};

// Installs box, prompts-location, navigation and the model's properties.
void InstallFilterProperties(GObjectClass* klass, const FilterBlurbs& blurbs);

// The C++ half of an element. The element owns it.
class Filter {
 public:
  Filter(GstElement* element, MouseMode mouse_mode) : mouse(mouse_mode), element_(element) {}
  virtual ~Filter() = default;

  GstElement* element() const { return element_; }

  // To be read and set under the object lock.
  virtual FilterSettings& settings() = 0;
  // One of the element's own properties; none when the id is none of them.
  virtual Setting SettingOf(guint id) = 0;
  // Whether mouse and keys prompt, as the properties stand.
  virtual bool TakesNavigation() { return settings().navigation; }

  // A session with the properties as they stand. Throws ElementError and sam2::Error.
  virtual std::unique_ptr<Session> NewSession() = 0;
  // Before each frame, for what may change while the stream runs.
  virtual void BeforeFrame(GstBuffer*) {}
  // Whether a frame waits for the next one before it is processed, from start to stop.
  virtual bool LooksAhead() const { return false; }
  // After a frame that the network worked on for so long.
  virtual void AfterStep(GstClockTime) {}
  // What upstream answered to a latency query. Any thread.
  virtual void SeeUpstreamLatency(bool /*live*/, GstClockTime /*min*/) {}
  // The pipeline's latency as its sinks have it. Any thread.
  virtual void SeePipelineLatency(GstClockTime) {}

  PromptQueue queue;
  MousePrompts mouse;
  LatencyMeter latency;
  std::unique_ptr<Session> session;  // between start and stop
  std::stop_source interrupt;        // of the session; asked for before the stream stops
  GstBuffer* held = nullptr;         // the frame that waits; of the streaming thread
  // As the caps say or, where they do not, the longest seen; 0: not known.
  std::atomic<GstClockTime> frame_duration = 0;
  bool variable_rate = false;  // the caps do not say; of the streaming thread

  // How much later a frame leaves for having waited.
  GstClockTime hold_time() const { return LooksAhead() ? frame_duration.load() : 0; }

 private:
  GstElement* element_;
};

}  // namespace gstsam2

G_BEGIN_DECLS

struct GstSam2Filter {
  GstBaseTransform parent;
  gstsam2::Filter* impl;  // set by the element's instance init
};

struct GstSam2FilterClass {
  GstBaseTransformClass parent_class;
};

GType gst_sam2_filter_get_type();
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GstSam2Filter, gst_object_unref)
#define GST_TYPE_SAM2_FILTER (gst_sam2_filter_get_type())
#define GST_SAM2_FILTER(object) \
  (G_TYPE_CHECK_INSTANCE_CAST((object), GST_TYPE_SAM2_FILTER, GstSam2Filter))

G_END_DECLS
