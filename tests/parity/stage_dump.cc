// SPDX-License-Identifier: Apache-2.0
//
// Runs every stage of a model, and a video where the script has prompts, and
// writes what comes out, for stages.py to compare with the reference:
//   stage_dump MODEL SCRIPT.json OUTPUTS.safetensors IMAGE_SIZE FRAMES
// FRAMES: of the video; 0: no video and nothing after the encoder.
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "checkpoint/safetensors_writer.h"
#include "parity/stages.h"

namespace sam2::parity {
namespace {

int Main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: %s MODEL SCRIPT OUTPUTS IMAGE_SIZE FRAMES\n", argv[0]);
    return 2;
  }
  const int frames = std::atoi(argv[5]);
  const auto engine = std::make_shared<ModelEngine>(
      ResolvedOptions{.model = argv[1], .image_size = std::atoi(argv[4])});
  std::printf("member %s\n", engine->info().member.c_str());
  Tensors out = frames == 0 ? RunEncoder(engine->model()) : RunStages(engine->model());
  const auto script = nlohmann::json::parse(std::ifstream(argv[2]));
  if (!script.empty()) out.merge(RunVideo(engine, script, frames));
  WriteSafetensors(argv[3], out, {}, at::kFloat);
  return 0;
}

}  // namespace
}  // namespace sam2::parity

int main(int argc, char** argv) try {
  return sam2::parity::Main(argc, argv);
} catch (const std::exception& error) {
  std::fprintf(stderr, "stage_dump: %s\n", error.what());
  return 1;
}
