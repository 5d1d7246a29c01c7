// SPDX-License-Identifier: Apache-2.0
#include "parity/stages.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <stdexcept>

#include "model/position_encoding.h"
#include "predictor/memory_batch.h"

namespace sam2::parity {
namespace {

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
    const PointPrompt points{in.at(kind + ".coords"), in.at(kind + ".labels")};
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
  MemoryStore store;
  MemoryBank bank({.num_maskmem = model.num_maskmem(), .max_obj_ptrs = model.max_obj_ptrs()});
  const BatchShapes shapes = BatchShapes::For(model);
  for (int64_t frame = 0; frame < kMemories; ++frame) {
    const std::string key = std::to_string(frame);
    ObjectMemory memory{frame, store.features.Write(in.at("past.memory." + key))[0],
                        store.obj_ptrs.Write(in.at("past.pointer." + key))[0]};
    frame == 0 ? bank.AddPrompted(memory) : bank.AddTracked(memory);
    const MemoryBank::Selection selection = bank.Select(frame + 1);
    out["attention." + std::to_string(frame + 1)] = model.WithMemory(
        features,
        ToMemoryTokens(model, GatherMemories(store, std::span(&selection, 1), shapes)));
  }
  for (int64_t t_pos = 0; t_pos < model.num_maskmem(); ++t_pos) {
    out["memory.pos." + std::to_string(t_pos)] =
        model.MemoryPositions(at::full({1, 1}, t_pos, at::kLong))[0];
  }
}

FrameFeatures PutEncoder(const Sam2Model& model, const Tensor& image, Tensors& out) {
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
  return features;
}

Prompt ToPrompt(const nlohmann::json& json, const Tensor& given_mask) {
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
  if (json.value("mask", false)) {
    const Tensor mask = given_mask.to(at::kByte).contiguous();  // [H, W]
    const auto* data = mask.data_ptr<std::uint8_t>();
    prompt.mask = Mask{0, 0, static_cast<int>(mask.size(1)), static_cast<int>(mask.size(0)),
                       {data, data + mask.numel()}};
  }
  return prompt;
}

void PutObject(const std::string& key, const Object& object, const Tensor& frame, Tensors& out) {
  const Tensor mask = at::zeros({frame.size(0), frame.size(1)}, at::kByte);
  const Mask& m = object.mask;
  for (int y = 0; y < m.height; ++y) {
    std::copy_n(&m.pixels[static_cast<size_t>(y) * m.width], m.width,
                mask[m.y + y].data_ptr<std::uint8_t>() + m.x);
  }
  out["video.mask." + key] = mask;
  out["video.score." + key] = at::full({1}, object.score);
}

}  // namespace

Tensors RunEncoder(const Sam2Model& model) {
  const c10::InferenceMode inference_mode;
  Tensors out;
  PutEncoder(model, MakePictures(model.image_size()).at("image"), out);
  return out;
}

Tensors RunStages(const Sam2Model& model) {
  const c10::InferenceMode inference_mode;
  const Tensors pictures = MakePictures(model.image_size());
  Tensors out;
  const FrameFeatures features = PutEncoder(model, pictures.at("image"), out);
  const Tensors in = MakeInputs(model.image_size(), model.tokens_per_memory(),
                                features.embedding.size(1));
  RunPrompts(model, in, features, out);
  RunMemory(model, in, features, out);
  return out;
}

Tensors RunVideo(const std::shared_ptr<ModelEngine>& engine, const nlohmann::json& script,
                 int64_t count) {
  const int side = engine->info().image_size;
  const Tensor frames = Draw(side), mask = MakePictures(side).at("mask")[0][0];
  const auto tracker = engine->CreateVideoTracker({});
  Tensors out;
  for (int64_t f = 0; f < count; ++f) {
    const FrameView view{.format = PixelFormat::kRGB, .width = side, .height = side,
                         .plane = {frames[f].data_ptr<std::uint8_t>()}, .stride = {3 * side}};
    std::vector<Prompt> prompts;
    for (const auto& json : script) {
      if (json.at("frame") == f) prompts.push_back(ToPrompt(json, mask));
    }
    const StepResult result = tracker->Step(view, f * 40'000'000, prompts);
    for (const PromptOutcome& outcome : result.outcomes) {
      if (!outcome.error.empty()) throw std::runtime_error(outcome.error);
    }
    for (const Object& object : result.objects) {
      PutObject(std::to_string(f) + "." + std::to_string(object.id), object, frames[f], out);
    }
  }
  return out;
}

}  // namespace sam2::parity
