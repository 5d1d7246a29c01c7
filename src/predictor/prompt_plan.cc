// SPDX-License-Identifier: Apache-2.0
#include "predictor/prompt_plan.h"

#include <algorithm>

#include "predictor/prompt_check.h"

namespace sam2 {

bool PromptPlan::Pending::FromScratch() const {
  bool by_box = false;  // not where a mask took the box's place
  for (const Prompt& prompt : prompts) {
    by_box = prompt.box.has_value() || (by_box && !prompt.mask.has_value());
  }
  return action != PromptAction::kRefine || by_box;
}

PromptOutcome PromptPlan::Add(const Prompt& given, int frame_width, int frame_height) {
  Prompt prompt = given;
  PromptOutcome outcome{.id = prompt.id, .clipped = false, .error = CheckAction(prompt)};
  if (outcome.error.empty()) CheckPrompt(prompt, frame_width, frame_height, outcome);
  if (outcome.error.empty() && prompt.action == PromptAction::kAdd) outcome.error = MakeRoom();
  if (!outcome.error.empty()) return outcome;
  if (prompt.action == PromptAction::kRemove) {
    Remove(prompt.id);
    return outcome;
  }
  if (prompt.id == 0) prompt.id = next_id_;
  outcome.id = prompt.id;
  Take(std::move(prompt));
  return outcome;
}

void PromptPlan::Remove(int id) {
  pending_.erase(id);
  if (WasLive(id)) removed_.insert(id);
}

void PromptPlan::Take(Prompt prompt) {
  next_id_ = std::max(next_id_, prompt.id + 1);
  Pending& pending = pending_[prompt.id];
  // A second prompt for an object on one frame refines what the first began.
  if (pending.prompts.empty()) pending.action = prompt.action;
  // Dropped and asked for again on one frame: it begins anew.
  if (removed_.erase(prompt.id) > 0) pending.action = PromptAction::kReplace;
  if (prompt.action == PromptAction::kReplace) {
    pending = {.action = PromptAction::kReplace, .prompts = {}};
  }
  pending.prompts.push_back(std::move(prompt));
}

bool PromptPlan::WasLive(int id) const {
  return std::ranges::find(live_, id, &Live::id) != live_.end();
}

bool PromptPlan::Exists(int id) const {
  return pending_.contains(id) || (WasLive(id) && !Removes(id));
}

std::string PromptPlan::CheckAction(const Prompt& prompt) const {
  if (std::string error = CheckId(prompt); !error.empty()) return error;
  const std::string name = "object " + std::to_string(prompt.id);
  if (prompt.action != PromptAction::kAdd) {
    return Exists(prompt.id) ? "" : name + " does not exist";
  }
  if (prompt.id != 0 && Exists(prompt.id)) {
    return name + " exists already: use refine or replace to prompt it again";
  }
  return {};
}

std::string PromptPlan::MakeRoom() {
  const auto is_new = [&](const auto& entry) { return !WasLive(entry.first); };
  auto count = std::ssize(live_) - std::ssize(removed_) + std::ranges::count_if(pending_, is_new);
  const auto total = count;
  std::vector<Live> lost;
  std::ranges::copy_if(live_, std::back_inserter(lost), [&](const Live& object) {
    return object.lost && !Removes(object.id) && !pending_.contains(object.id);
  });
  if (count - std::ssize(lost) >= max_objects_) {
    return "there are " + std::to_string(total) + " objects already, as many as are allowed";
  }
  std::ranges::stable_sort(lost, {}, &Live::last_seen_ns);
  for (std::size_t i = 0; count >= max_objects_; ++i, --count) removed_.insert(lost[i].id);
  return {};
}

}  // namespace sam2
