// SPDX-License-Identifier: Apache-2.0
//
// Runs every stage of a model, and a video where the script has prompts, and
// writes what comes out, for stages.py to compare with the reference:
//   stage_dump MODEL SCRIPT.json OUTPUTS.safetensors IMAGE_SIZE [--only-encoder]
#include <ATen/ATen.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "parity/stages.h"

namespace sam2::parity {
namespace {

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

int Main(int argc, char** argv) {
  const bool only_encoder = argc == 6 && std::strcmp(argv[5], "--only-encoder") == 0;
  if (argc != 5 && !only_encoder) {
    std::fprintf(stderr, "usage: %s MODEL SCRIPT OUTPUTS IMAGE_SIZE [--only-encoder]\n", argv[0]);
    return 2;
  }
  const auto engine = std::make_shared<ModelEngine>(
      ResolvedOptions{.model = argv[1], .image_size = std::atoi(argv[4])});
  std::printf("member %s\n", engine->info().member.c_str());
  Tensors out = only_encoder ? RunEncoder(engine->model()) : RunStages(engine->model());
  const auto script = nlohmann::json::parse(std::ifstream(argv[2]));
  if (!script.empty()) out.merge(RunVideo(engine, script));
  WriteSafetensors(argv[3], out);
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
