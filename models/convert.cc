// SPDX-License-Identifier: Apache-2.0
//
// Rewrites a checkpoint as .safetensors, see Usage().
#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors_writer.h"
#include "checkpoint/weights.h"
#include "model/sam2_model.h"
#include "sam2.h"

namespace sam2 {
namespace {

int Usage() {
  std::fputs(
      "usage: convert IN OUT.safetensors [--precision fp32|bf16|fp16]\n"
      "Rewrites a model of the SAM 2 family, .pt or .safetensors, as .safetensors; default: fp32.\n"
      "What the elements would not load is refused.\n",
      stderr);
  return 2;
}

at::ScalarType Precision(std::string_view name) {
  if (name == "fp32") return at::kFloat;
  if (name == "bf16") return at::kBFloat16;
  if (name == "fp16") return at::kHalf;
  throw Error(ErrorCode::kBadSettings,
              "precision \"" + std::string(name) + "\": allowed are fp32, bf16 and fp16");
}

// The member's name, after every tensor was found where it belongs.
std::string CheckModel(const std::string& file) {
  Weights weights(ReadCheckpoint(file), file, at::kFloat, at::kCPU);
  return Sam2Model(weights, 0).config().member;
}

void Convert(const std::string& in, const std::string& out, at::ScalarType dtype) {
  if (!out.ends_with(".safetensors")) {
    throw Error(ErrorCode::kBadSettings, out + ": must end in .safetensors");
  }
  std::error_code ignored;
  if (std::filesystem::equivalent(in, out, ignored)) {
    throw Error(ErrorCode::kBadSettings, out + ": is the file to read");
  }
  const std::string member = CheckModel(in);
  Checkpoint checkpoint = ReadCheckpoint(in);
  // Counters that only training knows are left behind.
  std::erase_if(checkpoint.tensors,
                [](const auto& entry) { return !entry.second.is_floating_point(); });
  WriteSafetensors(out, checkpoint.tensors, checkpoint.metadata, dtype);
  std::printf("%s: %s, %zu tensors, %ju bytes\n", out.c_str(), member.c_str(),
              checkpoint.tensors.size(), std::filesystem::file_size(out));
}

int Main(int argc, char** argv) {
  if (argc != 3 && argc != 5) return Usage();
  if (argc == 5 && std::string_view(argv[3]) != "--precision") return Usage();
  const c10::InferenceMode inference_mode;
  Convert(argv[1], argv[2], Precision(argc == 5 ? argv[4] : "fp32"));
  return 0;
}

}  // namespace
}  // namespace sam2

int main(int argc, char** argv) try {
  return sam2::Main(argc, argv);
} catch (const std::exception& error) {
  std::fprintf(stderr, "convert: %s\n", error.what());
  return 1;
}
