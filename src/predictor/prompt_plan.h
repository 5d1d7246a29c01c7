// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "sam2.h"

namespace sam2 {

// What is asked of a tracker's objects on one frame, put together from the
// frame's prompts one by one. Changes nothing by itself, so that a failed step
// can be forgotten.
class PromptPlan {
 public:
  // One object's prompts on the frame.
  struct Pending {
    PromptAction action = PromptAction::kAdd;
    std::vector<Prompt> prompts;  // checked and clipped, in their order

    // Whether they are answered without the object's memories: a new object, or a
    // box, which says where the whole of it is; clicks correct what is followed.
    bool FromScratch() const;
  };
  // An object that is there before the frame.
  struct Live {
    int id = 0;
    bool lost = false;
    std::int64_t last_seen_ns = 0;
  };

  // next_id: above all ids ever used.
  PromptPlan(std::vector<Live> live, int max_objects, int next_id)
      : live_(std::move(live)), max_objects_(max_objects), next_id_(next_id) {}

  // Takes one more prompt on a frame of this size, or tells why not.
  PromptOutcome Add(const Prompt& prompt, int frame_width, int frame_height);

  const std::map<int, Pending>& pending() const { return pending_; }  // by id
  // Whether an object that was there is to go: dropped by the user, or given
  // up for a new one.
  bool Removes(int id) const { return removed_.contains(id); }
  int next_id() const { return next_id_; }

 private:
  bool WasLive(int id) const;
  bool Exists(int id) const;
  // Why the action does not fit the object, else empty.
  std::string CheckAction(const Prompt& prompt) const;
  // Gives up lost objects until there is room for one more. Why there is
  // none, else empty.
  std::string MakeRoom();
  void Remove(int id);
  void Take(Prompt prompt);

  std::vector<Live> live_;
  int max_objects_;
  int next_id_;
  std::map<int, Pending> pending_;
  std::set<int> removed_;
};

}  // namespace sam2
