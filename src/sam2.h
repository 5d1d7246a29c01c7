// SPDX-License-Identifier: Apache-2.0
//
// The whole public face of the core: promptable segmentation and memory-based
// tracking with the SAM 2 family (Ravi et al., "SAM 2: Segment Anything in
// Images and Videos", 2024; Zhou et al., "EdgeTAM", 2025).
//
// No torch, OpenCV or GStreamer type appears here, so that a caller can open
// the library at run time (dlopen) and never load libtorch before it needs it:
//
//   auto entry = reinterpret_cast<sam2::CoreEntry*>(dlsym(handle, sam2::kCoreEntryName));
//   sam2::Core* core = entry(sam2::kInterfaceVersion);   // nullptr: another version
//   std::shared_ptr<sam2::Engine> engine = core->OpenEngine({.model = "builtin"});
//   std::unique_ptr<sam2::VideoTracker> tracker = engine->CreateVideoTracker({});
//   sam2::StepResult result = tracker->Step(frame, pts, prompts);
//
// For still pictures there is an ImagePredictor in place of the VideoTracker.
//
// Errors are thrown as sam2::Error. Every object may be used from any thread;
// one VideoTracker or ImagePredictor from one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#define SAM2_EXPORT __attribute__((visibility("default")))

namespace sam2 {

// Grows with every change of this file that breaks a caller compiled before.
inline constexpr int kInterfaceVersion = 10;

// What went wrong, so that a caller can choose its own kind of error.
enum class ErrorCode {
  kNotFound,       // a file that does not exist
  kBadCheckpoint,  // a damaged or unknown model file
  kBadSettings,    // a value that is not allowed
  kDeviceMissing,  // the asked-for device is not there
  kOutOfMemory,    // host or device memory is used up
  kFailed,         // anything else that failed while computing
};

class SAM2_EXPORT Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& what) : std::runtime_error(what), code_(code) {}
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

// ---------------------------------------------------------------- pixels

// Names are those of GstVideoFormat; x is padding or alpha, never read.
enum class PixelFormat { kRGB, kBGR, kRGBx, kBGRx, kxRGB, kxBGR, kNV12, kI420, kGRAY8 };

// How Y'CbCr became R'G'B'.
enum class ColorMatrix { kBT601, kBT709, kBT2020 };

// Where pixels lie.
enum class FrameMemory {
  kHost,
  // Memory of any NVIDIA GPU and any CUDA context of the process. Whoever wrote
  // to it must have been waited for.
  kCuda,
};

// A view of the caller's pixels, which must stay valid during the call.
struct FrameView {
  PixelFormat format = PixelFormat::kRGB;
  int width = 0;   // pixels
  int height = 0;  // pixels
  std::array<const std::uint8_t*, 3> plane{};
  std::array<int, 3> stride{};  // bytes from one row to the next, for each plane
  ColorMatrix matrix = ColorMatrix::kBT601;
  bool full_range = false;  // Y'CbCr: 0..255 rather than 16..235
  FrameMemory memory = FrameMemory::kHost;
};

// Corners in pixels of the frame; (0, 0) is the upper left corner of the first
// pixel and (width, height) the lower right corner of the last.
struct Box {
  float x0 = 0, y0 = 0, x1 = 0, y1 = 0;
};

struct Point {
  float x = 0, y = 0;  // pixels of the frame
  bool positive = true;
  // Stills: negative inside the object's mask, positive outside of it, in place
  // of `positive`.
  bool automatic = false;
};

// A mask inside its rectangle of the frame. Everything outside is background.
struct Mask {
  int x = 0, y = 0, width = 0, height = 0;  // pixels of the frame
  std::vector<std::uint8_t> pixels;         // height rows of width bytes, 0 or 255

  bool empty() const { return pixels.empty(); }
};

// ---------------------------------------------------------------- prompts

enum class PromptAction {
  kAdd,      // a new object
  kRefine,   // more clicks, a new box or mask for a live object, which keeps its memory
  kReplace,  // the same, but its memory is forgotten first
  kRemove,   // the object is dropped
  kUndo,     // stills: the last step (or kAccept) is taken back, with the first one the object
  kAccept,   // stills: the object is done, and only kRemove and kUndo change it any more
};

// Ids that may be asked for are 1 to this; above there is room for chosen ones.
inline constexpr int kMaxObjectId = 1'000'000'000;

// What is asked of one object on one frame. A box and points may come
// together; a mask comes alone.
struct Prompt {
  int id = 0;  // 1 to kMaxObjectId; 0 with kAdd: the tracker chooses the next free one
  PromptAction action = PromptAction::kAdd;
  std::optional<Box> box;
  std::vector<Point> points;
  std::optional<Mask> mask;
};

// ---------------------------------------------------------------- results

enum class ObjectState { kTracked, kOccluded, kLost };

struct Object {
  int id = 0;
  ObjectState state = ObjectState::kTracked;
  float score = 0;  // sigmoid of the object score, 0..1: is the object in the frame?
  float iou = 0;    // IoU with the truth that the decoder predicts for its mask, 0..1
  // Both empty unless state is kTracked. The box is the tight one of the mask.
  std::optional<Box> box;
  Mask mask;
  bool accepted = false;   // stills: see PromptAction::kAccept
  bool predicted = false;  // where motion says it is; this frame's pixels were not looked at
};

// What became of one prompt.
struct PromptOutcome {
  int id = 0;         // of the object it went to, 0 when refused before it had one
  bool clipped = false;  // it reached over the frame's edge and was cut there
  std::string error;  // empty: accepted; else why it was refused
};

struct StepResult {
  std::vector<Object> objects;          // in order of their ids' first appearance
  std::vector<PromptOutcome> outcomes;  // one for each prompt, in their order
};

// ---------------------------------------------------------------- tracker

// What is written to an object's memory, and which of the three masks is taken.
enum class MemoryPolicy {
  kOfficial,  // every frame; the mask with the best predicted IoU: exactly the reference
  kRobust,    // only frames that are surely the object; masks by predicted IoU and motion
};

// The widest window that may be asked for, in units of the longer side of an object's box.
inline constexpr float kMaxWindow = 10;
// The narrowest one to follow an object in, which has to see where it goes.
inline constexpr float kMinFollowWindow = 1.5F;

struct TrackerOptions {
  // An occluded object is lost when it was not seen for this long.
  std::int64_t lost_timeout_ns = 2'000'000'000;
  // A lost object is looked for only this often and costs nothing in between;
  // 0: on every frame.
  std::int64_t lost_interval_ns = 0;
  // Objects tracked at once. A further one takes the place of the one that has
  // been lost for longest, which is absent from the results from then on; it is
  // refused where none is lost.
  int max_objects = 200;
  // Holes in masks of at most this area, in pixels of the mask logits (a
  // quarter of the network's input), are filled; 0: none.
  // Reference: SAM2VideoPredictor(fill_hole_area=8).
  int fill_hole_area = 8;
  // Specks of at most this area in the same pixels, apart from a larger part of
  // the mask, are not shown; 0: all are.
  // Reference: remove_sprinkles in SAM 3, sam3/model/sam3_tracker_utils.py.
  int max_sprinkle_area = 0;
  MemoryPolicy memory_policy = MemoryPolicy::kOfficial;
  // Notice hard cuts between scenes. From a cut on an object is occluded, and
  // nothing is written to its memory, until the network is more certain of it
  // than it need be otherwise: as a rule when the old scene is back.
  bool detect_cuts = false;
  // An object that a box or clicks begin is looked for in a part of the frame
  // first, as StillsOptions::search_window has it, and followed from the mask
  // found there; 0: in the whole frame. Frames in device memory have no window.
  float search_window = 0;
  // Such objects are looked for as StillsOptions::second_look has it, also
  // without a window. Not in device memory.
  bool second_look = false;
  // Each object is followed in a part of the frame of its own, encoded on its own:
  // a square of so many times the longer side of its box, kMinFollowWindow to
  // kMaxWindow; 0, or where that is more than a quarter of the frame: in the whole
  // frame. One that a box or clicks begin is then looked for as search_window has
  // it, 0 included, and followed from the mask found there. While an object is not
  // seen its window grows. In device memory objects are followed in whole frames.
  float follow_window = 0;
};

// Follows the prompted objects of one video, frame after frame, within bounded
// memory. Semantics of SAM2VideoPredictor (sam2 1.1.0), streaming.
class VideoTracker {
 public:
  virtual ~VideoTracker() = default;

  // Applies the prompts to the frame and finds every object in it. Takes no
  // inference time while there is no object. A prompt that cannot be used is
  // refused in its outcome and the others go on.
  // pts_ns: presentation time of the frame, for timeouts and motion.
  // A frame in CUDA memory needs an engine on a CUDA device.
  // When `stop` is asked for, which may come from any thread, nothing is looked
  // at in a search window any more; the rest of the step is soon done.
  // Throws Error when the step failed; the tracker then stands as before.
  virtual StepResult Step(const FrameView& frame, std::int64_t pts_ns,
                          std::span<const Prompt> prompts, std::stop_token stop = {}) = 0;

  // Tells the frame of the step after the next one, so that its encoding may
  // begin beside that: on a CPU, with a network too small for several threads
  // in one operator, objects are then followed on one core while another
  // encodes; a GPU is given it before it is waited for. Results stay the same.
  // Its pixels stay until the end of the second Step() from here, or until
  // nothing (null) is expected.
  virtual void Expect(const FrameView* frame) = 0;

  // For a frame that there is no time to look at: the objects of the last step
  // where motion has them at pts_ns, marked predicted. A tracked object's box
  // and mask are moved and scaled, in pixels of the last step's frame, and cut
  // at its edge; one that is moved out of it is occluded. The others are as
  // they were, and all are lost when they were not seen for lost_timeout_ns.
  // No inference, and nothing is learned: for the memories the frame does not
  // count, like one the tracker never saw.
  virtual StepResult Predict(std::int64_t pts_ns) = 0;

  // Forgets all objects and their memories. Ids are not used again.
  virtual void Reset() = 0;
};

// ---------------------------------------------------------------- stills

// Which of the decoder's three masks a single click stands for. The others
// go by area: the largest, the middle one, the smallest.
enum class MaskChoice {
  kBest,  // by predicted IoU
  kWhole,
  kPart,
  kSubpart,
};

struct StillsOptions {
  MaskChoice mask_choice = MaskChoice::kBest;
  // Objects on one picture; a further one is refused.
  int max_objects = 10'000;
  // Holes and specks of at most this area, in pixels of the mask logits (a
  // quarter of the network's input), are removed from the masks; 0: none.
  // Reference: SAM2ImagePredictor(max_hole_area=0, max_sprinkle_area=0).
  int max_hole_area = 0;
  int max_sprinkle_area = 0;
  // Each object is looked for in a part of the picture, encoded on its own: a
  // square of so many times the longer side of its box, 1 to kMaxWindow;
  // 0: in the whole picture. An object that has clicks alone is looked for in
  // the whole picture first, then around the mask found there.
  float search_window = 0;
  // The network is asked about a mirror image too, and the mean of both answers
  // counts: better masks in twice the time.
  bool second_look = false;
  // Pixels that the network is not sure of go by their colours and by the edges
  // between them (GrabCut): for weights whose masks have vague edges. The next
  // step starts from the network's own logits, but from this mask where it moves
  // the window. Needs a core with OpenCV.
  bool refine_edges = false;
};

// Names, meaning and defaults of SAM2AutomaticMaskGenerator.
struct EverythingOptions {
  int points_per_side = 32;
  int points_per_batch = 64;  // fewer are taken where they would need too much memory
  float pred_iou_thresh = 0.8F;
  float stability_score_thresh = 0.95F;
  float stability_score_offset = 1;
  float box_nms_thresh = 0.7F;
  int crop_n_layers = 0;
  float crop_nms_thresh = 0.7F;
  float crop_overlap_ratio = 512.0F / 1500;
  int crop_n_points_downscale_factor = 1;
  int min_mask_region_area = 0;  // pixels of the mask logits

  bool operator==(const EverythingOptions&) const = default;
};

// Segments pictures from boxes and clicks, which may be corrected click by
// click. Semantics of SAM2ImagePredictor (sam2 1.1.0): a box gives one mask, a
// single click the best of three, a given mask itself; every further step of an
// object starts from all its clicks and its former mask.
class ImagePredictor {
 public:
  virtual ~ImagePredictor() = default;

  // Makes the frame the current picture. Objects and the picture's encoding are
  // kept while the pixels stay the same; with other ones all objects go.
  // Returns whether it is another picture. It is encoded when something is
  // first asked of it: the pixels must be there until the last such call.
  // Throws Error for a frame that is not in host memory.
  virtual bool SetImage(const FrameView& frame) = 0;

  // Applies the prompts, in order, to the objects of the current picture; a
  // click costs the decoder alone. Prompts for new objects that stand together
  // are decoded as batches. A prompt that cannot be used is refused in its
  // outcome and the others go on.
  // Returns the objects in order of their first appearance; one without a mask
  // is kOccluded.
  // Throws Error when inference failed; the objects then stand as before.
  // When `stop` is asked for, which may come from any thread, it returns soon,
  // with nothing; the objects then stand as before too.
  virtual StepResult Step(std::span<const Prompt> prompts, std::stop_token stop = {}) = 0;

  // All that a grid of clicks finds in the current picture, largest first, with
  // ids 1, 2, ...; `score` is the stability score. Kept while picture and
  // options stay the same. Does not touch the objects of Step(). Throws Error.
  // When `stop` is asked for it returns soon, with nothing; that may come from any
  // thread. Reference: SAM2AutomaticMaskGenerator.
  virtual std::vector<Object> Everything(const EverythingOptions& options,
                                         std::stop_token stop = {}) = 0;

  // From the next Step() on, also for objects that have only one click yet and are
  // not accepted.
  virtual void SetMaskChoice(MaskChoice choice) = 0;

  // Forgets the objects. Ids are not used again.
  virtual void Reset() = 0;
};

// ---------------------------------------------------------------- engine

struct EngineOptions {
  // Path of a .pt or .safetensors file.
  std::string model;
  std::string device = "auto";     // auto | cpu | cuda | cuda:N
  std::string precision = "auto";  // auto | fp32 | bf16 | fp16
  int image_size = 0;              // side of the network's input; 0: the model's own
  // CPU threads of the network; 0: one per core, and inside of single operators,
  // which small networks do not divide, one fewer. The latest number above 0 holds
  // for all that share the model (see Core::OpenEngine).
  int threads = 0;
};

struct ModelInfo {
  std::string member;  // "sam2.1-tiny", "edgetam", "builtin", ...
  int image_size = 0;
  std::string device;
  std::string precision;
  std::int64_t weight_bytes = 0;
};

// One model on one device in one precision: its weights, and the queue on
// which every step of its trackers runs in turn.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual const ModelInfo& info() const = 0;
  // Both throw Error kBadSettings for a window that is not allowed.
  virtual std::unique_ptr<VideoTracker> CreateVideoTracker(const TrackerOptions& options) = 0;
  virtual std::unique_ptr<ImagePredictor> CreateImagePredictor(const StillsOptions& options) = 0;
};

// ---------------------------------------------------------------- core

// A polygon as COCO has it: x0, y0, x1, y1, ... in pixels of the frame.
using Polygon = std::vector<float>;

class Core {
 public:
  virtual ~Core() = default;

  // The engine for these options; callers that ask for the same (options
  // equal after "auto" is resolved) share one while any of them holds it.
  // Throws Error.
  virtual std::shared_ptr<Engine> OpenEngine(const EngineOptions& options) = 0;

  // COCO's compressed run-length encoding ("counts") of a mask as part of a
  // frame of frame_width x frame_height. Same string as pycocotools.mask.encode.
  // Throws Error kBadSettings when the mask's pixels are not as many as its
  // rectangle has, or the frame is empty.
  virtual std::string EncodeRle(const Mask& mask, int frame_width, int frame_height) = 0;

  // The outlines of a mask, outer borders only, each of at least three points,
  // simplified by at most `tolerance` pixels; parts with an area below
  // `min_area` pixels are left out.
  // Throws Error kBadSettings for a tolerance that is negative or not finite, or
  // when the mask's pixels are not as many as its rectangle has.
  virtual std::vector<Polygon> MaskToPolygons(const Mask& mask, double tolerance,
                                              double min_area) = 0;
};

// The library's one C symbol. Returns the process's core, which is never
// freed, or nullptr when the library speaks another interface version.
using CoreEntry = Core*(int interface_version);
inline constexpr char kCoreEntryName[] = "sam2_core";

}  // namespace sam2

extern "C" SAM2_EXPORT sam2::Core* sam2_core(int interface_version);
