// SPDX-License-Identifier: Apache-2.0
//
// Runs every stage of a model on given inputs and writes what comes out, for
// run to compare with the reference:
//   stage_dump MODEL INPUTS.safetensors SCRIPT.json OUTPUTS.safetensors IMAGE_SIZE
// The names of inputs and outputs are those of stages.py.
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "checkpoint/checkpoint.h"
#include "checkpoint/weights.h"
#include "model/position_encoding.h"
#include "predictor/engine.h"
#include "predictor/memory_batch.h"

namespace sam2 {
namespace {

using Tensors = std::map<std::string, Tensor>;

void WriteSafetensors(const std::string& path, const Tensors& tensors) {
  nlohmann::json header = nlohmann::json::object();
  size_t offset = 0;
  std::vector<Tensor> flat;
  for (const auto& [name, tensor] : tensors) {
    flat.push_back(tensor.to(at::kFloat).contiguous());
    header[name] = {{"dtype", "F32"},
                    {"shape", std::vector<int64_t>(tensor.sizes().begin(), tensor.sizes().end())},
                    {"data_offsets", {offset, offset + flat.back().nbytes()}}};
    offset += flat.back().nbytes();
  }
  const std::string text = header.dump();
  const std::uint64_t length = text.size();
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&length), sizeof length);
  file << text;
  for (const Tensor& tensor : flat) {
    file.write(static_cast<const char*>(tensor.data_ptr()),
               static_cast<std::streamsize>(tensor.nbytes()));
  }
  if (!file) throw std::runtime_error("cannot write " + path);
}

void PutDecoded(Tensors& out, const std::string& name, const DecoderOutput& decoded) {
  out[name + ".masks"] = decoded.masks;
  out[name + ".ious"] = decoded.ious;
  out[name + ".tokens"] = decoded.mask_tokens;
  out[name + ".score"] = decoded.object_score_logits;
}

void PutHeads(Tensors& out, const std::string& name, const HeadsOutput& heads) {
  out[name + ".mask"] = heads.masks;
  out[name + ".pointer"] = heads.obj_ptr;
  out[name + ".score"] = heads.object_score_logits;
}

void RunPrompts(const Sam2Model& model, const Tensors& in, const FrameFeatures& features,
                Tensors& out) {
  const PromptEncoder& encoder = model.prompt_encoder();
  const Tensor pix_feat = model.WithoutMemory(features);
  out["prompt.dense_pe"] = encoder.dense_pe();
  out["prompt.mask"] = encoder.EmbedMasks(in.at("mask_logits"));
  for (const std::string kind : {"click", "clicks", "box", "none"}) {
    const PointPrompt points{in.at(kind + ".coords"), in.at(kind + ".labels").to(at::kLong)};
    out["prompt." + kind] = encoder.EmbedPoints(points.coords, points.labels);
    PutDecoded(out, "decoder." + kind, model.DecodeMasks(features, pix_feat, 1, points, {}));
    PutHeads(out, "heads." + kind,
             model.ForwardSamHeads(features, pix_feat, 1, points, {},
                                   points.labels.size(1) <= 1));
    PutHeads(out, "refined." + kind,
             model.ForwardSamHeads(features, pix_feat, 1, points, in.at("mask_logits"),
                                   points.labels.size(1) <= 1));
  }
  PutHeads(out, "mask_as_output", model.UseMaskAsOutput(features, in.at("mask")));
}

void RunMemory(const Sam2Model& model, const Tensors& in, const FrameFeatures& features,
               Tensors& out) {
  HeadsOutput heads{.masks = in.at("memory.masks"), .ious = {}, .obj_ptr = {},
                    .object_score_logits = in.at("memory.scores")};
  out["memory.soft"] = model.EncodeMemory(features, heads, false);
  out["memory.binary"] = model.EncodeMemory(features, heads, true);
  MemoryBank bank({.num_maskmem = model.num_maskmem(), .max_obj_ptrs = model.max_obj_ptrs()});
  for (int64_t frame = 0; frame < 16; ++frame) {
    const std::string key = std::to_string(frame);
    ObjectMemory memory{frame, in.at("past.memory." + key)[0].to(at::kBFloat16),
                        in.at("past.pointer." + key)[0]};
    frame == 0 ? bank.AddPrompted(memory) : bank.AddTracked(memory);
    const MemoryBank::Selection selection = bank.Select(frame + 1);
    out["attention." + std::to_string(frame + 1)] =
        model.WithMemory(features, BatchMemories(model, std::span(&selection, 1)));
  }
  for (int64_t t_pos = 0; t_pos < model.num_maskmem(); ++t_pos) {
    out["memory.pos." + std::to_string(t_pos)] = model.MemoryPosition(t_pos);
  }
}

void RunStages(const std::string& file, const Tensors& in, int image_size, Tensors& out) {
  Weights weights(ReadCheckpoint(file), file, at::kFloat, at::kCPU);
  const Sam2Model model(weights, image_size);
  std::printf("member %s\n", model.config().member.c_str());
  const Tensor image = in.at("image");
  const std::vector<Tensor> maps = model.image_encoder().Trunk(
      image.contiguous(at::MemoryFormat::ChannelsLast));
  for (size_t i = 0; i < maps.size(); ++i) out["trunk." + std::to_string(i)] = maps[i];
  const FrameFeatures features = model.EncodeImage(image);
  out["neck.0"] = features.feat_s0;
  out["neck.1"] = features.feat_s1;
  out["neck.2"] = features.embedding;
  const int64_t side = features.embedding.size(2);
  out["neck.pos"] =
      PositionEmbeddingSine(features.embedding.size(1), side, side, at::kCPU).unsqueeze(0);
  if (!in.contains("mask")) return;  // the encoder alone
  RunPrompts(model, in, features, out);
  RunMemory(model, in, features, out);
}

Prompt ToPrompt(const nlohmann::json& json, const Tensors& in) {
  Prompt prompt;
  prompt.id = json.at("id");
  if (json.value("action", "add") == "refine") prompt.action = PromptAction::kRefine;
  if (json.contains("box")) {
    const std::vector<float> b = json["box"];
    prompt.box = Box{b[0], b[1], b[2], b[3]};
  }
  for (const auto& p : json.value("points", nlohmann::json::array())) {
    prompt.points.push_back({p[0], p[1], p[2] != 0});
  }
  if (json.contains("mask")) {
    const Tensor mask = in.at(json["mask"]).to(at::kByte).contiguous();  // [H, W]
    const auto* data = mask.data_ptr<std::uint8_t>();
    prompt.mask = Mask{0, 0, static_cast<int>(mask.size(1)), static_cast<int>(mask.size(0)),
                       {data, data + mask.numel()}};
  }
  return prompt;
}

// The whole product: pixels and prompts in, masks out.
void RunVideo(const std::string& file, const Tensors& in, const nlohmann::json& script,
              int image_size, Tensors& out) {
  ResolvedOptions options{.model = file, .image_size = image_size};
  const auto engine = std::make_shared<ModelEngine>(options);
  const auto tracker = engine->CreateVideoTracker({});
  const Tensor frames = in.at("frames").to(at::kByte).contiguous();  // [F, H, W, 3]
  const int height = static_cast<int>(frames.size(1)), width = static_cast<int>(frames.size(2));
  for (int64_t f = 0; f < frames.size(0); ++f) {
    const FrameView view{.format = PixelFormat::kRGB, .width = width, .height = height,
                         .plane = {frames[f].data_ptr<std::uint8_t>()}, .stride = {3 * width}};
    std::vector<Prompt> prompts;
    for (const auto& json : script) {
      if (json.at("frame") == f) prompts.push_back(ToPrompt(json, in));
    }
    const StepResult result = tracker->Step(view, f * 40'000'000, prompts);
    for (const PromptOutcome& outcome : result.outcomes) {
      if (!outcome.error.empty()) throw std::runtime_error(outcome.error);
    }
    for (const Object& object : result.objects) {
      const std::string key = std::to_string(f) + "." + std::to_string(object.id);
      Tensor mask = at::zeros({height, width}, at::kByte);
      const Mask& m = object.mask;
      for (int y = 0; y < m.height; ++y) {
        std::copy_n(&m.pixels[static_cast<size_t>(y) * m.width], m.width,
                    mask[m.y + y].data_ptr<std::uint8_t>() + m.x);
      }
      out["video.mask." + key] = mask;
      out["video.score." + key] = at::full({1}, object.score);
    }
  }
}

int Main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: %s MODEL INPUTS SCRIPT OUTPUTS IMAGE_SIZE\n", argv[0]);
    return 2;
  }
  const int image_size = std::atoi(argv[5]);
  Tensors in, out;
  for (const auto& [name, tensor] : ReadCheckpoint(argv[2]).tensors) in[name] = tensor;
  {
    const c10::InferenceMode inference_mode;
    RunStages(argv[1], in, image_size, out);
    const auto script = nlohmann::json::parse(std::ifstream(argv[3]));
    if (!script.empty()) RunVideo(argv[1], in, script, image_size, out);
    WriteSafetensors(argv[4], out);
  }
  return 0;
}

}  // namespace
}  // namespace sam2

int main(int argc, char** argv) try {
  return sam2::Main(argc, argv);
} catch (const std::exception& error) {
  std::fprintf(stderr, "stage_dump: %s\n", error.what());
  return 1;
}
