// SPDX-License-Identifier: Apache-2.0

/**
 * SECTION:element-sam2jsonenc
 * @title: sam2jsonenc
 *
 * Writes the objects that sam2track or sam2segment attached to the frames as JSON Lines, one
 * line a frame, for any sink: file, TCP, standard output.
 *
 * ## Example launch line
 *
 * |[
 * gst-launch-1.0 -q filesrc location=in.mp4 ! decodebin ! videoconvert ! \
 *   sam2track box="120,80,200,160" ! sam2jsonenc ! fdsink
 * ]|
 *
 * A line (here folded) holds:
 *
 * |[
 * {"frame":0,"pts":0,"width":640,"height":360,"objects":[{"id":1,"label":"dog",
 *  "state":"tracked","score":0.97,"iou":0.91,"bbox":[120.0,80.0,200.0,160.0],
 *  "area":21345,"segmentation":{"size":[360,640],"counts":"..."}}]}
 * ]|
 *
 * `segmentation` is COCO's compressed run-length encoding (pycocotools decodes
 * it as it is), or COCO's list of polygons, or absent: #GstSam2JsonEnc:masks.
 * `"predicted":true` is there for objects that only motion has on this frame;
 * `accepted`, true or false, for those of sam2segment.
 */

#include "jsonenc.h"

#include <gst/video/video.h>

#include <cstdint>
#include <string>

#include "core_library.h"
#include "errors.h"
#include "json_line.h"
#include "mask_image.h"
#include "meta.h"
#include "setting.h"

GST_DEBUG_CATEGORY_STATIC(gst_sam2_json_enc_debug);
#define GST_CAT_DEFAULT gst_sam2_json_enc_debug

namespace {

using gstsam2::kReadyFlags;
using gstsam2::MaskForm;
using gstsam2::Setting;

// The C++ half of the element.
struct JsonEnc {
  gstsam2::JsonSettings settings;  // under the object lock
  // Of the stream:
  gstsam2::JsonSettings active;  // settings as they were at the start
  sam2::Core* core = nullptr;    // opened when masks are written
  int width = 0, height = 0;
  std::uint64_t frame = 0;
};

enum Property { PROP_MASKS = 1, PROP_TOLERANCE, PROP_MIN_AREA };

}  // namespace

struct _GstSam2JsonEnc {
  GstElement parent;
  GstPad* sink;
  GstPad* src;
  JsonEnc* impl;
};

G_DEFINE_FINAL_TYPE(GstSam2JsonEnc, gst_sam2_json_enc, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(
    sam2jsonenc, "sam2jsonenc", GST_RANK_NONE, GST_TYPE_SAM2_JSON_ENC,
    GST_DEBUG_CATEGORY_INIT(gst_sam2_json_enc_debug, "sam2jsonenc", 0, "SAM 2 JSON encoder"))

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(ANY)"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("application/x-ndjson"));

#define GST_TYPE_SAM2_MASK_FORM (gst_sam2_mask_form_get_type())
static GType gst_sam2_mask_form_get_type() {
  static const GEnumValue values[] = {
      {static_cast<int>(MaskForm::kRle), "COCO's compressed run-length encoding", "rle"},
      {static_cast<int>(MaskForm::kPolygon), "COCO's list of polygons, outer borders", "polygon"},
      {static_cast<int>(MaskForm::kNone), "No masks", "none"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstSam2MaskForm", values);
  return type;
}

static Setting setting_of(JsonEnc& impl, guint id) {
  switch (id) {
    case PROP_MASKS: return Setting(impl.settings.masks);
    case PROP_TOLERANCE: return Setting(impl.settings.tolerance);
    case PROP_MIN_AREA: return Setting(impl.settings.min_area);
    default: return {};
  }
}

static void gst_sam2_json_enc_set_property(GObject* object, guint id, const GValue* value,
                                           GParamSpec* spec) {
  gstsam2::SetProperty(object, setting_of(*GST_SAM2_JSON_ENC(object)->impl, id), id, value, spec);
}

static void gst_sam2_json_enc_get_property(GObject* object, guint id, GValue* value,
                                           GParamSpec* spec) {
  gstsam2::GetProperty(object, setting_of(*GST_SAM2_JSON_ENC(object)->impl, id), id, value, spec);
}

// ---------------------------------------------------------------- stream

// The buffer's line, with the same times.
static GstBuffer* encode(JsonEnc& impl, GstBuffer* video) {
  gstsam2::ObjectsRecord record = gstsam2::ReadObjects(video).value_or(gstsam2::ObjectsRecord{
      .frame_width = impl.width, .frame_height = impl.height, .objects = {}});
  // All lines of a stream have its size, with objects and without.
  if (impl.width > 0 && impl.height > 0) gstsam2::FitToFrame(record, impl.width, impl.height);
  const std::string line = gstsam2::JsonLine(impl.active, impl.core, impl.frame++,
                                             GST_BUFFER_PTS(video), record) + "\n";
  GstBuffer* json = gst_buffer_new_memdup(line.data(), line.size());
  const auto times =
      static_cast<GstBufferCopyFlags>(GST_BUFFER_COPY_TIMESTAMPS | GST_BUFFER_COPY_FLAGS);
  gst_buffer_copy_into(json, video, times, 0, -1);
  return json;
}

static GstFlowReturn gst_sam2_json_enc_chain(GstPad*, GstObject* parent, GstBuffer* video) {
  GstSam2JsonEnc* self = GST_SAM2_JSON_ENC(parent);
  GstBuffer* json = gstsam2::Guard(GST_ELEMENT(self), static_cast<GstBuffer*>(nullptr),
                                   [&] { return encode(*self->impl, video); });
  gst_buffer_unref(video);
  return json != nullptr ? gst_pad_push(self->src, json) : GST_FLOW_ERROR;
}

static gboolean set_caps(GstSam2JsonEnc* self, GstCaps* caps) {
  const GstStructure* structure = gst_caps_get_structure(caps, 0);
  JsonEnc& impl = *self->impl;
  if (!gst_structure_get_int(structure, "width", &impl.width) ||
      !gst_structure_get_int(structure, "height", &impl.height)) {
    return FALSE;
  }
  GST_DEBUG_OBJECT(self, "lines for frames of %dx%d", impl.width, impl.height);
  GstCaps* out = gst_static_pad_template_get_caps(&src_template);
  const gboolean pushed = gst_pad_push_event(self->src, gst_event_new_caps(out));
  gst_caps_unref(out);
  return pushed;
}

static gboolean gst_sam2_json_enc_sink_event(GstPad* pad, GstObject* parent, GstEvent* event) {
  if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return gst_pad_event_default(pad, parent, event);
  GstCaps* caps = nullptr;
  gst_event_parse_caps(event, &caps);
  const gboolean done = set_caps(GST_SAM2_JSON_ENC(parent), caps);
  gst_event_unref(event);
  return done;
}

static gboolean gst_sam2_json_enc_sink_query(GstPad* pad, GstObject* parent, GstQuery* query) {
  if (GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION) {
    return gst_pad_query_default(pad, parent, query);
  }
  // The pixels are not looked at, so any layout will do.
  gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
  return TRUE;
}

// READY to PAUSED.
static gboolean start(GstSam2JsonEnc* self) {
  JsonEnc& impl = *self->impl;
  GST_OBJECT_LOCK(self);
  impl.active = impl.settings;
  GST_OBJECT_UNLOCK(self);
  impl.frame = 0;
  return gstsam2::Guard(GST_ELEMENT(self), FALSE, [&] {
    impl.core = impl.active.masks != MaskForm::kNone ? &gstsam2::OpenCore() : nullptr;
    return TRUE;
  });
}

static GstStateChangeReturn gst_sam2_json_enc_change_state(GstElement* element,
                                                           GstStateChange transition) {
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !start(GST_SAM2_JSON_ENC(element))) {
    return GST_STATE_CHANGE_FAILURE;
  }
  return GST_ELEMENT_CLASS(gst_sam2_json_enc_parent_class)->change_state(element, transition);
}

// ---------------------------------------------------------------- type

static void gst_sam2_json_enc_init(GstSam2JsonEnc* self) {
  self->impl = new JsonEnc;
  self->sink = gst_pad_new_from_static_template(&sink_template, "sink");
  gst_pad_set_chain_function(self->sink, gst_sam2_json_enc_chain);
  gst_pad_set_event_function(self->sink, gst_sam2_json_enc_sink_event);
  gst_pad_set_query_function(self->sink, gst_sam2_json_enc_sink_query);
  gst_element_add_pad(GST_ELEMENT(self), self->sink);
  self->src = gst_pad_new_from_static_template(&src_template, "src");
  gst_pad_use_fixed_caps(self->src);
  gst_element_add_pad(GST_ELEMENT(self), self->src);
}

static void gst_sam2_json_enc_finalize(GObject* object) {
  delete GST_SAM2_JSON_ENC(object)->impl;
  G_OBJECT_CLASS(gst_sam2_json_enc_parent_class)->finalize(object);
}

static void gst_sam2_json_enc_class_init(GstSam2JsonEncClass* klass) {
  GObjectClass* object_class = G_OBJECT_CLASS(klass);
  GstElementClass* element_class = GST_ELEMENT_CLASS(klass);

  object_class->set_property = gst_sam2_json_enc_set_property;
  object_class->get_property = gst_sam2_json_enc_get_property;
  object_class->finalize = gst_sam2_json_enc_finalize;
  const gstsam2::JsonSettings defaults;
  g_object_class_install_property(
      object_class, PROP_MASKS,
      g_param_spec_enum("masks", "Masks", "How masks are written", GST_TYPE_SAM2_MASK_FORM,
                        static_cast<int>(defaults.masks), kReadyFlags));
  g_object_class_install_property(
      object_class, PROP_TOLERANCE,
      g_param_spec_double("polygon-tolerance", "Polygon tolerance",
                          "With masks=polygon: how far the polygons may be off the masks' borders, "
                          "in pixels. More makes fewer corners",
                          0, 1000, defaults.tolerance, kReadyFlags));
  g_object_class_install_property(
      object_class, PROP_MIN_AREA,
      g_param_spec_double("min-area", "Minimum area",
                          "With masks=polygon: parts of a mask of fewer pixels are left out", 0,
                          G_MAXINT, defaults.min_area, kReadyFlags));
  gst_type_mark_as_plugin_api(GST_TYPE_SAM2_MASK_FORM, static_cast<GstPluginAPIFlags>(0));

  gst_element_class_set_static_metadata(
      element_class, "SAM 2 JSON encoder", "Codec/Encoder/Metadata",
      "Writes the objects that sam2track or sam2segment attached to the frames as JSON Lines, one "
      "line a frame: frame, pts, width, height, objects (id, label, state, score, iou, predicted, "
      "accepted, bbox, area, segmentation as COCO has it). "
      "Example: gst-launch-1.0 -q filesrc location=in.mp4 ! decodebin ! videoconvert ! sam2track "
      "box=\"120,80,200,160\" ! sam2jsonenc ! fdsink",
      "gst-sam2");
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  element_class->change_state = gst_sam2_json_enc_change_state;
}
