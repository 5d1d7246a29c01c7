// SPDX-License-Identifier: Apache-2.0
#include "predictor/view.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "predictor/engine.h"

namespace sam2 {
namespace {

Window Whole(const FrameView& frame) { return WholeFrame(frame.width, frame.height); }

}  // namespace

std::shared_ptr<FrameReader> NewReader(const ModelEngine& engine) {
  const Sam2Model& model = engine.model();
  return std::make_shared<FrameReader>(static_cast<int>(model.image_size()), Resize::kVideo,
                                       model.device());
}

View::View(ModelEngine& engine, std::shared_ptr<FrameReader> reader, const Window& window,
           const FrameView& part, std::unique_ptr<FrameAhead> ahead)
    : window_(window), reader_(std::move(reader)), part_(part), ahead_(std::move(ahead)) {
  if (!ahead_) request_.emplace(engine.encoder(), *reader_, part_);
}

void View::Encode(bool beside_others) {
  if (ahead_) {
    ahead_->Finish();
    features_ = ahead_->features();
    return;
  }
  features_ = request_->Features();
  if (beside_others) features_ = features_.CopyOf(0);
}

Views::Views(ModelEngine& engine, std::shared_ptr<FrameReader> reader, const FrameView& frame)
    : engine_(engine), reader_(std::move(reader)), frame_(frame) {
  CheckFrame(frame);
}

void Views::Add(int id, const Window& window, Ahead& ahead) {
  const auto same = std::ranges::find(all_, window, &View::window);
  if (same != all_.end()) {
    of_[id] = same->get();
    return;
  }
  const FrameView part = PartOf(frame_, window);
  const auto encoded = std::ranges::find_if(
      ahead, [&](const auto& one) { return one && one->IsOf(part); });
  all_.push_back(std::make_unique<View>(
      engine_, window == Whole(frame_) ? reader_ : NewReader(engine_), window, part,
      encoded == ahead.end() ? nullptr : std::move(*encoded)));
  of_[id] = all_.back().get();
}

void Views::Encode() {
  const bool several = all_.size() > 1;
  engine_.ForEachOf(std::ssize(all_),
                    [&](int64_t i) { all_[i]->Encode(several && engine_.step().on_gpu()); });
}

Views::Ahead Views::EncodeAhead(const FrameView& next, std::span<const Window> former) const try {
  CheckFrame(next);
  Ahead ahead;
  for (const auto& view : all_) {
    const bool is_whole = view->window() == Whole(frame_);
    const bool stays = next.width == frame_.width && next.height == frame_.height &&
                       std::ranges::find(former, view->window()) != former.end();
    if (!is_whole && !stays) continue;
    ahead.push_back(std::make_unique<FrameAhead>(
        engine_, view->reader(), is_whole ? next : PartOf(next, view->window())));
  }
  return ahead;
} catch (const Error&) {
  return {};  // that frame's own step tells
}

std::vector<Window> Views::windows() const {
  std::vector<Window> windows;
  for (const auto& view : all_) windows.push_back(view->window());
  return windows;
}

Tensor Views::WholeImage() const {
  const auto whole = std::ranges::find(all_, Whole(frame_), &View::window);
  return whole == all_.end() ? reader_->Read(frame_) : (*whole)->image();
}

}  // namespace sam2
