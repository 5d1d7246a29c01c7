// SPDX-License-Identifier: Apache-2.0
#include "predictor/encoder_batcher.h"

#include <ATen/ops/cat.h>

#include <algorithm>
#include <exception>

namespace sam2 {

EncoderBatcher::Request::Request(EncoderBatcher& batcher, FrameReader& reader,
                                 const FrameView& frame)
    : batcher_(batcher), reader_(reader), frame_(frame) {
  const std::lock_guard lock(batcher_.mutex_);
  batcher_.waiting_.push_back(this);
}

EncoderBatcher::Request::~Request() {
  const std::lock_guard lock(batcher_.mutex_);
  std::erase(batcher_.waiting_, this);
}

const FrameFeatures& EncoderBatcher::Request::Features() {
  if (is_encoded()) return *picture_->features;
  Read();
  const Batch batch = batcher_.BatchWith(*this);
  try {
    batcher_.Encode(batch);
  } catch (const std::exception&) {  // together they may be too much for the memory
    if (batch.size() == 1) throw;
    batcher_.Encode({picture_});
  }
  return *picture_->features;
}

void EncoderBatcher::Request::Read() {
  if (!picture_->image.defined()) picture_->image = reader_.Read(frame_);
}

int64_t EncoderBatcher::waiting() const {
  const std::lock_guard lock(mutex_);
  return std::ssize(waiting_);
}

EncoderBatcher::Batch EncoderBatcher::BatchWith(Request& own) {
  std::vector<Request*> requests = {&own};
  const std::lock_guard lock(mutex_);
  for (Request* request : waiting_) {
    if (std::ssize(requests) == sizes_.front()) break;
    if (request == &own) continue;
    try {
      request->Read();
    } catch (const std::exception&) {
      continue;  // its stream learns of it in its turn
    }
    requests.push_back(request);
  }
  requests.resize(*std::ranges::find_if(
      sizes_, [&](int64_t size) { return size <= std::ssize(requests); }));
  Batch batch;
  for (Request* request : requests) {
    std::erase(waiting_, request);
    batch.push_back(request->picture_);
  }
  return batch;
}

void EncoderBatcher::Encode(const Batch& batch) {
  if (batch.size() == 1) {
    batch[0]->features = step_.EncodeImage(batch[0]->image);
    return;
  }
  std::vector<Tensor> images;
  for (const auto& picture : batch) images.push_back(picture->image);
  const FrameFeatures features = step_.EncodeImage(at::cat(images));
  for (size_t i = 0; i < batch.size(); ++i) {
    // They outlive what the encoder puts in the same place for the next batch.
    batch[i]->features = features.CopyOf(static_cast<int64_t>(i));
  }
}

}  // namespace sam2
