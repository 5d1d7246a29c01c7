// SPDX-License-Identifier: Apache-2.0
//
// Time of each stage of a tracker step. Run it as
//   build/tests/bench/stages MODEL [PRECISION] [IMAGE_SIZE] [--benchmark_...]
#include <ATen/ATen.h>
#include <benchmark/benchmark.h>
#include <c10/core/InferenceMode.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

#include "checkpoint/checkpoint.h"
#include "checkpoint/weights.h"
#include "image/frame.h"
#include "image/mask.h"
#include "predictor/caching_allocator.h"
#include "predictor/memory_batch.h"
#include "predictor/readout.h"
#include "predictor/side_workers.h"

namespace sam2 {
namespace {

std::unique_ptr<Sam2Model> g_model;

constexpr int kFrameWidth = 640, kFrameHeight = 360;

// Any picture does: no stage's time depends on the content.
Tensor SomeImage() {
  const int64_t size = g_model->image_size();
  return at::rand({1, 3, size, size}).contiguous(at::MemoryFormat::ChannelsLast);
}

// A full bank, as every object has after 16 frames.
MemoryBank FullBank(const FrameFeatures& features, MemoryStore& store) {
  MemoryBank bank({.num_maskmem = g_model->num_maskmem(), .max_obj_ptrs = 16});
  const int64_t side = g_model->image_size() / 4;
  HeadsOutput heads{.masks = at::randn({1, 1, side, side}),
                    .ious = at::rand({1}),
                    .obj_ptr = at::randn({1, g_model->image_encoder().d_model()},
                                         features.embedding.options()),
                    .object_score_logits = at::ones({1, 1})};
  for (int64_t frame = 0; frame < 20; ++frame) {
    const Tensor memory = g_model->EncodeMemory(features, heads, false);
    ObjectMemory kept{frame, store.features.Write(memory)[0],
                      store.obj_ptrs.Write(heads.obj_ptr)[0]};
    frame == 0 ? bank.AddPrompted(kept) : bank.AddTracked(kept);
  }
  return bank;
}

std::vector<MemoryBank::Selection> Selections(const MemoryBank& bank, int64_t objects) {
  return std::vector<MemoryBank::Selection>(objects, bank.Select(20));
}

void BM_ReadFrame(benchmark::State& state) {
  const std::vector<std::uint8_t> pixels(kFrameWidth * kFrameHeight * 3 / 2, 100);
  FrameView view{.format = PixelFormat::kI420, .width = kFrameWidth, .height = kFrameHeight};
  const int half = kFrameWidth / 2;
  view.plane = {pixels.data(), pixels.data() + kFrameWidth * kFrameHeight,
                pixels.data() + kFrameWidth * kFrameHeight * 5 / 4};
  view.stride = {kFrameWidth, half, half};
  FrameReader reader(static_cast<int>(g_model->image_size()), Resize::kVideo, at::kCPU);
  for (auto _ : state) reader.Read(view);
}

void BM_EncodeImage(benchmark::State& state) {
  const Tensor image = SomeImage();
  for (auto _ : state) g_model->EncodeImage(image);
}

void BM_Trunk(benchmark::State& state) {
  const Tensor image = SomeImage().to(g_model->WithoutMemory(g_model->EncodeImage(SomeImage())).scalar_type());
  for (auto _ : state) g_model->image_encoder().Trunk(image);
}

void BM_BatchMemories(benchmark::State& state) {
  const FrameFeatures features = g_model->EncodeImage(SomeImage());
  MemoryStore store;
  const MemoryBank bank = FullBank(features, store);
  const auto selections = Selections(bank, state.range(0));
  const BatchShapes shapes = BatchShapes::For(*g_model);
  for (auto _ : state) ToMemoryTokens(*g_model, GatherMemories(store, selections, shapes));
}

void BM_MemoryAttention(benchmark::State& state) {
  const FrameFeatures features = g_model->EncodeImage(SomeImage());
  MemoryStore store;
  const MemoryBank bank = FullBank(features, store);
  const auto selections = Selections(bank, state.range(0));
  const MemoryTokens tokens = ToMemoryTokens(
      *g_model, GatherMemories(store, selections, BatchShapes::For(*g_model)));
  for (auto _ : state) g_model->WithMemory(features, tokens);
}

// In one piece or several, as ModelEngine divides a small network's work.
class InPieces {
 public:
  explicit InPieces(int64_t most)
      : pieces_{.most = most,
                .for_each = [this](int64_t count, std::function<void(int64_t)> piece) {
                  workers_.ForEach(static_cast<int>(pieces_.most), count, std::move(piece));
                }} {}
  const Pieces& get() const { return pieces_; }

 private:
  SideWorkers workers_;
  Pieces pieces_;
};

void BM_AttentionInPieces(benchmark::State& state) {
  const FrameFeatures features = g_model->EncodeImage(SomeImage());
  MemoryStore store;
  const MemoryBank bank = FullBank(features, store);
  const MemoryTokens tokens = ToMemoryTokens(
      *g_model, GatherMemories(store, Selections(bank, 1), BatchShapes::For(*g_model)));
  const InPieces pieces(state.range(0));
  for (auto _ : state) g_model->WithMemory(features, tokens, pieces.get());
}

void BM_Heads(benchmark::State& state) {
  const FrameFeatures features = g_model->EncodeImage(SomeImage());
  const Tensor pix_feat =
      g_model->WithoutMemory(features).repeat({state.range(0), 1, 1, 1});
  for (auto _ : state) {
    g_model->ForwardSamHeads(features, pix_feat, state.range(0), std::nullopt, {}, true);
  }
}

void BM_EncodeMemory(benchmark::State& state) {
  const FrameFeatures features = g_model->EncodeImage(SomeImage());
  const Tensor pix_feat =
      g_model->WithoutMemory(features).repeat({state.range(0), 1, 1, 1});
  const HeadsOutput heads =
      g_model->ForwardSamHeads(features, pix_feat, state.range(0), std::nullopt, {}, true);
  for (auto _ : state) g_model->EncodeMemory(features, heads, false);
}

void Follow(const FrameFeatures& features, MemoryStore& store,
            std::span<const MemoryBank::Selection> objects) {
  StepOutput output = TrackerStep(*g_model).Track(features, store, objects, std::nullopt);
  output.memory = g_model->EncodeMemory(features, output.heads, /*binarize=*/false);
  store.features.Write(output.memory);
  store.obj_ptrs.Write(output.heads.obj_ptr);
  Readout(output, 8, 0);
}

void BM_TrackObjects(benchmark::State& state) {
  const FrameFeatures features = g_model->EncodeImage(SomeImage());
  MemoryStore store;
  const MemoryBank bank = FullBank(features, store);
  const auto selections = Selections(bank, state.range(0));
  for (auto _ : state) Follow(features, store, selections);
}

// The same objects without batches, for comparison.
void BM_TrackOneByOne(benchmark::State& state) {
  const FrameFeatures features = g_model->EncodeImage(SomeImage());
  MemoryStore store;
  const MemoryBank bank = FullBank(features, store);
  const auto selections = Selections(bank, state.range(0));
  for (auto _ : state) {
    for (const MemoryBank::Selection& selection : selections) {
      Follow(features, store, {&selection, 1});
    }
  }
}

void BM_MaskFromLogits(benchmark::State& state) {
  const int64_t side = g_model->image_size() / 4;
  Tensor logits = at::full({side, side}, -5.0);
  logits.slice(0, side / 4, side / 2).slice(1, side / 4, side / 2).fill_(5.0);
  for (auto _ : state) MaskFromLogits(logits, kFrameWidth, kFrameHeight);
}

#define SAM2_BENCHMARK(name) \
  BENCHMARK(name)->MeasureProcessCPUTime()->UseRealTime()->Unit(benchmark::kMillisecond)
SAM2_BENCHMARK(BM_ReadFrame);
SAM2_BENCHMARK(BM_EncodeImage);
SAM2_BENCHMARK(BM_Trunk);
SAM2_BENCHMARK(BM_BatchMemories)->Arg(1)->Arg(5);
SAM2_BENCHMARK(BM_MemoryAttention)->Arg(1)->Arg(5);
SAM2_BENCHMARK(BM_AttentionInPieces)->Arg(1)->Arg(2);
SAM2_BENCHMARK(BM_Heads)->Arg(1)->Arg(5);
SAM2_BENCHMARK(BM_EncodeMemory)->Arg(1)->Arg(5);
SAM2_BENCHMARK(BM_TrackObjects)->Arg(1)->Arg(5)->Arg(20);
SAM2_BENCHMARK(BM_TrackOneByOne)->Arg(1)->Arg(5)->Arg(20);
SAM2_BENCHMARK(BM_MaskFromLogits);

int Main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s MODEL [fp32|bf16] [IMAGE_SIZE]\n", argv[0]);
    return 2;
  }
  const c10::InferenceMode inference_mode;
  InstallCachingAllocator();
  const bool bf16 = argc > 2 && std::string(argv[2]) == "bf16";
  Weights weights(ReadCheckpoint(argv[1]), argv[1], bf16 ? at::kBFloat16 : at::kFloat, at::kCPU);
  g_model = std::make_unique<Sam2Model>(weights, argc > 3 ? std::atoi(argv[3]) : 0);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace
}  // namespace sam2

int main(int argc, char** argv) { return sam2::Main(argc, argv); }
