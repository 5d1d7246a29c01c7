// SPDX-License-Identifier: Apache-2.0
//
// Prompts from outside: property, file, events, signals. All end in the same
// request, which waits in a queue for its frame.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sam2.h"

namespace gstsam2 {

struct PromptRequest {
  // When: at the frame of this number (counted from 0), or at the first frame
  // at or after this presentation time; neither: at the next frame.
  std::optional<std::uint64_t> frame;
  std::optional<GstClockTime> pts;
  sam2::Prompt prompt;
  // Size of the frame that the coordinates belong to; 0: the one it is applied to.
  int frame_width = 0, frame_height = 0;
  std::string label;
  std::string source;  // for messages: "box", "prompts.jsonl:3", "event", ...
};

// PromptRequest::source of the `box` property.
inline constexpr char kBoxSource[] = "box";

// Boxes of the `box` property: "x,y,w,h[;x,y,w,h...]", whole or decimal numbers.
// Throws ElementError (RESOURCE/SETTINGS).
std::vector<PromptRequest> ParseBoxes(const std::string& text);

// One line of a prompts file: a JSON object with the keys frame | pts, id,
// label, box [x, y, w, h], points [[x, y, 1 or 0], ...], action.
// Throws std::invalid_argument with the reason.
PromptRequest ParsePromptLine(const std::string& line);

// A prompts file, JSON Lines; blank lines are skipped.
// Throws ElementError: RESOURCE/NOT_FOUND, or RESOURCE/SETTINGS naming the line.
std::vector<PromptRequest> ReadPromptsFile(const std::string& path);

// The fields of a `sam2-prompt` event: those of a line. `box` and the members
// of `points` are arrays of numbers, or everything is text: box "x,y,w,h",
// points "x,y,1;x,y,0". An event may also have a mask in place of both: `mask`
// (GstBuffer, GRAY8, tightly packed, 0 is outside), mask-x, mask-y, mask-cols
// and mask-rows, as the objects' meta has them.
// Throws std::invalid_argument with the reason.
PromptRequest ParsePromptStructure(const GstStructure& structure);

// What the action signals and the mouse ask for, for any id: the core refuses
// those that no object has.
PromptRequest RequestFor(int id, sam2::PromptAction action, const char* source);
// Adds an object when the id is 0, or refines the one of this id.
PromptRequest BoxRequest(int id, double x, double y, double width, double height,
                         const char* label, const char* source);
PromptRequest PointRequest(int id, const sam2::Point& point, const char* source);

// Brings the coordinates to a frame of this size, if they belong to another one.
void FitToFrame(PromptRequest& request, int frame_width, int frame_height);

// Why the prompt cannot be used on a frame of this size; empty when it can.
std::string ReasonToRefuse(const sam2::Prompt& prompt, int frame_width, int frame_height);

// Ids that may be asked for are 1 to this; above, there is room for chosen ones,
// as the core takes twice as many.
inline constexpr int kMaxId = sam2::kMaxObjectId / 2;

// Requests of one stream, waiting for their frames. Any thread may add.
class PromptQueue {
 public:
  // What is due on one frame. `reset` comes before the requests.
  struct Due {
    bool reset = false;
    std::vector<PromptRequest> requests;
  };

  // Returns the object's id, which is chosen here for a new object without one.
  int Add(PromptRequest request);
  // The same for several: none is given an id that another one asks for.
  void Add(std::vector<PromptRequest> requests);
  // An id that no object has had.
  int NewId();
  // Takes back the last id that was given, if no object came of it.
  void GiveBack(int id);
  // Ids begin anew at 1, once they are above those that may be asked for and
  // nothing waits. For when there is no object.
  void RenewIds();
  // Drops what waits; the next frame's Due says reset.
  void Reset();
  // Takes what is due, in order of arrival. `pts` may be GST_CLOCK_TIME_NONE.
  Due Take(std::uint64_t frame, GstClockTime pts);
  // All that waits.
  std::vector<PromptRequest> Rest() const;
  // Forgets everything, ids too.
  void Clear();

 private:
  // Only a new object takes an id away: others may name one that never was.
  void Reserve(const sam2::Prompt& prompt);
  int AddLocked(PromptRequest request);

  mutable std::mutex mutex_;
  std::vector<PromptRequest> waiting_;
  bool reset_ = false;
  int next_id_ = 1;
};

}  // namespace gstsam2
