// SPDX-License-Identifier: Apache-2.0

/**
 * SECTION:element-sam2segment
 * @title: sam2segment
 *
 * Segments pictures with the SAM 2 family of networks: boxes or clicks go in
 * beside the pixels, masks come out beside the unchanged pixels. Further clicks
 * correct a mask; while the picture stays the same, as from imagefreeze, each
 * costs only a small part of a whole segmentation. A following picture starts
 * without objects.
 *
 * ## Example launch lines
 *
 * |[
 * gst-launch-1.0 filesrc location=truck.jpg ! decodebin ! videoconvert ! imagefreeze ! \
 *   sam2segment ! sam2overlay ! videoconvert ! autovideosink
 * ]|
 * Draw a box with the mouse. A click outside the mask adds what is there, one
 * inside takes it away; Return accepts, Escape discards, u takes back.
 *
 * |[
 * gst-launch-1.0 -q filesrc location=truck.jpg ! decodebin ! videoconvert ! \
 *   sam2segment mode=everything ! sam2jsonenc ! fdsink
 * ]|
 *
 * ## Prompts
 *
 * They come as to sam2track: from the #GstSam2Segment:box property (for every
 * new picture), a file (#GstSam2Segment:prompts-location), regions of interest
 * on the buffers (each starts an object), downstream custom events named
 * `sam2-prompt`, action signals, and mouse and keyboard events that a video
 * sink sends upstream. Beside the actions `add`, `refine`, `replace` and
 * `remove` a prompt may have `undo` and `accept`.
 *
 * ## Results
 *
 * As sam2track's, with the boolean `accepted` for each object. In
 * `mode=everything` `score` is the stability score.
 */

#include "segment.h"

#include <memory>
#include <string>
#include <utility>

#include "errors.h"
#include "frame_view.h"
#include "prompts.h"
#include "segment_session.h"

GST_DEBUG_CATEGORY_STATIC(gst_sam2_segment_debug);
#define GST_CAT_DEFAULT gst_sam2_segment_debug

namespace {

using gstsam2::kPlayingFlags;
using gstsam2::kReadyFlags;
using gstsam2::PromptRequest;
using gstsam2::SegmentMode;
using gstsam2::Setting;
using sam2::MaskChoice;

enum Property {
  PROP_MODE = gstsam2::kFilterProperties + 1,
  PROP_MASK_CHOICE,
  PROP_MAX_OBJECTS,
  PROP_MAX_HOLE_AREA,
  PROP_MAX_SPRINKLE_AREA,
  PROP_SEARCH_WINDOW,
  PROP_SECOND_LOOK,
  PROP_REFINE_EDGES,
  PROP_POINTS_PER_SIDE,
  PROP_POINTS_PER_BATCH,
  PROP_PRED_IOU_THRESH,
  PROP_STABILITY_SCORE_THRESH,
  PROP_STABILITY_SCORE_OFFSET,
  PROP_BOX_NMS_THRESH,
  PROP_CROP_N_LAYERS,
  PROP_CROP_NMS_THRESH,
  PROP_CROP_OVERLAP_RATIO,
  PROP_CROP_N_POINTS_DOWNSCALE_FACTOR,
  PROP_MIN_MASK_REGION_AREA,
};

enum PointLabel { POINT_NEGATIVE, POINT_POSITIVE, POINT_AUTO };

// The C++ half of the element.
class Segment final : public gstsam2::Filter {
 public:
  explicit Segment(GstElement* element) : Filter(element, gstsam2::MouseMode::kStills) {}

  gstsam2::FilterSettings& settings() override { return settings_; }
  Setting SettingOf(guint id) override;
  bool TakesNavigation() override {
    return settings_.navigation && settings_.mode == SegmentMode::kPrompts;
  }
  std::unique_ptr<gstsam2::Session> NewSession() override;
  void BeforeFrame(GstBuffer* buffer) override;

 private:
  gstsam2::SegmentSettings settings_;  // under the object lock
};

Setting Segment::SettingOf(guint id) {
  sam2::EverythingOptions& everything = settings_.everything;
  switch (id) {
    case PROP_MODE: return Setting(settings_.mode);
    case PROP_MASK_CHOICE: return Setting(settings_.stills.mask_choice);
    case PROP_MAX_OBJECTS: return Setting(settings_.stills.max_objects);
    case PROP_MAX_HOLE_AREA: return Setting(settings_.stills.max_hole_area);
    case PROP_MAX_SPRINKLE_AREA: return Setting(settings_.stills.max_sprinkle_area);
    case PROP_SEARCH_WINDOW: return Setting(settings_.stills.search_window);
    case PROP_SECOND_LOOK: return Setting(settings_.stills.second_look);
    case PROP_REFINE_EDGES: return Setting(settings_.stills.refine_edges);
    case PROP_POINTS_PER_SIDE: return Setting(everything.points_per_side);
    case PROP_POINTS_PER_BATCH: return Setting(everything.points_per_batch);
    case PROP_PRED_IOU_THRESH: return Setting(everything.pred_iou_thresh);
    case PROP_STABILITY_SCORE_THRESH: return Setting(everything.stability_score_thresh);
    case PROP_STABILITY_SCORE_OFFSET: return Setting(everything.stability_score_offset);
    case PROP_BOX_NMS_THRESH: return Setting(everything.box_nms_thresh);
    case PROP_CROP_N_LAYERS: return Setting(everything.crop_n_layers);
    case PROP_CROP_NMS_THRESH: return Setting(everything.crop_nms_thresh);
    case PROP_CROP_OVERLAP_RATIO: return Setting(everything.crop_overlap_ratio);
    case PROP_CROP_N_POINTS_DOWNSCALE_FACTOR:
      return Setting(everything.crop_n_points_downscale_factor);
    case PROP_MIN_MASK_REGION_AREA: return Setting(everything.min_mask_region_area);
    default: return {};
  }
}

std::unique_ptr<gstsam2::Session> Segment::NewSession() {
  GST_OBJECT_LOCK(element());
  const gstsam2::SegmentSettings settings = settings_;
  GST_OBJECT_UNLOCK(element());
  return std::make_unique<gstsam2::SegmentSession>(element(), GST_CAT_DEFAULT, settings, queue,
                                                   mouse, interrupt.get_token());
}

void Segment::BeforeFrame(GstBuffer*) {
  GST_OBJECT_LOCK(element());
  const MaskChoice choice = settings_.stills.mask_choice;
  GST_OBJECT_UNLOCK(element());
  static_cast<gstsam2::SegmentSession&>(*session).SetMaskChoice(choice);
}

}  // namespace

struct _GstSam2Segment {
  GstSam2Filter parent;
};

G_DEFINE_FINAL_TYPE(GstSam2Segment, gst_sam2_segment, GST_TYPE_SAM2_FILTER)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(
    sam2segment, "sam2segment", GST_RANK_NONE, GST_TYPE_SAM2_SEGMENT,
    GST_DEBUG_CATEGORY_INIT(gst_sam2_segment_debug, "sam2segment", 0, "SAM 2 segmenter"))

#define SAM2_SEGMENT_CAPS                                                              \
  "video/x-raw, format = (string) " SAM2_VIDEO_FORMATS                                 \
  ", width = (int) [ 1, 32767 ], height = (int) [ 1, 32767 ], framerate = (fraction) " \
  "[ 0, max ]"

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(SAM2_SEGMENT_CAPS));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(SAM2_SEGMENT_CAPS));

// ---------------------------------------------------------------- properties

#define GST_TYPE_SAM2_SEGMENT_MODE (gst_sam2_segment_mode_get_type())
static GType gst_sam2_segment_mode_get_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(SegmentMode::kPrompts), "What boxes and clicks mean", "prompts"},
      {static_cast<int>(SegmentMode::kEverything), "All that a grid of clicks finds",
       "everything"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstSam2SegmentMode", values);
  return type;
}

#define GST_TYPE_SAM2_MASK_CHOICE (gst_sam2_mask_choice_get_type())
static GType gst_sam2_mask_choice_get_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(MaskChoice::kBest), "The one with the best predicted IoU", "best"},
      {static_cast<int>(MaskChoice::kWhole), "The largest", "whole"},
      {static_cast<int>(MaskChoice::kPart), "The middle one", "part"},
      {static_cast<int>(MaskChoice::kSubpart), "The smallest", "subpart"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstSam2MaskChoice", values);
  return type;
}

#define GST_TYPE_SAM2_POINT_LABEL (gst_sam2_point_label_get_type())
static GType gst_sam2_point_label_get_type() {
  static const GEnumValue values[] = {
      {POINT_NEGATIVE, "Not on the object", "negative"},
      {POINT_POSITIVE, "On the object", "positive"},
      {POINT_AUTO, "Negative inside the object's mask, positive outside of it", "auto"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstSam2PointLabel", values);
  return type;
}

static void install_int(GObjectClass* klass, guint id, const char* name, const char* nick,
                        const char* blurb, int low, int high, int value) {
  g_object_class_install_property(
      klass, id, g_param_spec_int(name, nick, blurb, low, high, value, kReadyFlags));
}

static void install_float(GObjectClass* klass, guint id, const char* name, const char* nick,
                          const char* blurb, float high, float value) {
  g_object_class_install_property(
      klass, id, g_param_spec_float(name, nick, blurb, 0, high, value, kReadyFlags));
}

static void install_prompt_properties(GObjectClass* klass) {
  const gstsam2::SegmentSettings defaults;
  gstsam2::InstallFilterProperties(
      klass,
      {.box = "Objects on every new picture: \"x,y,width,height\" in pixels of the frame, several "
              "separated by ';'",
       .prompts_location =
           "JSON Lines file with prompts for any frame, one object a line with the keys: frame "
           "(number from 0) or pts (nanoseconds), id, label, box [x, y, width, height], points "
           "[[x, y, 1 or 0], ...], action (add, refine, replace, remove, undo, accept)",
       .navigation = "Whether mouse and keys of a video sink prompt: drag a box, click to add or "
                     "take away, right button to take away, Return to accept, Escape to discard, "
                     "u to take back"});
  g_object_class_install_property(
      klass, PROP_MODE,
      g_param_spec_enum("mode", "Mode", "What is segmented", GST_TYPE_SAM2_SEGMENT_MODE,
                        static_cast<int>(defaults.mode), kReadyFlags));
  g_object_class_install_property(
      klass, PROP_MASK_CHOICE,
      g_param_spec_enum("mask-choice", "Mask choice",
                        "Which of the three masks of a single click is taken",
                        GST_TYPE_SAM2_MASK_CHOICE, static_cast<int>(defaults.stills.mask_choice),
                        kPlayingFlags));
  install_int(klass, PROP_MAX_OBJECTS, "max-objects", "Maximum objects",
              "Objects on one picture; a prompt for one more is refused", 1, 1000000,
              defaults.stills.max_objects);
  install_int(klass, PROP_MAX_HOLE_AREA, "max-hole-area", "Maximum hole area",
              "mode=prompts: holes of at most this area, in pixels of a quarter of the network's "
              "input, are filled; 0: none",
              0, 1000000, defaults.stills.max_hole_area);
  install_int(klass, PROP_MAX_SPRINKLE_AREA, "max-sprinkle-area", "Maximum sprinkle area",
              "mode=prompts: specks of at most this area, in pixels of a quarter of the network's "
              "input, are removed; 0: none",
              0, 1000000, defaults.stills.max_sprinkle_area);
  install_float(klass, PROP_SEARCH_WINDOW, "search-window", "Search window",
                "mode=prompts: each object is looked for in a part of the picture alone, a square "
                "of so many times the longer side of its box, or, with clicks alone, of the mask "
                "that the whole picture gave first, at the cost of one more encoder run; 0: in the "
                "whole picture; else at least 1",
                sam2::kMaxWindow, defaults.stills.search_window);
  g_object_class_install_property(
      klass, PROP_SECOND_LOOK,
      g_param_spec_boolean("second-look", "Second look",
                           "mode=prompts: ask the network about the mirror image too and take the "
                           "mean of both answers: better masks in twice the time",
                           defaults.stills.second_look, kReadyFlags));
  g_object_class_install_property(
      klass, PROP_REFINE_EDGES,
      g_param_spec_boolean("refine-edges", "Refine edges",
                           "mode=prompts: give pixels that the network is not sure of to the object "
                           "or not by their colours (GrabCut): better masks from a model whose edges "
                           "are vague, as the built-in one's are",
                           defaults.stills.refine_edges, kReadyFlags));
}

static void install_everything_properties(GObjectClass* klass) {
  const sam2::EverythingOptions defaults;
  install_int(klass, PROP_POINTS_PER_SIDE, "points-per-side", "Points per side",
              "mode=everything: side of the grid of clicks", 1, 256, defaults.points_per_side);
  install_int(klass, PROP_POINTS_PER_BATCH, "points-per-batch", "Points per batch",
              "mode=everything: clicks decoded at once; fewer where that would need too much "
              "memory",
              1, 4096, defaults.points_per_batch);
  install_float(klass, PROP_PRED_IOU_THRESH, "pred-iou-thresh", "Predicted IoU threshold",
                "mode=everything: masks of at most this predicted quality are dropped", 1,
                defaults.pred_iou_thresh);
  install_float(klass, PROP_STABILITY_SCORE_THRESH, "stability-score-thresh",
                "Stability score threshold",
                "mode=everything: masks of less stability are dropped, which is the IoU of the "
                "mask at two levels of the logits",
                1, defaults.stability_score_thresh);
  install_float(klass, PROP_STABILITY_SCORE_OFFSET, "stability-score-offset",
                "Stability score offset",
                "mode=everything: the two levels are this much above and below 0", 1000,
                defaults.stability_score_offset);
  install_float(klass, PROP_BOX_NMS_THRESH, "box-nms-thresh", "Box NMS threshold",
                "mode=everything: of two masks whose boxes overlap by more than this IoU the "
                "better one stays",
                1, defaults.box_nms_thresh);
  install_int(klass, PROP_CROP_N_LAYERS, "crop-n-layers", "Crop layers",
              "mode=everything: how often the picture is cut in four times as many parts, which "
              "are segmented too",
              0, 4, defaults.crop_n_layers);
  install_float(klass, PROP_CROP_NMS_THRESH, "crop-nms-thresh", "Crop NMS threshold",
                "mode=everything: as box-nms-thresh, between the masks of different parts", 1,
                defaults.crop_nms_thresh);
  install_float(klass, PROP_CROP_OVERLAP_RATIO, "crop-overlap-ratio", "Crop overlap ratio",
                "mode=everything: overlap of the parts of the first layer, of the shorter side",
                1, defaults.crop_overlap_ratio);
  install_int(klass, PROP_CROP_N_POINTS_DOWNSCALE_FACTOR, "crop-n-points-downscale-factor",
              "Crop points downscale factor",
              "mode=everything: the grid's side is divided by this from layer to layer", 1, 256,
              defaults.crop_n_points_downscale_factor);
  install_int(klass, PROP_MIN_MASK_REGION_AREA, "min-mask-region-area",
              "Minimum mask region area",
              "mode=everything: holes and specks of at most this area, in pixels of a quarter of "
              "the network's input, are removed; 0: none",
              0, 1000000, defaults.min_mask_region_area);
}

// ---------------------------------------------------------------- signals

static Segment& impl_of(GstSam2Segment* self) {
  return static_cast<Segment&>(*GST_SAM2_FILTER(self)->impl);
}

// A prompt that starts or goes on with an object, which clicks go to from now on.
static int queue_current(GstSam2Segment* self, PromptRequest request) {
  return impl_of(self).mouse.Queue(std::move(request), impl_of(self).queue);
}

static int gst_sam2_segment_add_box(GstSam2Segment* self, int id, double x, double y, double width,
                                    double height, const char* label) {
  return queue_current(self,
                       gstsam2::BoxRequest(id, x, y, width, height, label, "signal add-box"));
}

static int gst_sam2_segment_add_point(GstSam2Segment* self, int id, double x, double y,
                                      int label) {
  return queue_current(
      self, gstsam2::PointRequest(id,
                                  {.x = static_cast<float>(x), .y = static_cast<float>(y),
                                   .positive = label != POINT_NEGATIVE,
                                   .automatic = label == POINT_AUTO},
                                  "signal add-point"));
}

// id 0: the object prompted last.
static void queue_action(GstSam2Segment* self, int id, sam2::PromptAction action,
                         const char* source) {
  Segment& impl = impl_of(self);
  if (id == 0) id = impl.mouse.current();
  if (id == 0) {
    gstsam2::PostRefusal(GST_ELEMENT(self), std::string("Prompt refused (") + source +
                                                "): there is no object that it could mean.");
    return;
  }
  impl.queue.Add(gstsam2::RequestFor(id, action, source));
  if (action != sam2::PromptAction::kUndo) impl.mouse.Leave(id);
}

static void gst_sam2_segment_undo(GstSam2Segment* self, int id) {
  queue_action(self, id, sam2::PromptAction::kUndo, "signal undo");
}

static void gst_sam2_segment_accept(GstSam2Segment* self, int id) {
  queue_action(self, id, sam2::PromptAction::kAccept, "signal accept");
}

static void gst_sam2_segment_discard(GstSam2Segment* self, int id) {
  queue_action(self, id, sam2::PromptAction::kRemove, "signal discard");
}

static void gst_sam2_segment_remove_object(GstSam2Segment* self, int id) {
  queue_action(self, id, sam2::PromptAction::kRemove, "signal remove-object");
}

static void gst_sam2_segment_reset(GstSam2Segment* self) {
  impl_of(self).queue.Reset();
  impl_of(self).mouse.Clear();
}

static void install_prompt_signals(GType type, GSignalFlags flags) {
  /**
   * GstSam2Segment::add-box:
   * @id: 0 for a new object, or the object whose box this is
   * @x: left edge in pixels of the frame
   * @y: upper edge
   * @width: width
   * @height: height
   * @label: (nullable): name of the object
   *
   * Returns: the object's id
   */
  g_signal_new_class_handler("add-box", type, flags, G_CALLBACK(gst_sam2_segment_add_box), nullptr,
                             nullptr, nullptr, G_TYPE_INT, 6, G_TYPE_INT, G_TYPE_DOUBLE,
                             G_TYPE_DOUBLE, G_TYPE_DOUBLE, G_TYPE_DOUBLE, G_TYPE_STRING);
  /**
   * GstSam2Segment::add-point:
   * @id: 0 for a new object, or the object that the click corrects
   * @x: in pixels of the frame
   * @y: in pixels of the frame
   * @label: negative (0), positive (1), or auto (2): negative inside the
   *   object's mask, positive outside of it
   *
   * Returns: the object's id
   */
  g_signal_new_class_handler("add-point", type, flags, G_CALLBACK(gst_sam2_segment_add_point),
                             nullptr, nullptr, nullptr, G_TYPE_INT, 4, G_TYPE_INT, G_TYPE_DOUBLE,
                             G_TYPE_DOUBLE, GST_TYPE_SAM2_POINT_LABEL);
}

static void install_action_signals(GType type, GSignalFlags flags) {
  const auto add = [&](const char* name, GCallback handler) {
    g_signal_new_class_handler(name, type, flags, handler, nullptr, nullptr, nullptr, G_TYPE_NONE,
                               1, G_TYPE_INT);
  };
  /**
   * GstSam2Segment::undo:
   * @id: the object, 0 for the one prompted last
   *
   * Takes back its last step, or that it was accepted; with the first step the
   * object goes.
   */
  add("undo", G_CALLBACK(gst_sam2_segment_undo));
  /**
   * GstSam2Segment::accept:
   * @id: the object, 0 for the one prompted last
   *
   * The object is done: until undo opens it again it can only be discarded.
   */
  add("accept", G_CALLBACK(gst_sam2_segment_accept));
  /**
   * GstSam2Segment::discard:
   * @id: the object, 0 for the one prompted last
   */
  add("discard", G_CALLBACK(gst_sam2_segment_discard));
  /**
   * GstSam2Segment::remove-object:
   * @id: the object
   *
   * The same as discard, under sam2track's name.
   */
  add("remove-object", G_CALLBACK(gst_sam2_segment_remove_object));
  /**
   * GstSam2Segment::reset:
   *
   * Drops all objects and waiting prompts at the next frame.
   */
  g_signal_new_class_handler("reset", type, flags, G_CALLBACK(gst_sam2_segment_reset), nullptr,
                             nullptr, nullptr, G_TYPE_NONE, 0);
}

// ---------------------------------------------------------------- type

static void gst_sam2_segment_init(GstSam2Segment* self) {
  GST_SAM2_FILTER(self)->impl = new Segment(GST_ELEMENT(self));
}

static void gst_sam2_segment_class_init(GstSam2SegmentClass* klass) {
  GObjectClass* object_class = G_OBJECT_CLASS(klass);
  GstElementClass* element_class = GST_ELEMENT_CLASS(klass);

  install_prompt_properties(object_class);
  install_everything_properties(object_class);
  const auto flags = static_cast<GSignalFlags>(G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION);
  install_prompt_signals(G_TYPE_FROM_CLASS(klass), flags);
  install_action_signals(G_TYPE_FROM_CLASS(klass), flags);

  gst_element_class_set_static_metadata(
      element_class, "SAM 2 segmenter", "Filter/Analyzer/Video",
      "Segments pictures with the SAM 2 family: boxes and clicks give masks, further clicks "
      "correct them, or everything is segmented; masks and boxes are metadata beside the "
      "unchanged pixels. Example: gst-launch-1.0 filesrc location=truck.jpg ! decodebin ! "
      "videoconvert ! imagefreeze ! sam2segment ! sam2overlay ! videoconvert ! autovideosink, "
      "then draw boxes and click. Prompts also come from the box property, a file "
      "(prompts-location), regions of interest of any detector, downstream custom events named "
      "sam2-prompt, and from signals, for the next frame: add-box (id or 0 for a new object, x, "
      "y, width, height, label or NULL; returns the id), add-point (id or 0, x, y, negative | "
      "positive | auto; returns the id), undo, accept, discard (id or 0 for the object prompted "
      "last), remove-object (id), reset ().",
      "gst-sam2");
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  for (const GType type :
       {GST_TYPE_SAM2_SEGMENT_MODE, GST_TYPE_SAM2_MASK_CHOICE, GST_TYPE_SAM2_POINT_LABEL}) {
    gst_type_mark_as_plugin_api(type, static_cast<GstPluginAPIFlags>(0));
  }
}
