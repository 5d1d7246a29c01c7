// SPDX-License-Identifier: Apache-2.0
//
// Opens a model and prints how long that took and what memory it needed, as
// one line of JSON: load MODEL PRECISION THREADS. Called by the script `load`.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "sam2.h"

namespace {

// "VmRSS", "VmHWM": bytes.
long long Status(const std::string& key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key + ":")) return std::atoll(line.c_str() + key.size() + 1) * 1024;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s MODEL PRECISION THREADS\n", argv[0]);
    return 2;
  }
  sam2::Core* core = sam2_core(sam2::kInterfaceVersion);
  const long long before = Status("VmRSS");
  const auto start = std::chrono::steady_clock::now();
  const auto engine = core->OpenEngine({.model = argv[1], .device = "cpu", .precision = argv[2],
                                        .threads = std::atoi(argv[3])});
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  std::printf("{\"member\": \"%s\", \"seconds\": %.3f, \"weights\": %lld, \"before\": %lld, "
              "\"peak\": %lld, \"after\": %lld}\n",
              engine->info().member.c_str(), time.count(),
              static_cast<long long>(engine->info().weight_bytes), before, Status("VmHWM"),
              Status("VmRSS"));
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "load: %s\n", error.what());
  return 1;
}
