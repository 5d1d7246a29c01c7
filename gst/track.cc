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
 *
 * ## CUDA memory
 *
 * With a model on an NVIDIA GPU frames of GStreamer's nvcodec elements are read
 * where they lie:
 *
 * |[
 * gst-launch-1.0 filesrc location=in.mp4 ! qtdemux ! h264parse ! nvh264dec ! \
 *   sam2track device=cuda box="120,80,200,160" ! cudadownload ! sam2overlay ! \
 *   videoconvert ! autovideosink
 * ]|
 */

#include "track.h"

#include <algorithm>
#include <atomic>
#include <memory>

#include "cuda_memory.h"
#include "frame_view.h"
#include "pacer.h"
#include "prompts.h"
#include "track_session.h"

GST_DEBUG_CATEGORY_STATIC(gst_sam2_track_debug);
#define GST_CAT_DEFAULT gst_sam2_track_debug

namespace {

using gstsam2::DiscontPolicy;
using gstsam2::kPlayingFlags;
using gstsam2::kReadyFlags;
using gstsam2::PromptPolicy;
using gstsam2::Setting;
using sam2::MemoryPolicy;

enum class LivePolicy {
  kEveryFrame,
  kSkip,
};

enum Property {
  PROP_PROMPT_POLICY = gstsam2::kFilterProperties + 1,
  PROP_MATCH_IOU,
  PROP_PROBATION,
  PROP_LOST_TIMEOUT,
  PROP_LOST_INTERVAL,
  PROP_MAX_OBJECTS,
  PROP_DUPLICATE_IOU,
  PROP_DUPLICATE_TIME,
  PROP_FILL_HOLE_AREA,
  PROP_MAX_SPRINKLE_AREA,
  PROP_SEARCH_WINDOW,
  PROP_SECOND_LOOK,
  PROP_FOLLOW_WINDOW,
  PROP_MEMORY_POLICY,
  PROP_SCENE_CUTS,
  PROP_ON_DISCONT,
  PROP_LIVE_POLICY,
  PROP_LOOK_AHEAD,
};

// The C++ half of the element.
class Track final : public gstsam2::Filter {
 public:
  explicit Track(GstElement* element) : Filter(element, gstsam2::MouseMode::kTracks) {}

  gstsam2::FilterSettings& settings() override { return settings_; }
  Setting SettingOf(guint id) override;
  std::unique_ptr<gstsam2::Session> NewSession() override;
  void BeforeFrame(GstBuffer* buffer) override;
  bool LooksAhead() const override { return looks_ahead_; }
  void AfterStep(GstClockTime step) override;
  void SeeUpstreamLatency(bool live, GstClockTime min) override;
  void SeePipelineLatency(GstClockTime latency) override { pipeline_latency_ = latency; }
  // Whether buffers in CUDA memory are of use. Any thread.
  bool TakesCuda() const { return takes_cuda_; }

 private:
  void AskUpstream();
  bool IsLate(GstBuffer* buffer);

  gstsam2::TrackSettings settings_;                    // under the object lock
  LivePolicy live_policy_ = LivePolicy::kEveryFrame;  // under the object lock

  std::atomic<bool> takes_cuda_ = true;  // until it is known where the model runs
  std::atomic<bool> looks_ahead_ = false;
  gstsam2::Pacer pacer_;                 // of the streaming thread
  bool asked_upstream_ = false;
  std::atomic<bool> live_ = false;
  std::atomic<GstClockTime> upstream_latency_ = 0;
  std::atomic<GstClockTime> pipeline_latency_ = 0;  // 0: not known
};

Setting Track::SettingOf(guint id) {
  gstsam2::RoiSettings& roi = settings_.roi;
  switch (id) {
    case PROP_PROMPT_POLICY: return Setting(roi.policy);
    case PROP_MATCH_IOU: return Setting(roi.match_iou);
    case PROP_PROBATION: return Setting(roi.probation);
    case PROP_LOST_TIMEOUT: return Setting(settings_.lost_timeout);
    case PROP_LOST_INTERVAL: return Setting(settings_.lost_interval);
    case PROP_MAX_OBJECTS: return Setting(settings_.max_objects);
    case PROP_DUPLICATE_IOU: return Setting(settings_.duplicate_iou);
    case PROP_DUPLICATE_TIME: return Setting(settings_.duplicate_time);
    case PROP_FILL_HOLE_AREA: return Setting(settings_.fill_hole_area);
    case PROP_MAX_SPRINKLE_AREA: return Setting(settings_.max_sprinkle_area);
    case PROP_SEARCH_WINDOW: return Setting(settings_.search_window);
    case PROP_SECOND_LOOK: return Setting(settings_.second_look);
    case PROP_FOLLOW_WINDOW: return Setting(settings_.follow_window);
    case PROP_MEMORY_POLICY: return Setting(settings_.memory_policy);
    case PROP_SCENE_CUTS: return Setting(settings_.scene_cuts);
    case PROP_ON_DISCONT: return Setting(settings_.on_discont);
    case PROP_LIVE_POLICY: return Setting(live_policy_);
    case PROP_LOOK_AHEAD: return Setting(settings_.look_ahead);
    default: return {};
  }
}

std::unique_ptr<gstsam2::Session> Track::NewSession() {
  GST_OBJECT_LOCK(element());
  const gstsam2::TrackSettings settings = settings_;
  GST_OBJECT_UNLOCK(element());
  pacer_.Clear();
  asked_upstream_ = false;
  pipeline_latency_ = 0;
  auto session = std::make_unique<gstsam2::TrackSession>(element(), GST_CAT_DEFAULT, settings,
                                                         queue, mouse, interrupt.get_token());
  takes_cuda_ = session->on_cuda();
  looks_ahead_ = settings.look_ahead;
  return session;
}

void Track::BeforeFrame(GstBuffer* buffer) {
  GST_OBJECT_LOCK(element());
  const LivePolicy policy = live_policy_;
  GST_OBJECT_UNLOCK(element());
  static_cast<gstsam2::TrackSession&>(*session).SetLate(policy == LivePolicy::kSkip &&
                                                       IsLate(buffer));
}

void Track::AfterStep(GstClockTime step) {
  const GstClockTime now = gst_element_get_current_running_time(element());
  if (GST_CLOCK_TIME_IS_VALID(now)) pacer_.Worked(now, step);
}

void Track::SeeUpstreamLatency(bool live, GstClockTime min) {
  live_ = live;
  upstream_latency_ = min;
}

// The pipeline does so too, but perhaps only after the first frames.
void Track::AskUpstream() {
  asked_upstream_ = true;
  g_autoptr(GstQuery) query = gst_query_new_latency();
  if (!gst_pad_peer_query(GST_BASE_TRANSFORM_SINK_PAD(element()), query)) return;
  gboolean live = FALSE;
  GstClockTime min = 0;
  gst_query_parse_latency(query, &live, &min, nullptr);
  SeeUpstreamLatency(live, min);
}

// Whether a frame of a live stream would leave later than the latency that was
// promised allows.
bool Track::IsLate(GstBuffer* buffer) {
  const GstSegment& segment = GST_BASE_TRANSFORM(element())->segment;
  if (segment.format != GST_FORMAT_TIME) return false;
  if (!asked_upstream_) AskUpstream();
  const GstClockTime now = gst_element_get_current_running_time(element());
  const GstClockTime frame =
      gst_segment_to_running_time(&segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  if (!live_ || !GST_CLOCK_TIME_IS_VALID(now) || !GST_CLOCK_TIME_IS_VALID(frame)) return false;
  GstClockTime allowed = upstream_latency_ + latency.reported() + hold_time();
  if (pipeline_latency_ != 0) allowed = std::min(allowed, pipeline_latency_.load());
  return pacer_.Skip(now, frame + allowed);
}

}  // namespace

struct _GstSam2Track {
  GstSam2Filter parent;
};

G_DEFINE_FINAL_TYPE(GstSam2Track, gst_sam2_track, GST_TYPE_SAM2_FILTER)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(
    sam2track, "sam2track", GST_RANK_NONE, GST_TYPE_SAM2_TRACK,
    GST_DEBUG_CATEGORY_INIT(gst_sam2_track_debug, "sam2track", 0, "SAM 2 video tracker"))

#define SAM2_TRACK_SIZES \
  ", width = (int) [ 16, 8192 ], height = (int) [ 16, 8192 ], framerate = (fraction) [ 0, max ]"
#define SAM2_TRACK_CAPS                                                      \
  "video/x-raw, format = (string) " SAM2_VIDEO_FORMATS SAM2_TRACK_SIZES "; " \
  "video/x-raw(" SAM2_CUDA_FEATURE "), format = (string) " SAM2_CUDA_FORMATS SAM2_TRACK_SIZES

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

#define GST_TYPE_SAM2_MEMORY_POLICY (gst_sam2_memory_policy_get_type())
static GType gst_sam2_memory_policy_get_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(MemoryPolicy::kOfficial), "Every frame is remembered, as by the reference",
       "official"},
      {static_cast<int>(MemoryPolicy::kRobust),
       "Only frames that surely show the object are remembered", "robust"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstSam2MemoryPolicy", values);
  return type;
}

#define GST_TYPE_SAM2_DISCONT_POLICY (gst_sam2_discont_policy_get_type())
static GType gst_sam2_discont_policy_get_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(DiscontPolicy::kKeep), "Objects outlive everything", "keep"},
      {static_cast<int>(DiscontPolicy::kReset),
       "A flush, a jump of more than a second or another stream drops all objects", "reset"},
      {static_cast<int>(DiscontPolicy::kAuto),
       "Another stream id or another shape of the frames drops all objects", "auto"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstSam2DiscontPolicy", values);
  return type;
}

#define GST_TYPE_SAM2_LIVE_POLICY (gst_sam2_live_policy_get_type())
static GType gst_sam2_live_policy_get_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(LivePolicy::kEveryFrame), "Every frame is looked at, however late",
       "every-frame"},
      {static_cast<int>(LivePolicy::kSkip),
       "Late frames of a live stream pass with objects moved as they were moving", "skip"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstSam2LivePolicy", values);
  return type;
}

static void install_detection_properties(GObjectClass* klass) {
  const gstsam2::TrackSettings defaults;
  g_object_class_install_property(
      klass, PROP_PROMPT_POLICY,
      g_param_spec_enum("prompt-policy", "Prompt policy",
                        "What becomes of detections, which are regions of interest on the buffers",
                        GST_TYPE_SAM2_PROMPT_POLICY, static_cast<int>(defaults.roi.policy),
                        kReadyFlags));
  g_object_class_install_property(
      klass, PROP_MATCH_IOU,
      g_param_spec_float("match-iou", "Match IoU",
                         "A detection matches a live object when their boxes' intersection over "
                         "union, times the share of the object's mask in the detection, is at "
                         "least this",
                         0, 1, defaults.roi.match_iou, kReadyFlags));
  g_object_class_install_property(
      klass, PROP_PROBATION,
      g_param_spec_int("probation", "Probation",
                       "On how many frames a detection must have matched no object, with at most "
                       "a second between two of them, before it starts one",
                       1, 1000, defaults.roi.probation, kReadyFlags));
  g_object_class_install_property(
      klass, PROP_DUPLICATE_IOU,
      g_param_spec_float("duplicate-iou", "Duplicate IoU",
                         "Two objects are the same when their masks' intersection over union is "
                         "above this for duplicate-time: then the younger one that came of a "
                         "detection goes; 1: never",
                         0, 1, defaults.duplicate_iou, kReadyFlags));
  g_object_class_install_property(
      klass, PROP_DUPLICATE_TIME,
      g_param_spec_uint64("duplicate-time", "Duplicate time",
                          "For how long, in nanoseconds, see duplicate-iou", 0, G_MAXINT64,
                          defaults.duplicate_time, kReadyFlags));
}

static void install_policies(GObjectClass* klass) {
  const gstsam2::TrackSettings defaults;
  g_object_class_install_property(
      klass, PROP_MEMORY_POLICY,
      g_param_spec_enum("memory-policy", "Memory policy", "What objects' memories are made of",
                        GST_TYPE_SAM2_MEMORY_POLICY, static_cast<int>(defaults.memory_policy),
                        kReadyFlags));
  g_object_class_install_property(
      klass, PROP_SCENE_CUTS,
      g_param_spec_boolean("scene-cuts", "Scene cuts",
                           "Notice hard cuts: from one on objects are occluded until they are "
                           "surely there again",
                           defaults.scene_cuts, kReadyFlags));
  g_object_class_install_property(
      klass, PROP_ON_DISCONT,
      g_param_spec_enum("on-discont", "On discontinuity",
                        "Which breaks in the stream drop all objects",
                        GST_TYPE_SAM2_DISCONT_POLICY, static_cast<int>(defaults.on_discont),
                        kReadyFlags));
  g_object_class_install_property(
      klass, PROP_LIVE_POLICY,
      g_param_spec_enum("live-policy", "Live policy",
                        "What becomes of frames of a live stream that there is no time for",
                        GST_TYPE_SAM2_LIVE_POLICY, static_cast<int>(LivePolicy::kEveryFrame),
                        kPlayingFlags));
  g_object_class_install_property(
      klass, PROP_LOOK_AHEAD,
      g_param_spec_boolean("look-ahead", "Look ahead",
                           "Encode the next frame while objects are followed into this one, which "
                           "therefore leaves when that is there or the stream ends. More frames a "
                           "second from a small model on two or more cores with few objects, and "
                           "on a GPU, which has something to do while results are read",
                           gstsam2::TrackSettings().look_ahead, kReadyFlags));
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
           "[[x, y, 1 or 0], ...], action (add, refine, replace, remove)",
       .navigation =
           "Whether mouse and keys of a video sink prompt: drag a box or click to start an "
           "object, click on one to correct it, right button to take away, with Shift on the one "
           "prompted last; Escape removes that one, Return leaves it"});
  install_detection_properties(klass);
  g_object_class_install_property(
      klass, PROP_LOST_TIMEOUT,
      g_param_spec_uint64("lost-timeout", "Lost timeout",
                          "An occluded object is lost when it was not seen for this long, in "
                          "nanoseconds. It comes back under its id when seen again",
                          0, G_MAXINT64, defaults.lost_timeout, kReadyFlags));
  g_object_class_install_property(
      klass, PROP_LOST_INTERVAL,
      g_param_spec_int64("lost-interval", "Lost interval",
                         "A lost object is looked for only this often, in nanoseconds, and costs "
                         "nothing in between; 0: on every frame, -1: 0.5 s with "
                         "memory-policy=robust, else on every frame",
                         -1, G_MAXINT64, defaults.lost_interval, kReadyFlags));
  g_object_class_install_property(
      klass, PROP_MAX_OBJECTS,
      g_param_spec_int("max-objects", "Maximum objects",
                       "Objects followed at once. A further one takes the place of the one that "
                       "has been lost for longest, and is refused where none is lost",
                       1, 100000, defaults.max_objects, kReadyFlags));
  g_object_class_install_property(
      klass, PROP_FILL_HOLE_AREA,
      g_param_spec_int("fill-hole-area", "Fill hole area",
                       "Holes in masks of at most this area, in pixels of a quarter of "
                       "the network's input, are filled; 0: none",
                       0, 100000, defaults.fill_hole_area, kReadyFlags));
  g_object_class_install_property(
      klass, PROP_MAX_SPRINKLE_AREA,
      g_param_spec_int("max-sprinkle-area", "Maximum sprinkle area",
                       "Specks of at most this area, in pixels of a quarter of the network's "
                       "input, apart from a larger part of the mask are removed from the results; "
                       "0: none",
                       0, 1000000, defaults.max_sprinkle_area, kReadyFlags));
  g_object_class_install_property(
      klass, PROP_SEARCH_WINDOW,
      g_param_spec_float("search-window", "Search window",
                         "An object that a box or clicks begin is looked for in a square of so "
                         "many times its longer side first, and followed from the mask found "
                         "there; 1 to 10; 0: in the whole frame. Frames in CUDA memory have no "
                         "window",
                         0, sam2::kMaxWindow, defaults.search_window, kReadyFlags));
  g_object_class_install_property(
      klass, PROP_SECOND_LOOK,
      g_param_spec_boolean("second-look", "Second look",
                           "An object that a box or clicks begin is looked for in the mirror image "
                           "too, and followed from the mean of both answers: a better first mask in "
                           "twice the time, on that frame alone. Not in CUDA memory",
                           defaults.second_look, kReadyFlags));
  g_object_class_install_property(
      klass, PROP_FOLLOW_WINDOW,
      g_param_spec_float("follow-window", "Follow window",
                         "Each object is followed in a square of so many times its longer side, "
                         "which the network sees in place of the frame: better masks of what is "
                         "small there, for a run of the encoder for each such object on each frame; "
                         "1.5 to 10; 0: in the whole frame. Not in CUDA memory",
                         0, sam2::kMaxWindow, defaults.follow_window, kReadyFlags));
  install_policies(klass);
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

static void gst_sam2_track_reset(GstSam2Track* self) {
  queue_of(self).Reset();
  // Also an object that still waits in the queue.
  GST_SAM2_FILTER(self)->impl->mouse.Clear();
}

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

// ---------------------------------------------------------------- caps

// The same on both sides, without CUDA memory where the model does not run on
// CUDA: then upstream sends, or is made to download to, system memory.
static GstCaps* gst_sam2_track_transform_caps(GstBaseTransform* base, GstPadDirection,
                                              GstCaps* caps, GstCaps* filter) {
  const bool cuda = static_cast<Track*>(GST_SAM2_FILTER(base)->impl)->TakesCuda();
  GstCaps* same = gst_caps_copy(caps);
  gst_caps_filter_and_map_in_place(
      same,
      [](GstCapsFeatures* features, GstStructure*, gpointer takes_cuda) -> gboolean {
        return *static_cast<const bool*>(takes_cuda) || gst_caps_features_is_any(features) ||
               !gst_caps_features_contains(features, SAM2_CUDA_FEATURE);
      },
      const_cast<bool*>(&cuda));
  if (filter == nullptr) return same;
  GstCaps* wanted = gst_caps_intersect_full(filter, same, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref(same);
  return wanted;
}

// ---------------------------------------------------------------- type

static void gst_sam2_track_init(GstSam2Track* self) {
  GST_SAM2_FILTER(self)->impl = new Track(GST_ELEMENT(self));
}

static void gst_sam2_track_class_init(GstSam2TrackClass* klass) {
  GstElementClass* element_class = GST_ELEMENT_CLASS(klass);

  install_properties(G_OBJECT_CLASS(klass));
  install_signals(klass);
  GST_BASE_TRANSFORM_CLASS(klass)->transform_caps = gst_sam2_track_transform_caps;

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
  for (const GType type : {GST_TYPE_SAM2_PROMPT_POLICY, GST_TYPE_SAM2_MEMORY_POLICY,
                           GST_TYPE_SAM2_DISCONT_POLICY, GST_TYPE_SAM2_LIVE_POLICY}) {
    gst_type_mark_as_plugin_api(type, static_cast<GstPluginAPIFlags>(0));
  }
}
