// SPDX-License-Identifier: Apache-2.0
#include "predictor/picture.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "image/frame.h"

namespace sam2 {

EncodedPicture EncodePicture(const Sam2Model& model, const FrameView& frame, bool mirrored) {
  EncodedPicture picture{.width = frame.width, .height = frame.height, .features = {}, .embedding = {}};
  const Tensor image = FrameToTensor(frame, static_cast<int>(model.image_size()), Resize::kStills,
                                     model.device());
  picture.features = model.EncodeImage(mirrored ? image.flip(3) : image);
  picture.embedding = model.WithoutMemory(picture.features);
  return picture;
}

void PointList::Add(float x, float y, int64_t label) {
  coords.insert(coords.end(), {x, y});
  labels.push_back(label);
}

PointList PointList::Mirrored(float width) const {
  PointList mirrored = *this;
  for (size_t i = 0; i < labels.size(); ++i) {
    // Of a box's corners each is at the other's side now.
    const size_t from = labels[i] == kBoxCornerTopLeft       ? i + 1
                        : labels[i] == kBoxCornerBottomRight ? i - 1
                                                             : i;
    mirrored.coords[2 * i] = width - coords[2 * from];
  }
  return mirrored;
}

PointPrompt ToPointPrompt(std::span<const PointList> lists, const EncodedPicture& picture,
                          const Sam2Model& model) {
  const int64_t N = std::ssize(lists), P = std::ssize(lists.front().labels);
  std::vector<float> coords;
  std::vector<int64_t> labels;
  const float width = static_cast<float>(picture.width);
  const float height = static_cast<float>(picture.height);
  const float size = static_cast<float>(model.image_size());
  for (const PointList& list : lists) {
    for (size_t i = 0; i < list.coords.size(); i += 2) {
      coords.push_back(list.coords[i] / width * size);
      coords.push_back(list.coords[i + 1] / height * size);
    }
    labels.insert(labels.end(), list.labels.begin(), list.labels.end());
  }
  return {at::tensor(at::ArrayRef<float>(coords)).view({N, P, 2}).to(model.device()),
          at::tensor(at::ArrayRef<int64_t>(labels)).view({N, P}).to(model.device())};
}

int64_t MaxDecodeBatch(const Sam2Model& model) {
  constexpr int64_t kMaxValues = 1 << 25;
  constexpr int64_t kChannels = 32;  // of the upscaled embedding, the largest tensor
  const int64_t side = model.image_size() / 4;
  return std::max<int64_t>(1, kMaxValues / (side * side * kChannels));
}

}  // namespace sam2
