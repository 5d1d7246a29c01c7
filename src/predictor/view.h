// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "image/frame.h"
#include "image/window.h"
#include "predictor/encoder_batcher.h"
#include "predictor/frame_ahead.h"

namespace sam2 {

class ModelEngine;

// Reads frames as SAM2VideoPredictor does.
std::shared_ptr<FrameReader> NewReader(const ModelEngine& engine);

// What the network looks at in one step: a window of the frame, or the whole of it. Encoded
// ahead, or in the stream's turn.
class View {
 public:
  // Asks for its turn at once. The reader keeps what frames of one size have in common.
  // part: the frame's pixels in that window. ahead: of the same, or null.
  View(ModelEngine& engine, std::shared_ptr<FrameReader> reader, const Window& window,
       const FrameView& part, std::unique_ptr<FrameAhead> ahead);
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  const Window& window() const { return window_; }
  const std::shared_ptr<FrameReader>& reader() const { return reader_; }

  // In the stream's turn. Throws what reading or encoding throws.
  // beside_others: the features are to outlive those of further images.
  void Encode(bool beside_others);
  // After Encode(): what the encoder made of it, and the network's input.
  const FrameFeatures& features() const { return features_; }
  const Tensor& image() const { return ahead_ ? ahead_->image() : request_->image(); }

 private:
  const Window window_;
  const std::shared_ptr<FrameReader> reader_;
  const FrameView part_;
  std::unique_ptr<FrameAhead> ahead_;
  std::optional<EncoderBatcher::Request> request_;
  FrameFeatures features_;
};

// All views of one step, and which object is looked for in which.
class Views {
 public:
  using Ahead = std::vector<std::unique_ptr<FrameAhead>>;

  // reader: of whole frames.
  // Throws Error kBadSettings when the frame is impossible.
  Views(ModelEngine& engine, std::shared_ptr<FrameReader> reader, const FrameView& frame);

  // An object is to be looked for in this window. Objects of the same one share its view.
  // ahead: what was encoded ahead, of which the view's part is taken if it is there.
  void Add(int id, const Window& window, Ahead& ahead);

  // In the stream's turn.
  void Encode();
  // The next frame, and windows of it that stay: those that were there in the former step too.
  // After Encode().
  Ahead EncodeAhead(const FrameView& next, std::span<const Window> former) const;

  bool Has(int id) const { return of_.contains(id); }
  const View& of(int id) const { return *of_.at(id); }
  const std::vector<std::unique_ptr<View>>& all() const { return all_; }
  std::vector<Window> windows() const;
  // The network's input for the whole frame. After Encode().
  Tensor WholeImage() const;

 private:
  ModelEngine& engine_;
  const std::shared_ptr<FrameReader> reader_;
  const FrameView& frame_;
  std::vector<std::unique_ptr<View>> all_;
  std::map<int, const View*> of_;  // by object
};

}  // namespace sam2
