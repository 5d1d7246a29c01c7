// SPDX-License-Identifier: Apache-2.0
#include "filter.h"

#include <utility>

#include "allocation.h"
#include "errors.h"
#include "prompt_event.h"

G_DEFINE_ABSTRACT_TYPE(GstSam2Filter, gst_sam2_filter, GST_TYPE_BASE_TRANSFORM)

namespace {

using gstsam2::Filter;

enum Property {
  PROP_BOX = gstsam2::kModelProperties + 1,
  PROP_PROMPTS_LOCATION,
  PROP_NAVIGATION,
};

// Of a stream of unknown rate; a frame may wait for longer where nothing happens.
constexpr GstClockTime kLongestWait = GST_SECOND;

Filter& ImplOf(gpointer object) { return *GST_SAM2_FILTER(object)->impl; }

gstsam2::Setting SettingOf(Filter& impl, guint id) {
  gstsam2::FilterSettings& settings = impl.settings();
  switch (id) {
    case PROP_BOX: return gstsam2::Setting(settings.box);
    case PROP_PROMPTS_LOCATION: return gstsam2::Setting(settings.prompts_location);
    case PROP_NAVIGATION: return gstsam2::Setting(settings.navigation);
    default:
      return id <= gstsam2::kModelProperties ? gstsam2::ModelSetting(settings, id)
                                             : impl.SettingOf(id);
  }
}

}  // namespace

static void gst_sam2_filter_set_property(GObject* object, guint id, const GValue* value,
                                         GParamSpec* spec) {
  gstsam2::SetProperty(object, SettingOf(ImplOf(object), id), id, value, spec);
}

static void gst_sam2_filter_get_property(GObject* object, guint id, GValue* value,
                                         GParamSpec* spec) {
  gstsam2::GetProperty(object, SettingOf(ImplOf(object), id), id, value, spec);
}

namespace gstsam2 {

void InstallFilterProperties(GObjectClass* klass, const FilterBlurbs& blurbs) {
  // Not inherited: GObject resets them for each class.
  klass->set_property = gst_sam2_filter_set_property;
  klass->get_property = gst_sam2_filter_get_property;
  InstallModelProperties(klass);
  g_object_class_install_property(
      klass, PROP_BOX, g_param_spec_string("box", "Box", blurbs.box, nullptr, kReadyFlags));
  g_object_class_install_property(
      klass, PROP_PROMPTS_LOCATION,
      g_param_spec_string("prompts-location", "Prompts location", blurbs.prompts_location, nullptr,
                          kReadyFlags));
  g_object_class_install_property(
      klass, PROP_NAVIGATION,
      g_param_spec_boolean("navigation", "Navigation", blurbs.navigation,
                           FilterSettings().navigation, kPlayingFlags));
}

}  // namespace gstsam2

// ---------------------------------------------------------------- stream

static gboolean gst_sam2_filter_start(GstBaseTransform* base) {
  Filter& impl = ImplOf(base);
  return gstsam2::Guard(GST_ELEMENT(base), FALSE, [&] {
    impl.interrupt = std::stop_source();
    impl.session = impl.NewSession();
    return TRUE;
  });
}

// A frame that may be being read.
static void drop(Filter& impl, GstBuffer* buffer) {
  impl.session->ForgetNext();
  gst_buffer_unref(buffer);
}

static void drop_held(Filter& impl) {
  if (impl.held != nullptr) drop(impl, std::exchange(impl.held, nullptr));
}

static gboolean gst_sam2_filter_stop(GstBaseTransform* base) {
  Filter& impl = ImplOf(base);
  drop_held(impl);
  impl.session.reset();
  impl.queue.Clear();
  impl.mouse.Clear();
  impl.latency.Clear();
  return TRUE;
}

static void post_latency(GstBaseTransform* base) {
  gst_element_post_message(GST_ELEMENT(base), gst_message_new_latency(GST_OBJECT(base)));
}

static gboolean gst_sam2_filter_set_caps(GstBaseTransform* base, GstCaps* in, GstCaps*) {
  GstVideoInfo info;
  if (!gst_video_info_from_caps(&info, in)) return FALSE;
  Filter& impl = ImplOf(base);
  impl.session->SetInfo(info);
  impl.mouse.SetFrameSize(info.width, info.height);
  const GstClockTime hold_time = impl.hold_time();
  impl.variable_rate = info.fps_n <= 0;
  impl.frame_duration =
      info.fps_n > 0 ? gst_util_uint64_scale(GST_SECOND, info.fps_d, info.fps_n) : 0;
  if (impl.hold_time() != hold_time) post_latency(base);
  return TRUE;
}

static GstFlowReturn process(GstBaseTransform* base, GstBuffer* buffer, GstBuffer* next) {
  Filter& impl = ImplOf(base);
  return gstsam2::Guard(GST_ELEMENT(base), GST_FLOW_ERROR, [&] {
    const GstClockTime start = gst_util_get_timestamp();
    impl.BeforeFrame(buffer);
    const bool worked = impl.session->Process(buffer, next);
    if (impl.interrupt.stop_requested()) return GST_FLOW_FLUSHING;
    if (!worked) return GST_FLOW_OK;
    const GstClockTime step = gst_util_get_timestamp() - start;
    impl.AfterStep(step);
    if (impl.latency.Add(step)) post_latency(base);
    return GST_FLOW_OK;
  });
}

static GstFlowReturn gst_sam2_filter_transform_ip(GstBaseTransform* base, GstBuffer* buffer) {
  return process(base, buffer, nullptr);
}

// What the base class notes of a frame that it pushes itself, for POSITION queries.
static void note_position(GstBaseTransform* base, GstBuffer* buffer) {
  if (base->segment.format != GST_FORMAT_TIME || !GST_BUFFER_PTS_IS_VALID(buffer)) return;
  const bool timed = GST_BUFFER_DURATION_IS_VALID(buffer);
  base->segment.position = GST_BUFFER_PTS(buffer) + (timed ? GST_BUFFER_DURATION(buffer) : 0);
}

// Of a stream of unknown rate: how long `due` has waited for `next`, by their times.
static void learn_duration(GstBaseTransform* base, GstBuffer* due, GstBuffer* next) {
  Filter& impl = ImplOf(base);
  if (!impl.variable_rate || next == nullptr) return;
  const GstClockTime from = GST_BUFFER_PTS(due), to = GST_BUFFER_PTS(next);
  if (!GST_CLOCK_TIME_IS_VALID(from) || !GST_CLOCK_TIME_IS_VALID(to) || to <= from) return;
  const GstClockTime waited = std::min(to - from, kLongestWait);
  const GstClockTime known = impl.frame_duration;
  if (waited <= known) return;
  impl.frame_duration = waited;
  if (waited - known > known / 10) post_latency(base);
}

// Lets the frame that waits go; `next` waits in its place, if there is one. Not by way of the base
// class, which would mark it for a discontinuity at the next one.
static GstFlowReturn let_go(GstBaseTransform* base, GstBuffer* next = nullptr) {
  Filter& impl = ImplOf(base);
  GstBuffer* due = std::exchange(impl.held, next);
  if (due == nullptr) return GST_FLOW_OK;
  learn_duration(base, due, next);
  const GstFlowReturn flow = process(base, due, next);
  if (flow != GST_FLOW_OK) {
    drop(impl, due);
    return flow;
  }
  note_position(base, due);
  return gst_pad_push(GST_BASE_TRANSFORM_SRC_PAD(base), due);
}

// With LooksAhead(): a frame leaves when the next one is there.
static GstFlowReturn gst_sam2_filter_generate_output(GstBaseTransform* base, GstBuffer** out) {
  if (!ImplOf(base).LooksAhead()) {
    return GST_BASE_TRANSFORM_CLASS(gst_sam2_filter_parent_class)->generate_output(base, out);
  }
  *out = nullptr;
  GstBuffer* next = std::exchange(base->queued_buf, nullptr);
  return next != nullptr ? let_go(base, gst_buffer_make_writable(next)) : GST_FLOW_OK;
}

static gboolean gst_sam2_filter_sink_event(GstBaseTransform* base, GstEvent* event) {
  Filter& impl = ImplOf(base);
  const bool serialized =
      (gst_event_type_get_flags(GST_EVENT_TYPE(event)) & GST_EVENT_TYPE_SERIALIZED) != 0;
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) {
    drop_held(impl);
  } else if (serialized) {
    let_go(base);
  }
  if (gstsam2::IsPromptEvent(event)) {
    gstsam2::QueueEventPrompt(GST_ELEMENT(base), impl.queue, event);
    gst_event_unref(event);
    return TRUE;
  }
  if (serialized && impl.session != nullptr) impl.session->SeeEvent(event);
  return GST_BASE_TRANSFORM_CLASS(gst_sam2_filter_parent_class)->sink_event(base, event);
}

static gboolean gst_sam2_filter_src_event(GstBaseTransform* base, GstEvent* event) {
  Filter& impl = ImplOf(base);
  if (GST_EVENT_TYPE(event) == GST_EVENT_LATENCY) {
    GstClockTime latency = 0;
    gst_event_parse_latency(event, &latency);
    impl.SeePipelineLatency(latency);
  }
  GST_OBJECT_LOCK(base);
  const bool wanted = impl.TakesNavigation();
  GST_OBJECT_UNLOCK(base);
  if (wanted && impl.mouse.Handle(event, impl.queue)) {
    gst_event_unref(event);
    return TRUE;
  }
  return GST_BASE_TRANSFORM_CLASS(gst_sam2_filter_parent_class)->src_event(base, event);
}

static gboolean gst_sam2_filter_send_event(GstElement* element, GstEvent* event) {
  if (!gstsam2::IsPromptEvent(event)) {
    return GST_ELEMENT_CLASS(gst_sam2_filter_parent_class)->send_event(element, event);
  }
  gstsam2::QueueEventPrompt(element, ImplOf(element).queue, event);
  gst_event_unref(event);
  return TRUE;
}

static gboolean gst_sam2_filter_query(GstBaseTransform* base, GstPadDirection direction,
                                      GstQuery* query) {
  const bool serialized =
      (gst_query_type_get_flags(GST_QUERY_TYPE(query)) & GST_QUERY_TYPE_SERIALIZED) != 0;
  if (direction == GST_PAD_SINK && serialized) let_go(base);
  if (!GST_BASE_TRANSFORM_CLASS(gst_sam2_filter_parent_class)->query(base, direction, query)) {
    return FALSE;
  }
  if (GST_QUERY_TYPE(query) == GST_QUERY_LATENCY && direction == GST_PAD_SRC) {
    Filter& impl = ImplOf(base);
    gboolean live = FALSE;
    GstClockTime min = 0;
    gst_query_parse_latency(query, &live, &min, nullptr);
    impl.SeeUpstreamLatency(live, min);
    impl.latency.AddTo(query, impl.hold_time());
  }
  return TRUE;
}

static gboolean gst_sam2_filter_propose_allocation(GstBaseTransform* base, GstQuery* decide,
                                                   GstQuery* query) {
  const gboolean proposed = GST_BASE_TRANSFORM_CLASS(gst_sam2_filter_parent_class)
                                ->propose_allocation(base, decide, query);
  gstsam2::RefuseCropMeta(query);
  if (ImplOf(base).LooksAhead()) gstsam2::AskForOneMoreBuffer(query);
  return proposed;
}

static GstStateChangeReturn gst_sam2_filter_change_state(GstElement* element,
                                                         GstStateChange transition) {
  // Before the streaming thread is waited for.
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) ImplOf(element).interrupt.request_stop();
  return GST_ELEMENT_CLASS(gst_sam2_filter_parent_class)->change_state(element, transition);
}

// ---------------------------------------------------------------- type

static void gst_sam2_filter_init(GstSam2Filter* self) {
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
}

static void gst_sam2_filter_finalize(GObject* object) {
  delete GST_SAM2_FILTER(object)->impl;
  G_OBJECT_CLASS(gst_sam2_filter_parent_class)->finalize(object);
}

static void gst_sam2_filter_class_init(GstSam2FilterClass* klass) {
  GstBaseTransformClass* base_class = GST_BASE_TRANSFORM_CLASS(klass);

  G_OBJECT_CLASS(klass)->finalize = gst_sam2_filter_finalize;
  GST_ELEMENT_CLASS(klass)->send_event = gst_sam2_filter_send_event;
  GST_ELEMENT_CLASS(klass)->change_state = gst_sam2_filter_change_state;
  base_class->start = gst_sam2_filter_start;
  base_class->stop = gst_sam2_filter_stop;
  base_class->set_caps = gst_sam2_filter_set_caps;
  base_class->transform_ip = gst_sam2_filter_transform_ip;
  base_class->generate_output = gst_sam2_filter_generate_output;
  base_class->sink_event = gst_sam2_filter_sink_event;
  base_class->src_event = gst_sam2_filter_src_event;
  base_class->query = gst_sam2_filter_query;
  base_class->propose_allocation = gst_sam2_filter_propose_allocation;
  gst_type_mark_as_plugin_api(GST_TYPE_SAM2_FILTER, static_cast<GstPluginAPIFlags>(0));
}
