// SPDX-License-Identifier: Apache-2.0
//
// The objects beside the pixels, as they travel with a GstBuffer.
//
// The truth is one GstCustomMeta named "GstSam2Objects". Its GstStructure:
//   frame-width, frame-height (int)  the coordinate system
//   objects (GstValueArray of GstStructure), each:
//     id (int), label (string, may be absent),
//     state (string: tracked | occluded | lost), score, iou (double, 0..1)
//     predicted (boolean)            there and true: this frame's pixels were not
//                                    looked at, the object is where motion has it
//     accepted (boolean)             only sam2segment's: the user is content with it
//     selected (boolean)             the mouse prompted it last; may be absent
//     x, y, width, height (double)   tight box of the mask; absent without one
//     mask (GstBuffer)               GRAY8, tightly packed, 0 or 255
//     mask-cols, mask-rows (int)     the mask's pixels
//     mask-x, mask-y, mask-width, mask-height (double)
//                                    the mask's rectangle in the frame
// It survives copies; scaling scales the coordinates and keeps the mask's pixels,
// also where videoscale adds borders, which is its default.
//
// For elements that know only regions of interest there is also one
// GstVideoRegionOfInterestMeta for each object with a box, with a param
// structure "sam2" (id, score, state).
#pragma once

#include <gst/gst.h>
#include <gst/video/gstvideometa.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sam2.h"

namespace gstsam2 {

inline constexpr char kObjectsMetaName[] = "GstSam2Objects";
inline constexpr char kRoiParamName[] = "sam2";

// x, y, width, height in pixels of the coordinate system.
struct Rect {
  double x = 0, y = 0, width = 0, height = 0;
};

struct BufferUnref {
  void operator()(GstBuffer* buffer) const { gst_buffer_unref(buffer); }
};
using BufferPtr = std::unique_ptr<GstBuffer, BufferUnref>;

struct ObjectMask {
  BufferPtr pixels;  // rows x cols bytes, 0 or 255
  int cols = 0, rows = 0;
  Rect rect;  // where it lies in the frame
};

struct ObjectRecord {
  int id = 0;
  std::string label;
  sam2::ObjectState state = sam2::ObjectState::kTracked;
  double score = 0, iou = 0;
  bool predicted = false;
  std::optional<bool> accepted, selected;
  std::optional<Rect> box;
  std::optional<ObjectMask> mask;
};

struct ObjectsRecord {
  int frame_width = 0, frame_height = 0;
  std::vector<ObjectRecord> objects;
};

// tracked | occluded | lost
const char* StateName(sam2::ObjectState state);

// Registers the meta with GStreamer; once in a process, by the plugin.
void RegisterObjectsMeta();

// Attaches the objects to a writable buffer in place of those that an earlier
// element attached. Takes the records' mask buffers.
void WriteObjects(GstBuffer* buffer, ObjectsRecord record);

// The objects on a buffer; nothing when it carries none. What is not as
// described above (other programs may write it) is left out.
std::optional<ObjectsRecord> ReadObjects(GstBuffer* buffer);

// The regions of interest on a buffer: those that WriteObjects added, and those
// of anyone else. A conversion drops params, so that ours are also known by their
// type, or by id, type and box of one of the objects' meta.
struct Rois {
  std::vector<GstVideoRegionOfInterestMeta*> own, foreign;
};
Rois SortRois(GstBuffer* buffer);

// The object as the core reports it, with its mask's bytes moved into a buffer.
ObjectRecord MakeRecord(sam2::Object object, std::string label);

}  // namespace gstsam2
