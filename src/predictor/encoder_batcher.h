// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "image/frame.h"
#include "predictor/tracker_step.h"

namespace sam2 {

// The image encoder for many streams: the one whose turn it is encodes the
// frames of those that wait for theirs with its own. A GPU takes little longer
// for a batch of pictures than for one.
class EncoderBatcher {
  // Shared with whoever encodes it, so that a stream that cannot get its turn
  // may go meanwhile.
  struct Picture {
    Tensor image;
    std::optional<FrameFeatures> features;
  };

 public:
  // A frame to be encoded, from the moment its stream asks for its turn to the
  // end of that. Frame and reader are read on the thread of whoever encodes
  // them, so the stream leaves them alone meanwhile.
  class Request {
   public:
    Request(EncoderBatcher& batcher, FrameReader& reader, const FrameView& frame);
    ~Request();
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;

    // In the stream's turn. Throws what reading or encoding this frame throws;
    // what is wrong with those of others is for them to learn.
    const FrameFeatures& Features();
    // The network's input. After Features().
    const Tensor& image() const { return picture_->image; }
    bool is_encoded() const { return picture_->features.has_value(); }

   private:
    friend class EncoderBatcher;
    void Read();

    EncoderBatcher& batcher_;
    FrameReader& reader_;
    const FrameView& frame_;
    const std::shared_ptr<Picture> picture_ = std::make_shared<Picture>();
  };

  // sizes: those of batches, falling, the last one 1; see BatchShapes.
  EncoderBatcher(const TrackerStep& step, std::vector<int64_t> sizes)
      : step_(step), sizes_(std::move(sizes)) {}

  int64_t waiting() const;  // frames not encoded yet

 private:
  using Batch = std::vector<std::shared_ptr<Picture>>;

  // The frame and as many of the longest waiting ones as make one of the sizes.
  Batch BatchWith(Request& own);
  void Encode(const Batch& batch);

  const TrackerStep& step_;
  const std::vector<int64_t> sizes_;
  mutable std::mutex mutex_;
  std::list<Request*> waiting_;  // in the order of asking
};

}  // namespace sam2
