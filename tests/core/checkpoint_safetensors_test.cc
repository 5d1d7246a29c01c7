// SPDX-License-Identifier: Apache-2.0
//
// Reading .safetensors files, and files that are neither kind.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint_bytes.h"

namespace sam2::test {
namespace {

using ::testing::HasSubstr;

const std::string kTwoFloats = RawBytes<float>({1.5f, -2.f});

std::string OneTensor(const std::string& entry) {
  return Safetensors(R"({"w":)" + entry + "}", kTwoFloats);
}

std::string ReadError(const std::string& path, ErrorCode* code) {
  try {
    ReadCheckpoint(path);
  } catch (const Error& error) {
    *code = error.code();
    return error.what();
  }
  return "";
}

TEST(Safetensors, GivesTensorsAndMetadata) {
  const TempFile file(Safetensors(
      R"({"__metadata__":{"member":"builtin","é":""},)"
      R"("a.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},)"
      R"("b":{"dtype":"I64","shape":[],"data_offsets":[8,16]},)"
      R"("none":{"dtype":"F16","shape":[0,7],"data_offsets":[16,16]}}  )",
      kTwoFloats + RawBytes<std::int64_t>({-5})));
  const Checkpoint checkpoint = ReadCheckpoint(file.path());
  ASSERT_EQ(checkpoint.tensors.size(), 3u);
  EXPECT_TRUE(at::equal(checkpoint.tensors.at("a.weight"), at::tensor({1.5f, -2.f}).view({1, 2})));
  EXPECT_EQ(checkpoint.tensors.at("b").item<std::int64_t>(), -5);
  EXPECT_EQ(checkpoint.tensors.at("none").sizes(), at::IntArrayRef({0, 7}));
  EXPECT_EQ(checkpoint.metadata,
            (std::map<std::string, std::string>{{"member", "builtin"}, {"é", ""}}));
}

TEST(Safetensors, KnowsEveryDtype) {
  const std::pair<const char*, at::ScalarType> kinds[] = {
      {"F32", at::kFloat}, {"F16", at::kHalf}, {"BF16", at::kBFloat16}, {"F64", at::kDouble},
      {"I64", at::kLong},  {"I32", at::kInt},  {"U8", at::kByte},       {"BOOL", at::kBool}};
  for (const auto& [name, type] : kinds) {
    const std::string size = std::to_string(at::elementSize(type));
    const TempFile file(Safetensors(std::string(R"({"w":{"dtype":")") + name +
                                        R"(","shape":[1],"data_offsets":[0,)" + size + "]}}",
                                    std::string(at::elementSize(type), '\0')));
    EXPECT_EQ(ReadCheckpoint(file.path()).tensors.at("w").scalar_type(), type) << name;
  }
}

TEST(Safetensors, NeedsNoAlignment) {
  for (int spaces = 0; spaces < 8; ++spaces) {
    const TempFile file(Safetensors(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})" +
                                        std::string(spaces, ' '),
                                    kTwoFloats));
    const at::Tensor tensor = ReadCheckpoint(file.path()).tensors.at("w");
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.const_data_ptr()) % 4, 0u);
    EXPECT_TRUE(at::equal(tensor, at::tensor({1.5f, -2.f})));
  }
}

TEST(Safetensors, DataNeedNotBeInTheOrderOfNames) {
  EXPECT_EQ(ParseError(Safetensors(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},)"
                                   R"("b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                                   kTwoFloats)),
            "");
}

// ---------------------------------------------------------------- refused

TEST(CheckpointFile, ThatIsMissingIsNotFound) {
  ErrorCode code{};
  EXPECT_THAT(ReadError("/no/such/model.pt", &code), HasSubstr("/no/such/model.pt: no such file"));
  EXPECT_EQ(code, ErrorCode::kNotFound);
}

TEST(CheckpointFile, ThatIsAFolderIsRefused) {
  ErrorCode code{};
  EXPECT_THAT(ReadError("/", &code), HasSubstr("not a regular file"));
  EXPECT_EQ(code, ErrorCode::kBadCheckpoint);
}

TEST(CheckpointFile, ThatIsAPipeIsRefusedAtOnce) {
  TempFile file("");
  file.Remove();
  ASSERT_EQ(mkfifo(file.path().c_str(), 0600), 0);
  ErrorCode code{};
  EXPECT_THAT(ReadError(file.path(), &code), HasSubstr("not a regular file"));
}

TEST(CheckpointFile, ThatIsDamagedIsNamed) {
  const TempFile file("");
  ErrorCode code{};
  EXPECT_EQ(ReadError(file.path(), &code), file.path() + ": the file is empty");
  EXPECT_EQ(code, ErrorCode::kBadCheckpoint);
}

TEST(Safetensors, EveryTruncationIsAnError) {
  const std::string file = OneTensor(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})");
  ASSERT_EQ(ParseError(file), "");
  for (std::size_t length = 0; length < file.size(); ++length) {
    EXPECT_NE(ParseError(std::string_view(file).substr(0, length)), "") << length;
  }
}

TEST(Safetensors, EveryChangedByteIsSurvived) {
  std::string file = OneTensor(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})");
  for (std::size_t i = 0; i < file.size(); ++i) {
    for (int value = 0; value < 256; ++value) {
      const char kept = std::exchange(file[i], static_cast<char>(value));
      try {
        for (const TensorEntry& entry : ParseCheckpoint(AsBytes(file)).tensors) {
          EXPECT_LE(entry.offset + entry.nbytes, file.size()) << i;
        }
      } catch (const Error&) {
      }
      file[i] = kept;
    }
  }
}

struct BadFile {
  const char* name;
  std::string file;
  const char* error;  // part of it
};

class BadSafetensors : public ::testing::TestWithParam<BadFile> {};

TEST_P(BadSafetensors, IsRefused) {
  EXPECT_THAT(ParseError(GetParam().file), HasSubstr(GetParam().error));
}

std::string Header(const std::string& header) { return Safetensors(header, kTwoFloats); }

INSTANTIATE_TEST_SUITE_P(
    File, BadSafetensors,
    ::testing::ValuesIn(std::vector<BadFile>{
        {"Text", "weights of my model", "neither a .safetensors file nor a .pt file"},
        {"LfsPointer", "version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"},
        {"Html", "<!DOCTYPE html>", "HTML"},
        {"Gzip", "\x1f\x8b\x08", "gzip"},
        {"BarePickle", "\x80\x02}.", "pickle on its own"},
        {"LengthOutOfFile", LittleEndian(1000, 8) + "{}", "truncated"},
        {"LengthHuge", LittleEndian(~std::uint64_t{0}, 8) + "{}", "truncated"},
        {"HeaderTooLong", Safetensors("{" + std::string(17 << 20, ' ') + "}", ""), "too long"},
        {"TrailingBytes",
         OneTensor(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})") + "x",
         "the tensors end at byte"},
    }),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Header, BadSafetensors,
    ::testing::ValuesIn(std::vector<BadFile>{
        {"BrokenJson", Header("{]"), "not valid JSON"},
        {"NoUtf8", Header("{\"\xff\":1}"), "not valid JSON"},
        {"TwoValues", Header("{}{}"), "not valid JSON"},
        {"DeepNesting", Header("{\"a\":" + std::string(100000, '[')), "nested too deep"},
        {"DeepInEntry", Header(R"({"w":{"shape":[[[]]]}})"), "nested too deep"},
        {"TensorTwice",
         Header(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                R"("w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})"),
         "'w' twice"},
        {"KeyTwice", OneTensor(R"({"dtype":"F32","dtype":"F32"})"), "'dtype' twice"},
        {"MetadataNoObject", Header(R"({"__metadata__":1})"), "__metadata__ is not an object"},
        {"MetadataNoString", Header(R"({"__metadata__":{"n":1}})"), "'n' is not a string"},
    }),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Tensor, BadSafetensors,
    ::testing::ValuesIn(std::vector<BadFile>{
        {"NoObject", OneTensor("3"), "tensor 'w' is not described"},
        {"NoDtype", OneTensor(R"({"shape":[2],"data_offsets":[0,8]})"), "'w' has no dtype"},
        {"NoShape", OneTensor(R"({"dtype":"F32","data_offsets":[0,8]})"), "no shape"},
        {"NoOffsets", OneTensor(R"({"dtype":"F32","shape":[2]})"), "no valid data_offsets"},
        {"ThreeOffsets", OneTensor(R"({"dtype":"F32","shape":[2],"data_offsets":[0,4,8]})"),
         "no valid data_offsets"},
        {"UnknownDtype", OneTensor(R"({"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]})"),
         "unknown dtype 'F8_E4M3'"},
        {"NegativeSize", OneTensor(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})"),
         "impossible size '-2'"},
        {"BrokenSize", OneTensor(R"({"dtype":"F32","shape":[2.5],"data_offsets":[0,8]})"),
         "impossible size '2.5'"},
        {"TextSize", OneTensor(R"({"dtype":"F32","shape":["2"],"data_offsets":[0,8]})"),
         "impossible size"},
        {"HugeSize",
         OneTensor(R"({"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8]})"),
         "impossible size"},
        {"HugeProduct",
         OneTensor(R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]})"),
         "cannot take 8 bytes"},
        {"ProductWrapsToFit",
         OneTensor(R"({"dtype":"F64","shape":[2305843009213693953],"data_offsets":[0,8]})"),
         "cannot take 8 bytes"},
        {"HugeBesideEmpty",
         OneTensor(R"({"dtype":"F32","shape":[9223372036854775807,2,0],"data_offsets":[0,0]})"),
         "cannot take 0 bytes"},
        {"TooManyDims",
         OneTensor(R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]})"),
         "cannot take"},
        {"WrongSize", OneTensor(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})"),
         "shape [3] cannot take 8 bytes"},
        {"Backwards", OneTensor(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"),
         "8..0, outside"},
        {"OutOfFile", OneTensor(R"({"dtype":"F32","shape":[3],"data_offsets":[0,12]})"),
         "outside the file's data of 8 bytes"},
        {"Overlap",
         Header(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})"),
         "'b' overlaps"},
        {"Hole", OneTensor(R"({"dtype":"F32","shape":[1],"data_offsets":[4,8]})"),
         "follows bytes that belong to none"},
    }),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace sam2::test
