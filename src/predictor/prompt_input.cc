// SPDX-License-Identifier: Apache-2.0
#include "predictor/prompt_input.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "image/mask.h"
#include "predictor/upload.h"

namespace sam2 {
namespace {

// Corners and clicks as the network's points: a box is two of them, first.
PointPrompt ToPoints(const std::optional<Box>& box, const std::vector<Point>& points,
                     const Window& window, const Sam2Model& model) {
  std::vector<float> coords;
  std::vector<int64_t> labels;
  const float size = static_cast<float>(model.image_size());
  const float sx = size / static_cast<float>(window.width);
  const float sy = size / static_cast<float>(window.height);
  const auto add = [&](const Point& point, int64_t label) {
    const Point inside = ToWindow(point, window);
    coords.insert(coords.end(), {inside.x * sx, inside.y * sy});
    labels.push_back(label);
  };
  if (box) {
    add({.x = box->x0, .y = box->y0}, kBoxCornerTopLeft);
    add({.x = box->x1, .y = box->y1}, kBoxCornerBottomRight);
  }
  for (const Point& point : points) add(point, point.positive ? kPositivePoint : kNegativePoint);
  const int64_t P = std::ssize(labels);
  return {Upload(coords, model.device()).view({1, P, 2}),
          Upload(labels, model.device()).view({1, P})};
}

}  // namespace

bool GivesMask(const PromptPlan::Pending& pending) {
  return std::ranges::any_of(pending.prompts, [](const Prompt& p) { return p.mask.has_value(); });
}

bool BeginsByPoints(const PromptPlan::Pending& pending) {
  return pending.FromScratch() && !GivesMask(pending);
}

Box ExtentOf(const PromptPlan::Pending& pending) {
  std::optional<Box> extent;
  const auto add = [&](const Box& box) { extent = extent ? Union(*extent, box) : box; };
  for (const Prompt& prompt : pending.prompts) {
    if (prompt.box) add(*prompt.box);
    if (prompt.mask) extent = BoxOf(*prompt.mask);
    for (const Point& point : prompt.points) add({point.x, point.y, point.x, point.y});
  }
  return extent.value_or(Box{});
}

Tensor ToMaskInput(const Mask& mask, const Window& window, const Sam2Model& model) {
  return MaskToInput(ToWindow(mask, window), window.width, window.height,
                     static_cast<int>(model.image_size()))
      .to(model.device());
}

FramePrompt ToFramePrompt(const PromptPlan::Pending& pending, const Window& window,
                          const Sam2Model& model) {
  std::optional<Box> box;
  std::vector<Point> points;
  FramePrompt network;
  for (const Prompt& prompt : pending.prompts) {
    if (prompt.mask) {
      box.reset();
      points.clear();
      network.mask = ToMaskInput(*prompt.mask, window, model);
    }
    if (prompt.box) {
      box = prompt.box;
      network.mask.reset();
    }
    points.insert(points.end(), prompt.points.begin(), prompt.points.end());
  }
  network.from_scratch = pending.FromScratch();
  if (!box && points.empty()) return network;
  network.points = ToPoints(box, points, window, model);
  if (network.mask.defined()) {
    network.previous = model.MaskToLogits(std::exchange(network.mask, {}));
  }
  return network;
}

}  // namespace sam2
