// SPDX-License-Identifier: Apache-2.0
//
// A core for the tests of the elements: fast, and what it does can be foretold.
//
// Its tracker follows brightness: an object is the tight box of the pixels of
// at least half brightness inside its last box grown by 8 pixels on each side.
// Nothing bright there: occluded, then lost after the timeout. Brightness of a
// frame is that of its first plane's first byte of each pixel.
//
// The model's file name says what goes wrong: "not-found", "bad-checkpoint",
// "bad-settings", "out-of-memory", "failed", "alien" (an exception of no known
// type) at opening; "step-failed", "step-alien" at the third frame; "slow":
// every step takes 20 ms; "nan": all scores are NaN; "options": creating a tracker
// or predictor fails and names its options and the engine's threads; "cuda": it says that it
// runs on a GPU, takes the host's memory for the GPU's, and then scores 0.5.
//
// An object's predicted IoU counts the frames in its memory: 0.01 for each.
//
// Predict(): every object where it was at the last step, marked predicted; lost
// when it was not seen for the timeout.
//
// Its image predictor: the mask of a box is what is bright in it, and a box right
// of or below the picture is refused; a positive click adds the square of 9 pixels
// around it, a negative one takes it away. The first click of an object adds 9
// pixels (best), 17 (whole), 9 (part) or 5 (subpart). Everything: two objects, the
// upper half and the left quarter.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "sam2.h"

namespace {

int BytesPerPixel(sam2::PixelFormat format) {
  switch (format) {
    case sam2::PixelFormat::kRGB:
    case sam2::PixelFormat::kBGR: return 3;
    case sam2::PixelFormat::kNV12:
    case sam2::PixelFormat::kI420:
    case sam2::PixelFormat::kGRAY8: return 1;
    default: return 4;
  }
}

bool IsBright(const sam2::FrameView& frame, int x, int y) {
  const int first = frame.format == sam2::PixelFormat::kxRGB ||
                    frame.format == sam2::PixelFormat::kxBGR;  // skip the padding byte
  return frame.plane[0][static_cast<std::ptrdiff_t>(y) * frame.stride[0] +
                        x * BytesPerPixel(frame.format) + first] >= 128;
}

struct Followed {
  sam2::Box last;  // relative to the frame
  std::int64_t seen_ns = 0;
  bool lost = false;
  int remembered = 0;  // frames
};

std::string InWords(const sam2::TrackerOptions& options) {
  std::string text = "lost_interval_ns=" + std::to_string(options.lost_interval_ns);
  if (options.memory_policy == sam2::MemoryPolicy::kRobust) text += " robust";
  if (options.detect_cuts) text += " cuts";
  if (options.search_window != 0) text += " search_window=" + std::to_string(options.search_window);
  if (options.second_look) text += " second_look";
  if (options.follow_window != 0) text += " follow_window=" + std::to_string(options.follow_window);
  return text;
}

std::string InWords(const sam2::StillsOptions& options) {
  std::string text = "search_window=" + std::to_string(options.search_window);
  if (options.second_look) text += " second_look";
  if (options.refine_edges) text += " refine_edges";
  if (options.mask_choice != sam2::MaskChoice::kBest) text += " choice";
  return text;
}

// Of the first plane's bytes, so that all are read.
int Sum(const sam2::FrameView& frame) {
  int sum = 0;
  if (frame.memory != sam2::FrameMemory::kHost) return sum;
  for (int y = 0; y < frame.height; ++y) {
    for (int x = 0; x < frame.width; ++x) sum += frame.plane[0][y * frame.stride[0] + x];
  }
  return sum;
}

void WaitForAMinute(const std::stop_token& stop) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!stop.stop_requested() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

class FakeTracker final : public sam2::VideoTracker {
 public:
  FakeTracker(std::string kind, const sam2::TrackerOptions& options)
      : kind_(std::move(kind)), options_(options) {}

  sam2::StepResult Step(const sam2::FrameView& frame, std::int64_t pts_ns,
                        std::span<const sam2::Prompt> prompts, std::stop_token stop) override {
    if (frame.memory == sam2::FrameMemory::kCuda && kind_ != "cuda") {
      throw sam2::Error(sam2::ErrorCode::kBadSettings, "CUDA memory for a model on the CPU");
    }
    const std::optional<Begun> begun = std::exchange(begun_, {});
    if (begun && (begun->plane != frame.plane[0] || begun->sum != Sum(frame))) {
      throw sam2::Error(sam2::ErrorCode::kFailed, "Another frame was expected.");
    }
    if (expected_) begun_ = Begun{expected_->plane[0], Sum(*expected_)};
    expected_.reset();
    if (++steps_ == 3) {
      if (kind_ == "step-failed") throw sam2::Error(sam2::ErrorCode::kFailed, "The step failed.");
      if (kind_ == "step-alien") throw 42;
    }
    if (kind_ == "slow") std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (kind_ == "endless") WaitForAMinute(stop);
    sam2::StepResult result;
    for (const sam2::Prompt& prompt : prompts) {
      result.outcomes.push_back(Apply(prompt, frame, pts_ns));
    }
    for (const int id : order_) result.objects.push_back(Follow(id, frame, pts_ns));
    last_ = result.objects;
    return result;
  }

  // As the real one: the next frame is read in this one's step, and its pixels stay until its own.
  void Expect(const sam2::FrameView* frame) override {
    if (frame != nullptr) {
      expected_ = *frame;
    } else {
      expected_.reset();
      begun_.reset();
    }
  }

  sam2::StepResult Predict(std::int64_t pts_ns) override {
    for (sam2::Object& object : last_) {
      object.predicted = true;
      if (pts_ns - followed_.at(object.id).seen_ns < options_.lost_timeout_ns) continue;
      object.state = sam2::ObjectState::kLost;
      object.box.reset();
      object.mask = {};
    }
    return {.objects = last_, .outcomes = {}};
  }

  void Reset() override {
    last_.clear();
    followed_.clear();
    order_.clear();
  }

 private:
  sam2::PromptOutcome Apply(const sam2::Prompt& prompt, const sam2::FrameView& frame,
                            std::int64_t pts_ns) {
    const bool live = followed_.contains(prompt.id);
    if (prompt.action == sam2::PromptAction::kAdd) {
      if (live) return {.id = prompt.id, .error = "id " + std::to_string(prompt.id) + " is taken"};
      if (static_cast<int>(order_.size()) >= options_.max_objects && !MakeRoom()) {
        return {.error = "there are " + std::to_string(options_.max_objects) +
                         " objects already, as many as allowed"};
      }
      order_.push_back(prompt.id);
    } else if (!live) {
      return {.error = "there is no object " + std::to_string(prompt.id)};
    }
    if (prompt.action == sam2::PromptAction::kRemove) {
      followed_.erase(prompt.id);
      std::erase(order_, prompt.id);
      return {.id = prompt.id, .error = {}};
    }
    sam2::Box box = prompt.box.value_or(sam2::Box{});
    if (!prompt.box) {
      const sam2::Point& point = prompt.points.front();
      box = {point.x - 4, point.y - 4, point.x + 4, point.y + 4};
    }
    const auto w = static_cast<float>(frame.width), h = static_cast<float>(frame.height);
    Followed& followed = followed_[prompt.id];
    if (prompt.action == sam2::PromptAction::kReplace) followed.remembered = 0;
    followed.last = {box.x0 / w, box.y0 / h, box.x1 / w, box.y1 / h};
    followed.seen_ns = pts_ns;
    return {.id = prompt.id,
            .clipped = box.x0 < 0 || box.y0 < 0 || box.x1 > w || box.y1 > h,
            .error = {}};
  }

  // The object that has been lost for longest goes, if there is one.
  bool MakeRoom() {
    int longest = 0;
    for (const auto& [id, followed] : followed_) {
      if (!followed.lost) continue;
      if (longest == 0 || followed.seen_ns < followed_.at(longest).seen_ns) longest = id;
    }
    followed_.erase(longest);
    return std::erase(order_, longest) > 0;
  }

  sam2::Object Follow(int id, const sam2::FrameView& frame, std::int64_t pts_ns) {
    Followed& followed = followed_.at(id);
    const auto w = static_cast<float>(frame.width), h = static_cast<float>(frame.height);
    const int x0 = std::clamp(static_cast<int>(followed.last.x0 * w) - 8, 0, frame.width);
    const int y0 = std::clamp(static_cast<int>(followed.last.y0 * h) - 8, 0, frame.height);
    const int x1 = std::clamp(static_cast<int>(followed.last.x1 * w) + 8, 0, frame.width);
    const int y1 = std::clamp(static_cast<int>(followed.last.y1 * h) + 8, 0, frame.height);
    int left = x1, top = y1, right = x0, bottom = y0;
    for (int y = y0; y < y1; ++y) {
      for (int x = x0; x < x1; ++x) {
        if (!IsBright(frame, x, y)) continue;
        left = std::min(left, x), right = std::max(right, x + 1);
        top = std::min(top, y), bottom = std::max(bottom, y + 1);
      }
    }
    sam2::Object object;
    object.id = id;
    object.score = frame.memory == sam2::FrameMemory::kCuda ? 0.5F : 0.75F;
    if (kind_ == "nan") object.score = std::numeric_limits<float>::quiet_NaN();
    object.iou = kind_ == "nan" ? object.score : 0.01F * static_cast<float>(++followed.remembered);
    followed.lost = left >= right && pts_ns - followed.seen_ns >= options_.lost_timeout_ns;
    if (left >= right) {
      object.state = followed.lost ? sam2::ObjectState::kLost : sam2::ObjectState::kOccluded;
      object.score = 0.25F;
      return object;
    }
    object.box = {static_cast<float>(left), static_cast<float>(top), static_cast<float>(right),
                  static_cast<float>(bottom)};
    object.mask = {
        .x = left, .y = top, .width = right - left, .height = bottom - top, .pixels = {}};
    for (int y = top; y < bottom; ++y) {
      for (int x = left; x < right; ++x) {
        object.mask.pixels.push_back(IsBright(frame, x, y) ? 255 : 0);
      }
    }
    followed.last = {object.box->x0 / w, object.box->y0 / h, object.box->x1 / w,
                     object.box->y1 / h};
    followed.seen_ns = pts_ns;
    return object;
  }

  std::string kind_;
  sam2::TrackerOptions options_;
  struct Begun {
    const std::uint8_t* plane;
    int sum;
  };
  std::optional<sam2::FrameView> expected_;
  std::optional<Begun> begun_;  // of the next step
  int steps_ = 0;
  std::map<int, Followed> followed_;
  std::vector<int> order_;
  std::vector<sam2::Object> last_;  // of the last step
};

class FakePredictor final : public sam2::ImagePredictor {
 public:
  FakePredictor(std::string kind, const sam2::StillsOptions& options)
      : kind_(std::move(kind)), options_(options) {}

  bool SetImage(const sam2::FrameView& frame) override {
    frame_ = frame;
    std::vector<bool> bright;
    for (int y = 0; y < frame.height; ++y) {
      for (int x = 0; x < frame.width; ++x) bright.push_back(IsBright(frame, x, y));
    }
    bright.push_back(frame.width > frame.height);
    if (bright == bright_) return false;
    bright_ = std::move(bright);
    objects_.clear();
    return true;
  }

  sam2::StepResult Step(std::span<const sam2::Prompt> prompts, std::stop_token stop) override {
    if (!prompts.empty() && ++steps_ == 3) {
      if (kind_ == "step-failed") throw sam2::Error(sam2::ErrorCode::kFailed, "The step failed.");
      if (kind_ == "step-alien") throw 42;
    }
    if (kind_ == "endless") {
      WaitForAMinute(stop);
      return {};
    }
    sam2::StepResult result;
    for (const sam2::Prompt& prompt : prompts) result.outcomes.push_back(Apply(prompt));
    for (const auto& [id, still] : objects_) result.objects.push_back(Report(id, still));
    return result;
  }

  std::vector<sam2::Object> Everything(const sam2::EverythingOptions& options,
                                       std::stop_token stop) override {
    if (kind_ == "endless") {
      WaitForAMinute(stop);
      return {};
    }
    if (options.points_per_side > 100) {
      throw sam2::Error(sam2::ErrorCode::kBadSettings, "points-per-side is above 100");
    }
    return {Filled(1, {0, 0, frame_.width, frame_.height / 2}),
            Filled(2, {0, 0, frame_.width / 4, frame_.height})};
  }

  void SetMaskChoice(sam2::MaskChoice choice) override { options_.mask_choice = choice; }
  void Reset() override { objects_.clear(); }

 private:
  struct Rect {
    int x, y, width, height;
  };
  struct Still {
    std::vector<sam2::Prompt> steps;
    bool accepted = false;
  };

  sam2::PromptOutcome Apply(sam2::Prompt prompt) {
    const auto found = objects_.find(prompt.id);
    if (prompt.action == sam2::PromptAction::kAdd) {
      if (found != objects_.end()) return {.id = prompt.id, .error = "the id is taken"};
      if (prompt.box && (prompt.box->x0 >= static_cast<float>(frame_.width) ||
                         prompt.box->y0 >= static_cast<float>(frame_.height))) {
        return {.error = "the box at " + std::to_string(prompt.box->x0) + " lies outside"};
      }
      objects_[prompt.id].steps.push_back(prompt);
      return {.id = prompt.id, .error = {}};
    }
    if (found == objects_.end()) return {.error = "there is no such object"};
    Still& still = found->second;
    if (prompt.action == sam2::PromptAction::kRemove) {
      objects_.erase(found);
    } else if (still.accepted && prompt.action == sam2::PromptAction::kUndo) {
      still.accepted = false;
    } else if (still.accepted) {
      return {.id = prompt.id, .error = "it is accepted"};
    } else if (prompt.action == sam2::PromptAction::kAccept) {
      still.accepted = true;
    } else if (prompt.action == sam2::PromptAction::kUndo) {
      still.steps.pop_back();
      if (still.steps.empty()) objects_.erase(found);
    } else {
      for (sam2::Point& point : prompt.points) {
        if (point.automatic) point.positive = !IsIn(still, point);
      }
      still.steps.push_back(prompt);
    }
    return {.id = prompt.id, .error = {}};
  }

  bool IsIn(const Still& still, const sam2::Point& point) const {
    return Paint(still)[static_cast<int>(point.y) * frame_.width + static_cast<int>(point.x)] != 0;
  }

  std::vector<std::uint8_t> Paint(const Still& still) const {
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(frame_.width) * frame_.height);
    const auto fill = [&](Rect rect, bool bright_only, int value) {
      for (int y = std::max(rect.y, 0); y < std::min(rect.y + rect.height, frame_.height); ++y) {
        for (int x = std::max(rect.x, 0); x < std::min(rect.x + rect.width, frame_.width); ++x) {
          const std::size_t i = static_cast<std::size_t>(y) * frame_.width + x;
          if (!bright_only || bright_[i]) pixels[i] = static_cast<std::uint8_t>(value);
        }
      }
    };
    bool first = true;
    for (const sam2::Prompt& step : still.steps) {
      if (step.box) {
        const sam2::Box& b = *step.box;
        fill({static_cast<int>(b.x0), static_cast<int>(b.y0), static_cast<int>(b.x1 - b.x0),
              static_cast<int>(b.y1 - b.y0)}, true, 255);
      }
      for (const sam2::Point& point : step.points) {
        const int reach = first && !step.box ? FirstReach() : 4;
        fill({static_cast<int>(point.x) - reach, static_cast<int>(point.y) - reach, 2 * reach + 1,
              2 * reach + 1}, false, point.positive ? 255 : 0);
      }
      first = false;
    }
    return pixels;
  }

  int FirstReach() const {
    if (options_.mask_choice == sam2::MaskChoice::kWhole) return 8;
    return options_.mask_choice == sam2::MaskChoice::kSubpart ? 2 : 4;
  }

  sam2::Object Report(int id, const Still& still) const {
    sam2::Object object{.id = id, .score = 0.75F, .iou = 0.5F, .box = {}, .mask = {},
                        .accepted = still.accepted};
    const std::vector<std::uint8_t> pixels = Paint(still);
    int left = frame_.width, top = frame_.height, right = 0, bottom = 0;
    for (int y = 0; y < frame_.height; ++y) {
      for (int x = 0; x < frame_.width; ++x) {
        if (pixels[static_cast<std::size_t>(y) * frame_.width + x] == 0) continue;
        left = std::min(left, x), right = std::max(right, x + 1);
        top = std::min(top, y), bottom = std::max(bottom, y + 1);
      }
    }
    if (left >= right) {
      object.state = sam2::ObjectState::kOccluded;
      return object;
    }
    object.box = {static_cast<float>(left), static_cast<float>(top), static_cast<float>(right),
                  static_cast<float>(bottom)};
    object.mask = {.x = left, .y = top, .width = right - left, .height = bottom - top, .pixels = {}};
    for (int y = top; y < bottom; ++y) {
      const auto row = pixels.begin() + static_cast<std::ptrdiff_t>(y) * frame_.width;
      object.mask.pixels.insert(object.mask.pixels.end(), row + left, row + right);
    }
    return object;
  }

  static sam2::Object Filled(int id, Rect rect) {
    sam2::Object object{.id = id, .score = 0.9F, .iou = 0.8F, .box = {}, .mask = {}};
    object.box = {static_cast<float>(rect.x), static_cast<float>(rect.y),
                  static_cast<float>(rect.x + rect.width), static_cast<float>(rect.y + rect.height)};
    object.mask = {.x = rect.x, .y = rect.y, .width = rect.width, .height = rect.height,
                   .pixels = std::vector<std::uint8_t>(
                       static_cast<std::size_t>(rect.width) * rect.height, 255)};
    return object;
  }

  std::string kind_;
  sam2::StillsOptions options_;
  sam2::FrameView frame_;
  std::vector<bool> bright_;
  int steps_ = 0;
  std::map<int, Still> objects_;
};

class FakeEngine final : public sam2::Engine {
 public:
  explicit FakeEngine(const sam2::EngineOptions& options)
      : kind_(std::filesystem::path(options.model).stem().string()),
        info_{.member = "fake", .image_size = 64, .device = "cpu", .precision = "fp32"} {
    if (options.threads > 0) threads_ = " threads=" + std::to_string(options.threads);
    if (options.device.starts_with("cuda")) {
      throw sam2::Error(sam2::ErrorCode::kDeviceMissing, "device=" + options.device + ": no GPU");
    }
    static const std::map<std::string, sam2::ErrorCode> kFailures = {
        {"not-found", sam2::ErrorCode::kNotFound},
        {"bad-checkpoint", sam2::ErrorCode::kBadCheckpoint},
        {"bad-settings", sam2::ErrorCode::kBadSettings},
        {"out-of-memory", sam2::ErrorCode::kOutOfMemory},
        {"failed", sam2::ErrorCode::kFailed}};
    const auto failure = kFailures.find(kind_);
    if (failure != kFailures.end()) throw sam2::Error(failure->second, kind_ + " as asked for");
    if (kind_ == "alien") throw 42;
    if (kind_ == "cuda") info_.device = "cuda:0";
  }

  const sam2::ModelInfo& info() const override { return info_; }
  std::unique_ptr<sam2::VideoTracker> CreateVideoTracker(
      const sam2::TrackerOptions& options) override {
    if (kind_ == "options") {
      throw sam2::Error(sam2::ErrorCode::kBadSettings, InWords(options) + threads_);
    }
    return std::make_unique<FakeTracker>(kind_, options);
  }
  std::unique_ptr<sam2::ImagePredictor> CreateImagePredictor(
      const sam2::StillsOptions& options) override {
    if (kind_ == "options") {
      throw sam2::Error(sam2::ErrorCode::kBadSettings, InWords(options) + threads_);
    }
    return std::make_unique<FakePredictor>(kind_, options);
  }

 private:
  std::string kind_;
  std::string threads_;  // in words
  sam2::ModelInfo info_;
};

class FakeCore final : public sam2::Core {
 public:
  std::shared_ptr<sam2::Engine> OpenEngine(const sam2::EngineOptions& options) override {
    return std::make_shared<FakeEngine>(options);
  }
  // Not COCO's: what was asked to be encoded, in words.
  std::string EncodeRle(const sam2::Mask& mask, int frame_width, int frame_height) override {
    return std::to_string(mask.width) + "x" + std::to_string(mask.height) + "+" +
           std::to_string(mask.x) + "+" + std::to_string(mask.y) + " of " +
           std::to_string(frame_width) + "x" + std::to_string(frame_height);
  }
  std::vector<sam2::Polygon> MaskToPolygons(const sam2::Mask& mask, double, double) override {
    const auto x = static_cast<float>(mask.x), y = static_cast<float>(mask.y);
    const auto w = static_cast<float>(mask.width), h = static_cast<float>(mask.height);
    return {{x, y, x + w, y, x + w, y + h, x, y + h}};
  }
};

}  // namespace

sam2::Core* sam2_core(int interface_version) {
  static FakeCore core;
  return interface_version == sam2::kInterfaceVersion ? &core : nullptr;
}
