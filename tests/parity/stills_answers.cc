// SPDX-License-Identifier: Apache-2.0
//
// What the core's image predictor says to prompts, in numbers: the other side
// of stills.py.
//
//   stills_answers MODEL IMAGE.ppm OUT < REQUESTS
//
// A request is a line of JSON. {"id", "box": [x0, y0, x1, y1], "points":
// [[x, y, label], ...], "action": "add" | "refine"} adds to OUT: height and
// width of the logits (int32), predicted IoU (float32), the logits (float32),
// the mask (a byte for each pixel of the image). {"everything": {options}} adds
// the number of masks (int32) and the masks. A line of {"time"} on standard
// output tells the seconds that each request took.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "predictor/image_predictor.h"
#include "sam2.h"

namespace {

using Json = nlohmann::json;

struct Picture {
  int width = 0, height = 0;
  std::vector<std::uint8_t> pixels;

  sam2::FrameView view() const {
    return {.format = sam2::PixelFormat::kRGB, .width = width, .height = height,
            .plane = {pixels.data()}, .stride = {3 * width}};
  }
};

Picture ReadPpm(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Picture picture;
  std::string magic;
  int levels = 0;
  file >> magic >> picture.width >> picture.height >> levels;
  file.get();
  picture.pixels.resize(static_cast<std::size_t>(picture.width) * picture.height * 3);
  file.read(reinterpret_cast<char*>(picture.pixels.data()),
            static_cast<std::streamsize>(picture.pixels.size()));
  if (magic != "P6" || levels != 255 || !file) throw std::runtime_error(path + ": no P6 file");
  return picture;
}

sam2::Prompt ToPrompt(const Json& json) {
  sam2::Prompt prompt;
  prompt.id = json.at("id");
  if (json.value("action", "add") == "refine") prompt.action = sam2::PromptAction::kRefine;
  if (json.contains("box")) {
    const std::vector<float> box = json["box"];
    prompt.box = sam2::Box{box[0], box[1], box[2], box[3]};
  }
  for (const std::vector<float>& point : json.value("points", std::vector<std::vector<float>>())) {
    prompt.points.push_back({point[0], point[1], point[2] != 0});
  }
  return prompt;
}

sam2::EverythingOptions ToOptions(const Json& json) {
  sam2::EverythingOptions options;
  options.points_per_side = json.value("points_per_side", options.points_per_side);
  options.points_per_batch = json.value("points_per_batch", options.points_per_batch);
  options.pred_iou_thresh = json.value("pred_iou_thresh", options.pred_iou_thresh);
  options.stability_score_thresh =
      json.value("stability_score_thresh", options.stability_score_thresh);
  options.crop_n_layers = json.value("crop_n_layers", options.crop_n_layers);
  options.min_mask_region_area = json.value("min_mask_region_area", options.min_mask_region_area);
  return options;
}

class Answers {
 public:
  explicit Answers(const std::string& path) : file_(path, std::ios::binary) {}

  void Add(std::int32_t value) { Write(&value, sizeof value); }
  void Add(float value) { Write(&value, sizeof value); }
  void Add(const at::Tensor& logits) {
    Write(logits.const_data_ptr<float>(), logits.numel() * sizeof(float));
  }
  void Add(const sam2::Mask& mask, const Picture& picture) {
    std::vector<char> whole(static_cast<std::size_t>(picture.width) * picture.height);
    for (int y = 0; y < mask.height; ++y) {
      std::copy_n(mask.pixels.begin() + static_cast<std::ptrdiff_t>(y) * mask.width, mask.width,
                  whole.begin() + static_cast<std::ptrdiff_t>(mask.y + y) * picture.width + mask.x);
    }
    Write(whole.data(), whole.size());
  }

 private:
  void Write(const void* data, std::size_t size) {
    file_.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
  }
  std::ofstream file_;
};

void Answer(sam2::StillsPredictor& predictor, const Picture& picture, const Json& request,
            Answers& answers) {
  if (request.contains("everything")) {
    const auto objects = predictor.Everything(ToOptions(request["everything"]));
    answers.Add(static_cast<std::int32_t>(objects.size()));
    for (const sam2::Object& object : objects) answers.Add(object.mask, picture);
    return;
  }
  const sam2::Prompt prompt = ToPrompt(request);
  const sam2::StepResult result = predictor.Step({&prompt, 1});
  if (!result.outcomes[0].error.empty()) throw std::runtime_error(result.outcomes[0].error);
  const auto object = std::ranges::find(result.objects, prompt.id, &sam2::Object::id);
  const at::Tensor logits = predictor.Logits(prompt.id);
  answers.Add(static_cast<std::int32_t>(logits.size(0)));
  answers.Add(static_cast<std::int32_t>(logits.size(1)));
  answers.Add(object->iou);
  answers.Add(logits);
  answers.Add(object->mask, picture);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) throw std::runtime_error("usage: stills_answers MODEL IMAGE.ppm OUT < REQUESTS");
  const auto engine = std::make_shared<sam2::ModelEngine>(
      sam2::Resolve({.model = argv[1], .device = "cpu", .precision = "fp32"}));
  sam2::StillsPredictor predictor(engine, {});
  const Picture picture = ReadPpm(argv[2]);
  Answers answers(argv[3]);
  predictor.SetImage(picture.view());
  for (std::string line; std::getline(std::cin, line);) {
    const auto start = std::chrono::steady_clock::now();
    Answer(predictor, picture, Json::parse(line), answers);
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    std::printf("{\"time\": %.6f}\n", time.count());
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "stills_answers: %s\n", error.what());
  return 1;
}
