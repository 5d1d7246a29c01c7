// SPDX-License-Identifier: Apache-2.0
//
// What of a mapped model file stays in memory, and what is written as one.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "checkpoint/checkpoint.h"
#include "checkpoint/mapped_file.h"
#include "checkpoint/safetensors_writer.h"
#include "checkpoint/weights.h"
#include "checkpoint_bytes.h"

namespace sam2::test {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

using Tensors = std::map<std::string, at::Tensor>;

class SavedModel : public testing::Test {
 protected:
  SavedModel() : file_("", ".safetensors") {}

  Checkpoint Save(const Tensors& tensors, at::ScalarType dtype = at::kFloat) {
    WriteSafetensors(file_.path(), tensors, {{"model", "some"}}, dtype);
    return ReadCheckpoint(file_.path());
  }

  // The message of the error that writing ends in.
  std::string Complaint(const std::string& path, const Tensors& tensors, at::ScalarType dtype) {
    try {
      WriteSafetensors(path, tensors, {}, dtype);
    } catch (const Error& error) {
      return error.what();
    }
    ADD_FAILURE() << "no error";
    return {};
  }

  TempFile file_;
};

// Bytes of files that are mapped into this process and in memory.
std::int64_t ResidentFileBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssFile:")) return std::atoll(line.c_str() + 8) * 1024;
  }
  return -1;
}

TEST_F(SavedModel, TensorsLeaveMemoryOneByOne) {
  constexpr std::int64_t kMegabyte = 1 << 20;
  Checkpoint checkpoint = Save({{"large", at::ones({32 * kMegabyte / 4})}, {"small", at::ones(9)}});
  const std::int64_t before = ResidentFileBytes();
  EXPECT_EQ(checkpoint.tensors["large"].sum().item<double>(), 32 * kMegabyte / 4);
  EXPECT_GT(ResidentFileBytes(), before + 24 * kMegabyte);
  checkpoint.tensors.erase("large");
  EXPECT_LT(ResidentFileBytes(), before + 8 * kMegabyte);
  EXPECT_EQ(checkpoint.tensors["small"].sum().item<double>(), 9);
}

TEST_F(SavedModel, WhatIsForgottenWhileInUseComesBack) {
  Save({{"w", at::arange(1 << 18).to(at::kFloat)}});
  const std::string expected = ReadFile(file_.path());
  const auto file = MappedFile::Open(file_.path());
  const auto bytes = file->bytes();
  for (const auto& part : {bytes, bytes.subspan(1), bytes.subspan(5000, 9000), bytes.first(10),
                           bytes.first(0)}) {
    file->Forget(part);
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), AsBytes(expected).begin()));
  }
}

TEST_F(SavedModel, TakenTensorKeepsItsShapeAndIsGivenOnce) {
  Weights weights(Save({{"w", at::ones({2, 3})}}), "w.safetensors", at::kFloat, at::kCPU);
  EXPECT_EQ(weights.Raw("w", {2, -1}).sum().item<float>(), 6);
  EXPECT_EQ(weights.Shape("w", {2, -1}), at::IntArrayRef({2, 3}));
  EXPECT_THROW(weights.Shape("w", {2}), Error);
  EXPECT_EQ(weights.bytes(), 24);
  EXPECT_NO_THROW(weights.ExpectAllTaken());
  EXPECT_THROW(weights.Raw("w", {2, 3}), Error);
}

TEST_F(SavedModel, RoundTripInEveryPrecision) {
  const Tensors tensors = {{"a", at::tensor({0.5f, -2.0f, 1e-3f})},
                           {"b", at::arange(6).to(at::kFloat).view({2, 3}).t()},
                           {"empty", at::zeros({0, 4})}};
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
    const Checkpoint read = Save(tensors, dtype);
    EXPECT_EQ(read.metadata.at("model"), "some");
    ASSERT_EQ(read.tensors.size(), tensors.size());
    for (const auto& [name, tensor] : tensors) {
      EXPECT_TRUE(read.tensors.at(name).equal(tensor.to(dtype))) << name;
    }
  }
}

TEST_F(SavedModel, DataIsAligned) {
  const Checkpoint read = Save({{"w", at::ones(3)}});
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(read.tensors.at("w").const_data_ptr()) % 64, 0u);
}

TEST_F(SavedModel, ValuesTooLargeForThePrecisionAreRefused) {
  file_.Remove();
  EXPECT_THAT(Complaint(file_.path(), {{"w", at::full(2, 1e6f)}}, at::kHalf),
              HasSubstr("tensor w holds values too large for F16"));
  EXPECT_FALSE(fs::exists(file_.path()));
  EXPECT_FALSE(fs::exists(file_.path() + ".part"));
}

TEST_F(SavedModel, FormerFileStaysWhenWritingFails) {
  Save({{"w", at::ones(2)}});
  const std::string before = ReadFile(file_.path());
  Complaint(file_.path(), {{"w", at::full(2, 1e6f)}}, at::kHalf);
  EXPECT_EQ(ReadFile(file_.path()), before);
}

TEST_F(SavedModel, FolderThatIsNotThereIsNamed) {
  EXPECT_THAT(Complaint("/nowhere/w.safetensors", {{"w", at::ones(2)}}, at::kFloat),
              HasSubstr("/nowhere/w.safetensors"));
}

}  // namespace
}  // namespace sam2::test
