// SPDX-License-Identifier: Apache-2.0
#include "predictor/everything.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "image/color.h"
#include "image/components.h"
#include "image/layout.h"
#include "image/mask.h"
#include "image/window.h"

namespace sam2 {
namespace {

// ---------------------------------------------------------------- options

[[noreturn]] void RefuseOption(const std::string& name, double value, const std::string& allowed) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  throw Error(ErrorCode::kBadSettings, name + " " + text + " is not allowed: " + allowed);
}

void CheckRange(const std::string& name, double value, double low, double high) {
  if (value >= low && value <= high) return;  // not so for NaN
  const auto whole = [](double v) { return std::to_string(static_cast<int64_t>(v)); };
  RefuseOption(name, value, "it must be from " + whole(low) + " to " + whole(high));
}

// ---------------------------------------------------------------- candidates

// One mask of one click, before duplicates are dropped.
struct Candidate {
  PixelBox box;  // of the whole picture
  float iou = 0, stability = 0;
  std::vector<Run> runs;  // of the whole picture
  double crop_area = 0;
};

// What the decoder says to a batch of clicks; float32 on the CPU.
struct GridAnswer {
  Tensor logits;            // [M, 4h, 4w]
  std::vector<float> ious;  // [M], predicted
};

PixelBox BoxOf(const std::vector<Run>& runs) {
  PixelBox box{runs.front().begin, runs.front().y, runs.front().end - 1, runs.back().y};
  for (const Run& run : runs) {
    box.x0 = std::min(box.x0, run.begin);
    box.x1 = std::max(box.x1, run.end - 1);
  }
  return box;
}

// The grid's clicks in pixels of a picture of this size, row by row.
std::vector<PointList> GridPoints(int per_side, int width, int height) {
  std::vector<PointList> points;
  for (int row = 0; row < per_side; ++row) {
    for (int column = 0; column < per_side; ++column) {
      const double x = (column + 0.5) / per_side * width, y = (row + 0.5) / per_side * height;
      points.emplace_back().Add(static_cast<float>(x), static_cast<float>(y), kPositivePoint);
    }
  }
  return points;
}

// Decodes clicks. Masks below the predicted IoU stay on the device.
GridAnswer DecodeClicks(const Sam2Model& model, const EncodedPicture& picture,
                        std::span<const PointList> clicks, const EverythingOptions& options) {
  const DecoderOutput output =
      model.DecodeMasks(picture.features, picture.embedding, std::ssize(clicks),
                        ToPointPrompt(clicks, picture, model), {});
  const Tensor ious = output.ious.slice(1, 1).flatten().to(at::kCPU).contiguous();
  GridAnswer answer;
  std::vector<int64_t> kept;
  for (int64_t i = 0; i < ious.size(0); ++i) {
    const float iou = ious.const_data_ptr<float>()[i];
    if (options.pred_iou_thresh > 0 && !(iou > options.pred_iou_thresh)) continue;
    kept.push_back(i);
    answer.ious.push_back(iou);
  }
  const Tensor rows = at::tensor(at::ArrayRef<int64_t>(kept)).to(model.device());
  answer.logits = output.masks.slice(1, 1).flatten(0, 1).index_select(0, rows)
                      .to(at::kCPU).contiguous();
  return answer;
}

// ---------------------------------------------------------------- one crop

class CropSegmenter {
 public:
  CropSegmenter(const EncodedPicture& picture, const PixelBox& crop, int whole_width,
                int whole_height, const EverythingOptions& options, const std::stop_token& stop)
      : picture_(picture), crop_(crop), whole_width_(whole_width), whole_height_(whole_height),
        options_(options), stop_(stop) {}

  std::vector<Candidate> Segment(ModelEngine& engine, int points_per_side) {
    std::vector<Candidate> candidates;
    const std::vector<PointList> clicks =
        GridPoints(points_per_side, picture_.width, picture_.height);
    const auto batch = static_cast<size_t>(
        std::min<int64_t>(options_.points_per_batch, MaxDecodeBatch(engine.model())));
    for (size_t start = 0; start < clicks.size() && !stop_.stop_requested(); start += batch) {
      const auto part = std::span(clicks).subspan(start, std::min(batch, clicks.size() - start));
      GridAnswer answer;
      // One job for each batch, so that other streams get their turns.
      engine.Run([&] { answer = DecodeClicks(engine.model(), picture_, part, options_); });
      Judge(answer, candidates);
    }
    return WithoutDuplicates(std::move(candidates));
  }

 private:
  void Judge(GridAnswer& answer, std::vector<Candidate>& candidates) const {
    if (options_.min_mask_region_area > 0) {
      RemoveHolesAndSpecks(answer.logits.unsqueeze(0), options_.min_mask_region_area,
                           options_.min_mask_region_area);
    }
    for (size_t i = 0; i < answer.ious.size(); ++i) {
      const Tensor logits = answer.logits[static_cast<int64_t>(i)];
      const float stability = Stability(logits);
      if (options_.stability_score_thresh > 0 && !(stability >= options_.stability_score_thresh)) {
        continue;
      }
      Candidate candidate{.box = {}, .iou = answer.ious[i], .stability = stability,
                          .runs = Runs(logits, 0),
                          .crop_area = static_cast<double>(crop_.x1 - crop_.x0) *
                                       (crop_.y1 - crop_.y0)};
      if (candidate.runs.empty()) continue;
      for (Run& run : candidate.runs) {
        run = {run.y + crop_.y0, run.begin + crop_.x0, run.end + crop_.x0};
      }
      candidate.box = BoxOf(candidate.runs);
      if (IsNearCropEdge(candidate.box, crop_, whole_width_, whole_height_)) continue;
      candidates.push_back(std::move(candidate));
    }
  }

  std::vector<Run> Runs(const Tensor& logits, float threshold) const {
    return RunsFromLogits(logits, threshold, picture_.width, picture_.height);
  }

  // IoU of the masks at a higher and a lower threshold; NaN when both are empty.
  // Reference: calculate_stability_score in sam2/utils/amg.py.
  float Stability(const Tensor& logits) const {
    const auto area = [&](float threshold) {
      return static_cast<float>(AreaOfRuns(Runs(logits, threshold)));
    };
    return area(options_.stability_score_offset) / area(-options_.stability_score_offset);
  }

  std::vector<Candidate> WithoutDuplicates(std::vector<Candidate> candidates) const {
    std::vector<PixelBox> boxes;
    std::vector<float> ious;
    for (const Candidate& candidate : candidates) {
      boxes.push_back(candidate.box);
      ious.push_back(candidate.iou);
    }
    std::vector<Candidate> kept;
    for (const size_t i : NonMaximumSuppression(boxes, ious, options_.box_nms_thresh)) {
      kept.push_back(std::move(candidates[i]));
    }
    return kept;
  }

  const EncodedPicture& picture_;
  PixelBox crop_;
  int whole_width_, whole_height_;
  const EverythingOptions& options_;
  const std::stop_token& stop_;
};

// ---------------------------------------------------------------- all crops

// Parts of a frame with one plane; a Y'CbCr frame is converted first.
class CroppableFrame {
 public:
  explicit CroppableFrame(const FrameView& frame) : frame_(frame) {
    if (!IsYCbCr(frame.format)) return;
    rgbx_.resize(static_cast<size_t>(frame.width) * frame.height * 4);
    YCbCrToRgbx(frame, rgbx_.data());
    frame_ = {.format = PixelFormat::kRGBx, .width = frame.width, .height = frame.height,
              .plane = {rgbx_.data()}, .stride = {4 * frame.width}};
  }

  FrameView Part(const PixelBox& box) const {
    return PartOf(frame_, {box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0});
  }

 private:
  FrameView frame_;
  std::vector<std::uint8_t> rgbx_;
};

int PointsPerSide(const EverythingOptions& options, int layer) {
  const double factor = std::pow(options.crop_n_points_downscale_factor, layer);
  return std::max(1, static_cast<int>(options.points_per_side / factor));
}

void SegmentCrops(ModelEngine& engine, const FrameView& frame,
                  const std::vector<PictureCrop>& crops, const EverythingOptions& options,
                  const std::stop_token& stop, std::vector<Candidate>& candidates) {
  const CroppableFrame croppable(frame);
  for (const PictureCrop& crop : crops) {
    if (stop.stop_requested()) return;
    EncodedPicture picture;
    engine.Run([&] { picture = EncodePicture(engine.model(), croppable.Part(crop.box)); });
    CropSegmenter segmenter(picture, crop.box, frame.width, frame.height, options, stop);
    std::ranges::move(segmenter.Segment(engine, PointsPerSide(options, crop.layer)),
                      std::back_inserter(candidates));
  }
}

// Masks of small crops are the finer ones.
std::vector<Candidate> WithoutDuplicatesOfCrops(std::vector<Candidate> candidates,
                                                float threshold) {
  std::vector<PixelBox> boxes;
  std::vector<float> scores;
  for (const Candidate& candidate : candidates) {
    boxes.push_back(candidate.box);
    scores.push_back(static_cast<float>(1 / candidate.crop_area));
  }
  std::vector<Candidate> kept;
  for (const size_t i : NonMaximumSuppression(boxes, scores, threshold)) {
    kept.push_back(std::move(candidates[i]));
  }
  return kept;
}

Object ToObject(const Candidate& candidate, int id) {
  Object object{.id = id, .state = ObjectState::kTracked, .score = candidate.stability,
                .iou = candidate.iou, .box = {}, .mask = MaskFromRuns(candidate.runs)};
  const PixelBox& box = candidate.box;
  object.box = Box{static_cast<float>(box.x0), static_cast<float>(box.y0),
                   static_cast<float>(box.x1 + 1), static_cast<float>(box.y1 + 1)};
  return object;
}

}  // namespace

void CheckEverythingOptions(const EverythingOptions& options) {
  CheckRange("points-per-side", options.points_per_side, 1, 256);
  CheckRange("points-per-batch", options.points_per_batch, 1, 4096);
  CheckRange("pred-iou-thresh", options.pred_iou_thresh, 0, 1);
  CheckRange("stability-score-thresh", options.stability_score_thresh, 0, 1);
  CheckRange("stability-score-offset", options.stability_score_offset, 0, 1000);
  CheckRange("box-nms-thresh", options.box_nms_thresh, 0, 1);
  CheckRange("crop-n-layers", options.crop_n_layers, 0, 4);
  CheckRange("crop-nms-thresh", options.crop_nms_thresh, 0, 1);
  CheckRange("crop-overlap-ratio", options.crop_overlap_ratio, 0, 1);
  CheckRange("crop-n-points-downscale-factor", options.crop_n_points_downscale_factor, 1, 256);
  CheckRange("min-mask-region-area", options.min_mask_region_area, 0, 1 << 24);
}

std::vector<PictureCrop> CropBoxes(int width, int height, int layers, float overlap_ratio) {
  std::vector<PictureCrop> crops = {{{0, 0, width, height}, 0}};
  for (int layer = 1; layer <= layers; ++layer) {
    const int per_side = 1 << layer;
    const int overlap = static_cast<int>(static_cast<double>(overlap_ratio) *
                                         std::min(width, height) * (2.0 / per_side));
    const auto length = [&](int whole) {  // rounded up
      return (overlap * (per_side - 1) + whole + per_side - 1) / per_side;
    };
    const int crop_width = length(width), crop_height = length(height);
    for (int column = 0; column < per_side; ++column) {
      for (int row = 0; row < per_side; ++row) {
        const int x0 = (crop_width - overlap) * column, y0 = (crop_height - overlap) * row;
        const PixelBox box{x0, y0, std::min(x0 + crop_width, width),
                           std::min(y0 + crop_height, height)};
        // Tiny pictures have no so many parts.
        if (box.x1 > box.x0 && box.y1 > box.y0) crops.push_back({box, layer});
      }
    }
  }
  return crops;
}

std::vector<size_t> NonMaximumSuppression(const std::vector<PixelBox>& boxes,
                                          const std::vector<float>& scores, float threshold) {
  const auto area = [](const PixelBox& b) {
    return static_cast<float>(b.x1 - b.x0) * static_cast<float>(b.y1 - b.y0);
  };
  const auto overlap = [&](const PixelBox& a, const PixelBox& b) {  // NaN for two without area
    const PixelBox both{std::max(a.x0, b.x0), std::max(a.y0, b.y0), std::min(a.x1, b.x1),
                        std::min(a.y1, b.y1)};
    const float common = both.x1 > both.x0 && both.y1 > both.y0 ? area(both) : 0;
    return common / (area(a) + area(b) - common);
  };
  std::vector<size_t> order(boxes.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::greater<>(), [&](size_t i) { return scores[i]; });
  std::vector<size_t> kept;
  for (const size_t i : order) {
    const bool is_new = std::ranges::none_of(
        kept, [&](size_t other) { return overlap(boxes[other], boxes[i]) > threshold; });
    if (is_new) kept.push_back(i);
  }
  return kept;
}

bool IsNearCropEdge(const PixelBox& box, const PixelBox& crop, int width, int height) {
  constexpr int kNear = 20;  // pixels
  const auto at_inner_edge = [](int side, int crop_side, int picture_side) {
    return std::abs(side - crop_side) <= kNear && std::abs(side - picture_side) > kNear;
  };
  return at_inner_edge(box.x0, crop.x0, 0) || at_inner_edge(box.y0, crop.y0, 0) ||
         at_inner_edge(box.x1, crop.x1, width) || at_inner_edge(box.y1, crop.y1, height);
}

std::vector<Object> SegmentEverything(ModelEngine& engine, const FrameView& frame,
                                      const EncodedPicture& whole,
                                      const EverythingOptions& options, std::stop_token stop) {
  std::vector<PictureCrop> crops =
      CropBoxes(frame.width, frame.height, options.crop_n_layers, options.crop_overlap_ratio);
  CropSegmenter segmenter(whole, crops.front().box, frame.width, frame.height, options, stop);
  std::vector<Candidate> candidates = segmenter.Segment(engine, options.points_per_side);
  if (crops.size() > 1) {
    crops.erase(crops.begin());
    SegmentCrops(engine, frame, crops, options, stop, candidates);
    candidates = WithoutDuplicatesOfCrops(std::move(candidates), options.crop_nms_thresh);
  }
  std::ranges::stable_sort(candidates, std::greater<>(),
                           [](const Candidate& c) { return AreaOfRuns(c.runs); });
  std::vector<Object> objects;
  for (const Candidate& candidate : candidates) {
    objects.push_back(ToObject(candidate, static_cast<int>(objects.size()) + 1));
  }
  return objects;
}

}  // namespace sam2
