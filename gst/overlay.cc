// SPDX-License-Identifier: Apache-2.0

/**
 * SECTION:element-sam2overlay
 * @title: sam2overlay
 *
 * Paints the objects that sam2track or sam2segment attached to the frames: masks,
 * boxes, ids, labels, scores and states, each object in its own colour. Objects
 * without a box at the moment are listed in the lower left corner.
 *
 * ## Example launch line
 *
 * |[
 * gst-launch-1.0 filesrc location=in.mp4 ! decodebin ! videoconvert ! \
 *   sam2track box="120,80,200,160" ! sam2overlay alpha=0.5 boxes=false ! \
 *   videoconvert ! autovideosink
 * ]|
 */

#include "overlay.h"

#include <gst/video/video.h>

#include <optional>
#include <utility>

#include "allocation.h"
#include "canvas.h"
#include "errors.h"
#include "meta.h"
#include "painter.h"
#include "rubber_band.h"
#include "setting.h"

GST_DEBUG_CATEGORY_STATIC(gst_sam2_overlay_debug);
#define GST_CAT_DEFAULT gst_sam2_overlay_debug

namespace {

using gstsam2::Setting;

// The C++ half of the element.
struct Overlay {
  gstsam2::PainterSettings settings;  // under the object lock
  bool show_rubber_band = true;       // under the object lock
  gstsam2::Painter painter;
  gstsam2::RubberBand rubber_band;
  GstVideoInfo info;
};

enum Property {
  PROP_MASKS = 1,
  PROP_BOXES,
  PROP_LABELS,
  PROP_SCORES,
  PROP_ALPHA,
  PROP_LINE_WIDTH,
  PROP_RUBBER_BAND,
};

}  // namespace

struct _GstSam2Overlay {
  GstBaseTransform parent;
  Overlay* impl;
};

G_DEFINE_FINAL_TYPE(GstSam2Overlay, gst_sam2_overlay, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(
    sam2overlay, "sam2overlay", GST_RANK_NONE, GST_TYPE_SAM2_OVERLAY,
    GST_DEBUG_CATEGORY_INIT(gst_sam2_overlay_debug, "sam2overlay", 0, "SAM 2 overlay"))

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(SAM2_CANVAS_FORMATS)));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(SAM2_CANVAS_FORMATS)));

static Setting setting_of(Overlay& impl, guint id) {
  switch (id) {
    case PROP_MASKS: return Setting(impl.settings.masks);
    case PROP_BOXES: return Setting(impl.settings.boxes);
    case PROP_LABELS: return Setting(impl.settings.labels);
    case PROP_SCORES: return Setting(impl.settings.scores);
    case PROP_ALPHA: return Setting(impl.settings.alpha);
    case PROP_LINE_WIDTH: return Setting(impl.settings.line_width);
    case PROP_RUBBER_BAND: return Setting(impl.show_rubber_band);
    default: return {};
  }
}

static void gst_sam2_overlay_set_property(GObject* object, guint id, const GValue* value,
                                          GParamSpec* spec) {
  gstsam2::SetProperty(object, setting_of(*GST_SAM2_OVERLAY(object)->impl, id), id, value, spec);
}

static void gst_sam2_overlay_get_property(GObject* object, guint id, GValue* value,
                                          GParamSpec* spec) {
  gstsam2::GetProperty(object, setting_of(*GST_SAM2_OVERLAY(object)->impl, id), id, value, spec);
}

static void install_properties(GObjectClass* klass) {
  const auto flags = static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
                                              GST_PARAM_MUTABLE_PLAYING | GST_PARAM_CONTROLLABLE);
  const gstsam2::PainterSettings defaults;
  g_object_class_install_property(
      klass, PROP_MASKS,
      g_param_spec_boolean("masks", "Masks", "Paint the masks and their outlines", defaults.masks,
                           flags));
  g_object_class_install_property(
      klass, PROP_BOXES,
      g_param_spec_boolean("boxes", "Boxes", "Paint the tight boxes of the masks", defaults.boxes,
                           flags));
  g_object_class_install_property(
      klass, PROP_LABELS,
      g_param_spec_boolean("labels", "Labels",
                           "Write the objects' labels and ids, and their states when these are "
                           "not \"tracked\"",
                           defaults.labels, flags));
  g_object_class_install_property(
      klass, PROP_SCORES,
      g_param_spec_boolean("scores", "Scores",
                           "Write how sure the network is that the object is in the frame",
                           defaults.scores, flags));
  g_object_class_install_property(
      klass, PROP_ALPHA,
      g_param_spec_double("alpha", "Alpha",
                          "How much of the pixels the masks cover: 0 nothing, 1 all", 0, 1,
                          defaults.alpha, flags));
  g_object_class_install_property(
      klass, PROP_LINE_WIDTH,
      g_param_spec_int("line-width", "Line width",
                       "Width of outlines and boxes in pixels; 0: by the frame's size", 0, 64,
                       defaults.line_width, flags));
  g_object_class_install_property(
      klass, PROP_RUBBER_BAND,
      g_param_spec_boolean("rubber-band", "Rubber band",
                           "Paint the box that the mouse is drawing in a video sink", TRUE, flags));
}

static gboolean gst_sam2_overlay_set_caps(GstBaseTransform* base, GstCaps* in, GstCaps*) {
  GST_DEBUG_OBJECT(base, "painting on %" GST_PTR_FORMAT, in);
  return gst_video_info_from_caps(&GST_SAM2_OVERLAY(base)->impl->info, in);
}

static void gst_sam2_overlay_before_transform(GstBaseTransform* base, GstBuffer* buffer) {
  if (base->segment.format != GST_FORMAT_TIME) return;
  const GstClockTime time = gst_segment_to_stream_time(&base->segment, GST_FORMAT_TIME,
                                                       GST_BUFFER_TIMESTAMP(buffer));
  if (GST_CLOCK_TIME_IS_VALID(time)) gst_object_sync_values(GST_OBJECT(base), time);
}

static void paint(Overlay& impl, const gstsam2::PainterSettings& settings,
                  const std::optional<gstsam2::Rect>& rubber_band, GstBuffer* buffer) {
  std::optional<gstsam2::ObjectsRecord> record = gstsam2::ReadObjects(buffer);
  if (record && record->objects.empty()) record.reset();
  if (!record && !rubber_band) return;
  const auto flags = static_cast<GstMapFlags>(static_cast<int>(GST_MAP_READWRITE) |
                                              static_cast<int>(GST_VIDEO_FRAME_MAP_FLAG_NO_REF));
  GstVideoFrame frame;
  if (!gst_video_frame_map(&frame, &impl.info, buffer, flags)) {
    throw gstsam2::ElementError::Stream("Cannot map a buffer as a frame for painting.");
  }
  try {
    if (record) impl.painter.Paint(settings, std::move(*record), frame);
    if (rubber_band) impl.painter.PaintRubberBand(settings, *rubber_band, frame);
  } catch (...) {
    gst_video_frame_unmap(&frame);
    throw;
  }
  gst_video_frame_unmap(&frame);
}

static GstFlowReturn gst_sam2_overlay_transform_ip(GstBaseTransform* base, GstBuffer* buffer) {
  GstSam2Overlay* self = GST_SAM2_OVERLAY(base);
  GST_OBJECT_LOCK(self);
  const gstsam2::PainterSettings settings = self->impl->settings;
  const bool show_rubber_band = self->impl->show_rubber_band;
  GST_OBJECT_UNLOCK(self);
  return gstsam2::Guard(GST_ELEMENT(self), GST_FLOW_ERROR, [&] {
    std::optional<gstsam2::Rect> rubber_band;
    if (show_rubber_band) {
      const GstVideoInfo& info = self->impl->info;
      rubber_band = self->impl->rubber_band.rect(info.width, info.height);
    }
    paint(*self->impl, settings, rubber_band, buffer);
    return GST_FLOW_OK;
  });
}

static gboolean gst_sam2_overlay_src_event(GstBaseTransform* base, GstEvent* event) {
  GST_SAM2_OVERLAY(base)->impl->rubber_band.See(event);
  return GST_BASE_TRANSFORM_CLASS(gst_sam2_overlay_parent_class)->src_event(base, event);
}

static gboolean gst_sam2_overlay_propose_allocation(GstBaseTransform* base, GstQuery* decide,
                                                    GstQuery* query) {
  const gboolean proposed = GST_BASE_TRANSFORM_CLASS(gst_sam2_overlay_parent_class)
                                ->propose_allocation(base, decide, query);
  gstsam2::RefuseCropMeta(query);
  return proposed;
}

static gboolean gst_sam2_overlay_stop(GstBaseTransform* base) {
  GST_SAM2_OVERLAY(base)->impl->rubber_band.Clear();
  return TRUE;
}

static void gst_sam2_overlay_init(GstSam2Overlay* self) {
  self->impl = new Overlay;
  gst_video_info_init(&self->impl->info);
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
}

static void gst_sam2_overlay_finalize(GObject* object) {
  delete GST_SAM2_OVERLAY(object)->impl;
  G_OBJECT_CLASS(gst_sam2_overlay_parent_class)->finalize(object);
}

static void gst_sam2_overlay_class_init(GstSam2OverlayClass* klass) {
  GObjectClass* object_class = G_OBJECT_CLASS(klass);
  GstElementClass* element_class = GST_ELEMENT_CLASS(klass);
  GstBaseTransformClass* base_class = GST_BASE_TRANSFORM_CLASS(klass);

  object_class->set_property = gst_sam2_overlay_set_property;
  object_class->get_property = gst_sam2_overlay_get_property;
  object_class->finalize = gst_sam2_overlay_finalize;
  install_properties(object_class);

  gst_element_class_set_static_metadata(
      element_class, "SAM 2 overlay", "Filter/Effect/Video",
      "Paints the objects that sam2track or sam2segment attached to the frames: masks, boxes, "
      "ids, labels, scores and states, each object in its own colour. "
      "Example: gst-launch-1.0 filesrc location=in.mp4 ! decodebin ! videoconvert ! sam2track "
      "box=\"120,80,200,160\" ! sam2overlay alpha=0.5 boxes=false ! videoconvert ! autovideosink",
      "gst-sam2");
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);

  base_class->set_caps = gst_sam2_overlay_set_caps;
  base_class->before_transform = gst_sam2_overlay_before_transform;
  base_class->transform_ip = gst_sam2_overlay_transform_ip;
  base_class->src_event = gst_sam2_overlay_src_event;
  base_class->propose_allocation = gst_sam2_overlay_propose_allocation;
  base_class->stop = gst_sam2_overlay_stop;
}
