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

#include <memory>
#include <utility>

#include "frame_view.h"
#include "prompts.h"
#include "track_session.h"

GST_DEBUG_CATEGORY(gst_sam2_track_debug);
#define GST_CAT_DEFAULT gst_sam2_track_debug

namespace {

using gstsam2::kReadyFlags;
using gstsam2::PromptPolicy;

enum Property {
  PROP_PROMPT_POLICY = gstsam2::kFilterProperties + 1,
  PROP_MATCH_IOU,
  PROP_LOST_TIMEOUT,
  PROP_MAX_OBJECTS,
  PROP_FILL_HOLE_AREA,
};

// The C++ half of the element.
class Track final : public gstsam2::Filter {
 public:
  using Filter::Filter;

  gstsam2::FilterSettings& settings() override { return settings_; }
  bool SetProperty(guint id, const GValue* value) override;
  bool GetProperty(guint id, GValue* value) override;
  bool TakesNavigation() override { return false; }
  std::unique_ptr<gstsam2::Session> NewSession() override;

 private:
  gstsam2::TrackSettings settings_;  // under the object lock
};

bool Track::SetProperty(guint id, const GValue* value) {
  switch (id) {
    case PROP_PROMPT_POLICY:
      settings_.prompt_policy = static_cast<PromptPolicy>(g_value_get_enum(value));
      return true;
    case PROP_MATCH_IOU: settings_.match_iou = g_value_get_float(value); return true;
    case PROP_LOST_TIMEOUT: settings_.lost_timeout = g_value_get_uint64(value); return true;
    case PROP_MAX_OBJECTS: settings_.max_objects = g_value_get_int(value); return true;
    case PROP_FILL_HOLE_AREA: settings_.fill_hole_area = g_value_get_int(value); return true;
    default: return false;
  }
}

bool Track::GetProperty(guint id, GValue* value) {
  switch (id) {
    case PROP_PROMPT_POLICY:
      g_value_set_enum(value, static_cast<int>(settings_.prompt_policy));
      return true;
    case PROP_MATCH_IOU: g_value_set_float(value, settings_.match_iou); return true;
    case PROP_LOST_TIMEOUT: g_value_set_uint64(value, settings_.lost_timeout); return true;
    case PROP_MAX_OBJECTS: g_value_set_int(value, settings_.max_objects); return true;
    case PROP_FILL_HOLE_AREA: g_value_set_int(value, settings_.fill_hole_area); return true;
    default: return false;
  }
}

std::unique_ptr<gstsam2::Session> Track::NewSession() {
  GST_OBJECT_LOCK(element());
  const gstsam2::TrackSettings settings = settings_;
  GST_OBJECT_UNLOCK(element());
  return std::make_unique<gstsam2::TrackSession>(element(), settings, queue);
}

}  // namespace

struct _GstSam2Track {
  GstSam2Filter parent;
};

G_DEFINE_FINAL_TYPE(GstSam2Track, gst_sam2_track, GST_TYPE_SAM2_FILTER)
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

static void install_properties(GObjectClass* klass) {
  const gstsam2::TrackSettings defaults;
  gstsam2::InstallFilterProperties(
      klass,
      {.box = "Objects to follow from the first frame on: \"x,y,width,height\" in pixels of the "
              "frame, several separated by ';'. They get the ids 1, 2, ... unless the prompts "
              "file asks for ids: then those above",
       .prompts_location =
           "JSON Lines file with prompts for any frame, one object a line with the keys: frame "
           "(number from 0) or pts (nanoseconds), id, label, box [x, y, width, height], points "
           "[[x, y, 1 or 0], ...], action (add, refine, replace, remove)"});
  g_object_class_install_property(
      klass, PROP_PROMPT_POLICY,
      g_param_spec_enum("prompt-policy", "Prompt policy",
                        "What becomes of detections, which are regions of interest on the buffers",
                        GST_TYPE_SAM2_PROMPT_POLICY, static_cast<int>(defaults.prompt_policy),
                        kReadyFlags));
  g_object_class_install_property(
      klass, PROP_MATCH_IOU,
      g_param_spec_float("match-iou", "Match IoU",
                         "A detection matches a live object when the intersection over union of "
                         "their boxes is at least this",
                         0, 1, defaults.match_iou, kReadyFlags));
  g_object_class_install_property(
      klass, PROP_LOST_TIMEOUT,
      g_param_spec_uint64("lost-timeout", "Lost timeout",
                          "An occluded object is lost when it was not seen for this long, in "
                          "nanoseconds. It comes back under its id when seen again",
                          0, G_MAXINT64, defaults.lost_timeout, kReadyFlags));
  g_object_class_install_property(
      klass, PROP_MAX_OBJECTS,
      g_param_spec_int("max-objects", "Maximum objects",
                       "Objects followed at once; a prompt for one more is refused", 1, 100000,
                       defaults.max_objects, kReadyFlags));
  g_object_class_install_property(
      klass, PROP_FILL_HOLE_AREA,
      g_param_spec_int("fill-hole-area", "Fill hole area",
                       "Holes in masks of at most this area, in pixels of a quarter of "
                       "the network's input, are filled; 0: none",
                       0, 100000, defaults.fill_hole_area, kReadyFlags));
}

// ---------------------------------------------------------------- signals

static gstsam2::PromptQueue& queue_of(GstSam2Track* self) {
  return GST_SAM2_FILTER(self)->impl->queue;
}

static int gst_sam2_track_add_box(GstSam2Track* self, int id, double x, double y, double width,
                                  double height, const char* label) {
  return queue_of(self).Add(
      gstsam2::BoxRequest(id, x, y, width, height, label, "signal add-box"));
}

static int gst_sam2_track_add_point(GstSam2Track* self, int id, double x, double y,
                                    gboolean positive) {
  return queue_of(self).Add(gstsam2::PointRequest(
      id, {static_cast<float>(x), static_cast<float>(y), positive != FALSE}, "signal add-point"));
}

static void gst_sam2_track_remove_object(GstSam2Track* self, int id) {
  queue_of(self).Add(
      gstsam2::RequestFor(id, sam2::PromptAction::kRemove, "signal remove-object"));
}

static void gst_sam2_track_reset(GstSam2Track* self) { queue_of(self).Reset(); }

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

// ---------------------------------------------------------------- type

static void gst_sam2_track_init(GstSam2Track* self) {
  GST_SAM2_FILTER(self)->impl = new Track(GST_ELEMENT(self));
}

static void gst_sam2_track_class_init(GstSam2TrackClass* klass) {
  GstElementClass* element_class = GST_ELEMENT_CLASS(klass);

  install_properties(G_OBJECT_CLASS(klass));
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
}
