// SPDX-License-Identifier: Apache-2.0

/**
 * SECTION:element-sam2track
 * @title: sam2track
 *
 * Follows objects through a video with the SAM 2 family of networks: a box or
 * clicks on any frame go in beside the pixels, masks, boxes and stable ids come
 * out beside the pixels of that and every later frame. The pixels pass
 * unchanged.
 *
 * ## Example launch line
 *
 * |[
 * gst-launch-1.0 filesrc location=in.mp4 ! decodebin ! videoconvert ! \
 *   sam2track box="120,80,200,160" ! sam2overlay ! videoconvert ! autovideosink
 * ]|
 *
 * ## Prompts
 *
 * What shall be followed is said by the #GstSam2Track:box property, by a file
 * (#GstSam2Track:prompts-location), by regions of interest on the buffers (any
 * detector's, see #GstSam2Track:prompt-policy), by the action signals, or by a
 * custom downstream event:
 *
 * |[<!-- language="C" -->
 * GstStructure *s = gst_structure_new ("sam2-prompt", "box", G_TYPE_STRING,
 *     "120,80,200,160", "label", G_TYPE_STRING, "dog", NULL);
 * gst_element_send_event (track, gst_event_new_custom (
 *     GST_EVENT_CUSTOM_DOWNSTREAM, s));
 * ]|
 *
 * A prompt has the fields `frame` (number of the frame since the start) or
 * `pts` (nanoseconds), default: the next frame; `id` (default: a new object);
 * `label`; `box` [x, y, width, height] in pixels; `points` [[x, y, 1 or 0],
 * ...]; `action`: `add` (default), `refine`, `replace`, `remove`. In an event
 * `box` and `points` are arrays, or text: "x,y,width,height" and "x,y,1;x,y,0".
 * A prompts file holds one such JSON object a line:
 *
 * |[
 * {"frame": 0, "id": 1, "label": "dog", "box": [120, 80, 200, 160]}
 * {"frame": 40, "id": 1, "action": "refine", "points": [[150, 90, 1], [300, 200, 0]]}
 * {"pts": 3000000000, "id": 1, "action": "remove"}
 * ]|
 *
 * A prompt that cannot be used is refused with a warning message, and the
 * stream goes on.
 *
 * ## Results
 *
 * From the first accepted prompt on, every buffer carries a #GstCustomMeta named
 * `GstSam2Objects`, and a #GstVideoRegionOfInterestMeta for each object with a
 * box. When an object's state changes, an element message `sam2-object` with
 * the fields `id` (int), `from` and `to` (string: `none`, `tracked`,
 * `occluded`, `lost`), `pts` (guint64) and `label` (string, may be absent) is
 * posted.
 */

#include "track.h"

#include <gst/video/video.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "errors.h"
#include "frame_view.h"
#include "latency.h"
#include "model_properties.h"
#include "prompt_event.h"
#include "prompts.h"
#include "track_session.h"

GST_DEBUG_CATEGORY(gst_sam2_track_debug);
#define GST_CAT_DEFAULT gst_sam2_track_debug

namespace {

using gstsam2::PromptPolicy;
using gstsam2::PromptRequest;

// The C++ half of the element.
struct Track {
  gstsam2::TrackSettings settings;  // under the object lock
  gstsam2::PromptQueue queue;
  gstsam2::LatencyMeter latency;
  std::unique_ptr<gstsam2::TrackSession> session;  // between start and stop
};

enum Property {
  PROP_BOX = gstsam2::kModelProperties + 1,
  PROP_PROMPTS_LOCATION,
  PROP_PROMPT_POLICY,
  PROP_MATCH_IOU,
  PROP_LOST_TIMEOUT,
  PROP_MAX_OBJECTS,
  PROP_FILL_HOLE_AREA,
};

}  // namespace

struct _GstSam2Track {
  GstBaseTransform parent;
  Track* impl;
};

G_DEFINE_FINAL_TYPE(GstSam2Track, gst_sam2_track, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(
    sam2track, "sam2track", GST_RANK_NONE, GST_TYPE_SAM2_TRACK,
    GST_DEBUG_CATEGORY_INIT(gst_sam2_track_debug, "sam2track", 0, "SAM 2 video tracker"))

#define SAM2_TRACK_CAPS                                                               \
  "video/x-raw, format = (string) " SAM2_VIDEO_FORMATS                                \
  ", width = (int) [ 16, 8192 ], height = (int) [ 16, 8192 ], framerate = (fraction) " \
  "[ 0, max ]"

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(SAM2_TRACK_CAPS));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(SAM2_TRACK_CAPS));

// ---------------------------------------------------------------- properties

#define GST_TYPE_SAM2_PROMPT_POLICY (gst_sam2_prompt_policy_get_type())
static GType gst_sam2_prompt_policy_get_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(PromptPolicy::kNew),
       "A detection that matches no live object starts one", "new"},
      {static_cast<int>(PromptPolicy::kFirst),
       "Only detections on the first frame that has any start objects", "first"},
      {static_cast<int>(PromptPolicy::kAlways),
       "As new; a detection that disagrees with the object it matches refines it", "always"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstSam2PromptPolicy", values);
  return type;
}

static std::string string_of(const GValue* value) {
  const char* text = g_value_get_string(value);
  return text != nullptr ? text : "";
}

static void gst_sam2_track_set_property(GObject* object, guint id, const GValue* value,
                                        GParamSpec* spec) {
  GstSam2Track* self = GST_SAM2_TRACK(object);
  gstsam2::TrackSettings& settings = self->impl->settings;
  GST_OBJECT_LOCK(self);
  switch (id) {
    case PROP_BOX: settings.box = string_of(value); break;
    case PROP_PROMPTS_LOCATION: settings.prompts_location = string_of(value); break;
    case PROP_PROMPT_POLICY:
      settings.prompt_policy = static_cast<PromptPolicy>(g_value_get_enum(value));
      break;
    case PROP_MATCH_IOU: settings.match_iou = g_value_get_float(value); break;
    case PROP_LOST_TIMEOUT: settings.lost_timeout = g_value_get_uint64(value); break;
    case PROP_MAX_OBJECTS: settings.max_objects = g_value_get_int(value); break;
    case PROP_FILL_HOLE_AREA: settings.fill_hole_area = g_value_get_int(value); break;
    default:
      if (!gstsam2::SetModelProperty(settings, id, value)) {
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
      }
      break;
  }
  GST_OBJECT_UNLOCK(self);
}

static void gst_sam2_track_get_property(GObject* object, guint id, GValue* value,
                                        GParamSpec* spec) {
  GstSam2Track* self = GST_SAM2_TRACK(object);
  const gstsam2::TrackSettings& settings = self->impl->settings;
  const auto set_text = [value](const std::string& text) {
    g_value_set_string(value, text.empty() ? nullptr : text.c_str());
  };
  GST_OBJECT_LOCK(self);
  switch (id) {
    case PROP_BOX: set_text(settings.box); break;
    case PROP_PROMPTS_LOCATION: set_text(settings.prompts_location); break;
    case PROP_PROMPT_POLICY:
      g_value_set_enum(value, static_cast<int>(settings.prompt_policy));
      break;
    case PROP_MATCH_IOU: g_value_set_float(value, settings.match_iou); break;
    case PROP_LOST_TIMEOUT: g_value_set_uint64(value, settings.lost_timeout); break;
    case PROP_MAX_OBJECTS: g_value_set_int(value, settings.max_objects); break;
    case PROP_FILL_HOLE_AREA: g_value_set_int(value, settings.fill_hole_area); break;
    default:
      if (!gstsam2::GetModelProperty(settings, id, value)) {
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
      }
      break;
  }
  GST_OBJECT_UNLOCK(self);
}

static void install_properties(GObjectClass* klass) {
  const auto flags = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                              GST_PARAM_MUTABLE_READY);
  const gstsam2::TrackSettings defaults;
  gstsam2::InstallModelProperties(klass);
  g_object_class_install_property(
      klass, PROP_BOX,
      g_param_spec_string(
          "box", "Box",
          "Objects to follow from the first frame on: \"x,y,width,height\" in pixels of the "
          "frame, several separated by ';'. They get the ids 1, 2, ... unless the prompts file "
          "asks for ids: then those above",
          nullptr, flags));
  g_object_class_install_property(
      klass, PROP_PROMPTS_LOCATION,
      g_param_spec_string(
          "prompts-location", "Prompts location",
          "JSON Lines file with prompts for any frame, one object a line with the keys: frame "
          "(number from 0) or pts (nanoseconds), id, label, box [x, y, width, height], points "
          "[[x, y, 1 or 0], ...], action (add, refine, replace, remove)",
          nullptr, flags));
  g_object_class_install_property(
      klass, PROP_PROMPT_POLICY,
      g_param_spec_enum("prompt-policy", "Prompt policy",
                        "What becomes of detections, which are regions of interest on the buffers",
                        GST_TYPE_SAM2_PROMPT_POLICY, static_cast<int>(defaults.prompt_policy),
                        flags));
  g_object_class_install_property(
      klass, PROP_MATCH_IOU,
      g_param_spec_float("match-iou", "Match IoU",
                         "A detection matches a live object when the intersection over union of "
                         "their boxes is at least this",
                         0, 1, defaults.match_iou, flags));
  g_object_class_install_property(
      klass, PROP_LOST_TIMEOUT,
      g_param_spec_uint64("lost-timeout", "Lost timeout",
                          "An occluded object is lost when it was not seen for this long, in "
                          "nanoseconds. It comes back under its id when seen again",
                          0, G_MAXINT64, defaults.lost_timeout, flags));
  g_object_class_install_property(
      klass, PROP_MAX_OBJECTS,
      g_param_spec_int("max-objects", "Maximum objects",
                       "Objects followed at once; a prompt for one more is refused", 1, 100000,
                       defaults.max_objects, flags));
  g_object_class_install_property(
      klass, PROP_FILL_HOLE_AREA,
      g_param_spec_int("fill-hole-area", "Fill hole area",
                       "Holes in masks of at most this area, in pixels of a quarter of "
                       "the network's input, are filled; 0: none",
                       0, 100000, defaults.fill_hole_area, flags));
}

// ---------------------------------------------------------------- signals

static int gst_sam2_track_add_box(GstSam2Track* self, int id, double x, double y, double width,
                                  double height, const char* label) {
  PromptRequest request;
  request.prompt.id = CLAMP(id, 0, gstsam2::kMaxId);
  request.prompt.action = id > 0 ? sam2::PromptAction::kRefine : sam2::PromptAction::kAdd;
  request.prompt.box =
      sam2::Box{static_cast<float>(x), static_cast<float>(y), static_cast<float>(x + width),
                static_cast<float>(y + height)};
  request.label = label != nullptr ? label : "";
  request.source = "signal add-box";
  return self->impl->queue.Add(std::move(request));
}

static int gst_sam2_track_add_point(GstSam2Track* self, int id, double x, double y,
                                    gboolean positive) {
  PromptRequest request;
  request.prompt.id = CLAMP(id, 0, gstsam2::kMaxId);
  request.prompt.action = id > 0 ? sam2::PromptAction::kRefine : sam2::PromptAction::kAdd;
  request.prompt.points = {{static_cast<float>(x), static_cast<float>(y), positive != FALSE}};
  request.source = "signal add-point";
  return self->impl->queue.Add(std::move(request));
}

static void gst_sam2_track_remove_object(GstSam2Track* self, int id) {
  PromptRequest request;
  request.prompt.id = CLAMP(id, 0, gstsam2::kMaxId);
  request.prompt.action = sam2::PromptAction::kRemove;
  request.source = "signal remove-object";
  self->impl->queue.Add(std::move(request));
}

static void gst_sam2_track_reset(GstSam2Track* self) { self->impl->queue.Reset(); }

static void install_signals(GstSam2TrackClass* klass) {
  const GType type = G_TYPE_FROM_CLASS(klass);
  const auto flags = static_cast<GSignalFlags>(G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION);
  /**
   * GstSam2Track::add-box:
   * @id: 0 for a new object, or the object whose box this is
   * @x: left edge in pixels of the frame
   * @y: upper edge
   * @width: width
   * @height: height
   * @label: (nullable): name of the object
   *
   * A box for the next frame.
   *
   * Returns: the object's id
   */
  g_signal_new_class_handler("add-box", type, flags, G_CALLBACK(gst_sam2_track_add_box), nullptr,
                             nullptr, nullptr, G_TYPE_INT, 6, G_TYPE_INT, G_TYPE_DOUBLE,
                             G_TYPE_DOUBLE, G_TYPE_DOUBLE, G_TYPE_DOUBLE, G_TYPE_STRING);
  /**
   * GstSam2Track::add-point:
   * @id: 0 for a new object, or the object that the point refines
   * @x: in pixels of the frame
   * @y: in pixels of the frame
   * @positive: whether the point is on the object
   *
   * A click for the next frame.
   *
   * Returns: the object's id
   */
  g_signal_new_class_handler("add-point", type, flags, G_CALLBACK(gst_sam2_track_add_point),
                             nullptr, nullptr, nullptr, G_TYPE_INT, 4, G_TYPE_INT, G_TYPE_DOUBLE,
                             G_TYPE_DOUBLE, G_TYPE_BOOLEAN);
  /**
   * GstSam2Track::remove-object:
   * @id: the object
   *
   * Drops an object from the next frame on.
   */
  g_signal_new_class_handler("remove-object", type, flags,
                             G_CALLBACK(gst_sam2_track_remove_object), nullptr, nullptr, nullptr,
                             G_TYPE_NONE, 1, G_TYPE_INT);
  /**
   * GstSam2Track::reset:
   *
   * Drops all objects and waiting prompts at the next frame.
   */
  g_signal_new_class_handler("reset", type, flags, G_CALLBACK(gst_sam2_track_reset), nullptr,
                             nullptr, nullptr, G_TYPE_NONE, 0);
}

// ---------------------------------------------------------------- stream

static gboolean gst_sam2_track_start(GstBaseTransform* base) {
  GstSam2Track* self = GST_SAM2_TRACK(base);
  GST_OBJECT_LOCK(self);
  const gstsam2::TrackSettings settings = self->impl->settings;
  GST_OBJECT_UNLOCK(self);
  return gstsam2::Guard(GST_ELEMENT(self), FALSE, [&] {
    self->impl->session = std::make_unique<gstsam2::TrackSession>(GST_ELEMENT(self), settings,
                                                                  self->impl->queue);
    return TRUE;
  });
}

static gboolean gst_sam2_track_stop(GstBaseTransform* base) {
  Track& impl = *GST_SAM2_TRACK(base)->impl;
  impl.session.reset();
  impl.queue.Clear();
  impl.latency.Clear();
  return TRUE;
}

static gboolean gst_sam2_track_set_caps(GstBaseTransform* base, GstCaps* in, GstCaps*) {
  GstSam2Track* self = GST_SAM2_TRACK(base);
  GstVideoInfo info;
  if (!gst_video_info_from_caps(&info, in)) return FALSE;
  self->impl->session->SetInfo(info);
  return TRUE;
}

static GstFlowReturn gst_sam2_track_transform_ip(GstBaseTransform* base, GstBuffer* buffer) {
  GstSam2Track* self = GST_SAM2_TRACK(base);
  return gstsam2::Guard(GST_ELEMENT(self), GST_FLOW_ERROR, [&] {
    const GstClockTime start = gst_util_get_timestamp();
    const bool worked = self->impl->session->Process(buffer);
    if (worked && self->impl->latency.Add(gst_util_get_timestamp() - start)) {
      gst_element_post_message(GST_ELEMENT(self), gst_message_new_latency(GST_OBJECT(self)));
    }
    return GST_FLOW_OK;
  });
}

static gboolean gst_sam2_track_sink_event(GstBaseTransform* base, GstEvent* event) {
  GstSam2Track* self = GST_SAM2_TRACK(base);
  if (gstsam2::IsPromptEvent(event)) {
    gstsam2::QueueEventPrompt(GST_ELEMENT(self), self->impl->queue, event);
    gst_event_unref(event);
    return TRUE;
  }
  if (GST_EVENT_TYPE(event) == GST_EVENT_EOS && self->impl->session != nullptr) {
    self->impl->session->EndOfStream();
  }
  return GST_BASE_TRANSFORM_CLASS(gst_sam2_track_parent_class)->sink_event(base, event);
}

static gboolean gst_sam2_track_send_event(GstElement* element, GstEvent* event) {
  if (!gstsam2::IsPromptEvent(event)) {
    return GST_ELEMENT_CLASS(gst_sam2_track_parent_class)->send_event(element, event);
  }
  gstsam2::QueueEventPrompt(element, GST_SAM2_TRACK(element)->impl->queue, event);
  gst_event_unref(event);
  return TRUE;
}

static gboolean gst_sam2_track_query(GstBaseTransform* base, GstPadDirection direction,
                                     GstQuery* query) {
  GstSam2Track* self = GST_SAM2_TRACK(base);
  if (!GST_BASE_TRANSFORM_CLASS(gst_sam2_track_parent_class)->query(base, direction, query)) {
    return FALSE;
  }
  if (GST_QUERY_TYPE(query) == GST_QUERY_LATENCY && direction == GST_PAD_SRC) {
    self->impl->latency.AddTo(query);
  }
  return TRUE;
}

// ---------------------------------------------------------------- type

static void gst_sam2_track_init(GstSam2Track* self) {
  self->impl = new Track;
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
}

static void gst_sam2_track_finalize(GObject* object) {
  delete GST_SAM2_TRACK(object)->impl;
  G_OBJECT_CLASS(gst_sam2_track_parent_class)->finalize(object);
}

static void gst_sam2_track_class_init(GstSam2TrackClass* klass) {
  GObjectClass* object_class = G_OBJECT_CLASS(klass);
  GstElementClass* element_class = GST_ELEMENT_CLASS(klass);
  GstBaseTransformClass* base_class = GST_BASE_TRANSFORM_CLASS(klass);

  object_class->set_property = gst_sam2_track_set_property;
  object_class->get_property = gst_sam2_track_get_property;
  object_class->finalize = gst_sam2_track_finalize;
  install_properties(object_class);
  install_signals(klass);

  gst_element_class_set_static_metadata(
      element_class, "SAM 2 video tracker", "Filter/Analyzer/Video",
      "Follows objects through a video with the SAM 2 family: a box or clicks on any frame give "
      "masks, boxes and stable ids on every later frame, as metadata beside the unchanged pixels. "
      "Example: gst-launch-1.0 filesrc location=in.mp4 ! decodebin ! videoconvert ! sam2track "
      "box=\"120,80,200,160\" ! sam2overlay ! videoconvert ! autovideosink. "
      "Prompts also come from a file (prompts-location), from regions of interest of any detector "
      "(prompt-policy), from downstream custom events named sam2-prompt with the same fields, and "
      "from signals, for the next frame: add-box (id or 0 for a new object, x, y, width, height, "
      "label or NULL; returns the id), add-point (id or 0, x, y, positive; returns the id), "
      "remove-object (id), reset (). Each change of an object's state posts an element message "
      "sam2-object (id, from, to, pts, label).",
      "gst-sam2");
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_type_mark_as_plugin_api(GST_TYPE_SAM2_PROMPT_POLICY, static_cast<GstPluginAPIFlags>(0));
  element_class->send_event = gst_sam2_track_send_event;

  base_class->start = gst_sam2_track_start;
  base_class->stop = gst_sam2_track_stop;
  base_class->set_caps = gst_sam2_track_set_caps;
  base_class->transform_ip = gst_sam2_track_transform_ip;
  base_class->sink_event = gst_sam2_track_sink_event;
  base_class->query = gst_sam2_track_query;
}
