// SPDX-License-Identifier: Apache-2.0
//
// Reading .pt files.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint_bytes.h"

namespace sam2::test {
namespace {

using ::testing::HasSubstr;
namespace p = pickle;

const std::filesystem::path kData = std::filesystem::path(SAM2_TEST_DATA) / "checkpoints";

std::string Fixture(const std::string& name) { return (kData / name).string(); }

void ExpectEqual(const at::Tensor& actual, const at::Tensor& expected) {
  EXPECT_EQ(actual.scalar_type(), expected.scalar_type());
  EXPECT_EQ(actual.sizes(), expected.sizes());
  EXPECT_TRUE(at::equal(actual, expected)) << actual << expected;
}

class TorchForms : public ::testing::TestWithParam<const char*> {};

// The values are those of tests/data/checkpoints/make.py.
TEST_P(TorchForms, GiveTheSameTensors) {
  const Checkpoint checkpoint = ReadCheckpoint(Fixture(GetParam()));
  EXPECT_TRUE(checkpoint.metadata.empty());
  ASSERT_EQ(checkpoint.tensors.size(), 11u);
  const auto& t = checkpoint.tensors;
  const at::Tensor whole = at::arange(12, at::kFloat).view({3, 4});
  ExpectEqual(t.at("float"), at::tensor({0.5f, -1.f, 2.f, 1e-3f}).view({2, 2}));
  ExpectEqual(t.at("half"), at::tensor({1.5f, -2.f}).to(at::kHalf));
  ExpectEqual(t.at("bfloat"), at::tensor({3.f}).to(at::kBFloat16));
  ExpectEqual(t.at("double"), at::scalar_tensor(0.25, at::kDouble));
  ExpectEqual(t.at("long"), at::tensor({std::int64_t{1} << 40, std::int64_t{-1}}));
  ExpectEqual(t.at("int"), at::tensor({7}, at::kInt));
  ExpectEqual(t.at("byte"), at::tensor({255, 0}, at::kByte));
  ExpectEqual(t.at("bool"), at::tensor({1, 0}, at::kByte).to(at::kBool));
  ExpectEqual(t.at("empty"), at::empty({0, 4}));
  ExpectEqual(t.at("transposed"), whole.t());
  ExpectEqual(t.at("part"), whole.narrow(0, 1, 2).narrow(1, 2, 2));
}

INSTANTIATE_TEST_SUITE_P(All, TorchForms,
                         ::testing::Values("dict.pt", "ordered.pt", "metadata.pt", "bare_dict.pt",
                                           "bare_metadata.pt", "parameters.pt"));

TEST(TorchFile, IsKnownByItsContentNotItsName) {
  const TempFile file(PtOf({}), ".safetensors");
  ExpectEqual(ReadCheckpoint(file.path()).tensors.at("w"), at::arange(6, at::kFloat).view({2, 3}));
}

TEST(TorchFile, NeedsNoAlignment) {
  for (int shift = 0; shift < 4; ++shift) {
    const std::string pickle =
        p::kStart + p::Dict(p::String("w") + p::Tensor({})) + "." + std::string(shift, ' ');
    const TempFile file(Pt(pickle, RawBytes<float>({0, 1, 2, 3, 4, 5})));
    const at::Tensor tensor = ReadCheckpoint(file.path()).tensors.at("w");
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.const_data_ptr()) % 4, 0u);
    ExpectEqual(tensor, at::arange(6, at::kFloat).view({2, 3}));
  }
}

TEST(TorchFile, TensorsOutliveTheCheckpointAndTheFile) {
  TempFile file(PtOf({}));
  const at::Tensor tensor = ReadCheckpoint(file.path()).tensors.at("w");
  file.Remove();
  EXPECT_EQ(tensor.sum().item<float>(), 15);
}

TEST(TorchFile, TensorsMayShareAStorage) {
  const std::string items = p::String("a") + p::Tensor({}) + p::String("b") +
                            p::Tensor({.shape = {2}, .strides = {1}, .offset = 4});
  const TempFile file(
      Pt(p::kStart + p::Dict(items) + ".", RawBytes<float>({0, 1, 2, 3, 4, 5})));
  ExpectEqual(ReadCheckpoint(file.path()).tensors.at("b"), at::tensor({4.f, 5.f}));
}

TEST(TorchFile, ZipMayHaveACommentAndZip64Fields) {
  const std::string pickle = p::kStart + p::OrderedDict(p::String("w") + p::Tensor({})) + ".";
  const std::string data = RawBytes<float>({0, 1, 2, 3, 4, 5});
  EXPECT_EQ(ParseError(Zip({{.name = "x/data.pkl", .contents = pickle, .zip64 = true},
                            {.name = "x/data/0", .contents = data, .zip64 = true}},
                           "a comment, PK\5\6 and all")),
            "");
}

// ---------------------------------------------------------------- refused

TEST(TorchFile, NothingIsExecuted) {
  std::filesystem::remove("pickle-was-executed");
  const std::string error = ParseError(ReadFile(kData / "code.pt"));
  EXPECT_THAT(error, HasSubstr("'posix.system'"));
  EXPECT_THAT(error, HasSubstr("nothing was run"));
  EXPECT_FALSE(std::filesystem::exists("pickle-was-executed"));
}

TEST(TorchFile, OldFormatIsNamedAndSoIsTheWayOut) {
  EXPECT_THAT(ParseError(ReadFile(kData / "old_format.pt")), HasSubstr("torch.save(torch.load("));
}

TEST(TorchFile, OtherProtocolsAreRefused) {
  EXPECT_THAT(ParseError(ReadFile(kData / "protocol_4.pt")), HasSubstr("pickle protocol 4"));
}

TEST(TorchFile, EveryTruncationIsAnError) {
  const std::string file = ReadFile(kData / "metadata.pt");
  ASSERT_EQ(ParseError(file), "");
  for (std::size_t length = 0; length < file.size(); ++length) {
    EXPECT_NE(ParseError(std::string_view(file).substr(0, length)), "") << length;
  }
}

// A changed byte may go unnoticed (it may be a weight), but never crash or
// make a tensor that leaves the file.
TEST(TorchFile, EveryChangedByteIsSurvived) {
  std::string file = ReadFile(kData / "metadata.pt");
  for (std::size_t i = 0; i < file.size(); ++i) {
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      file[i] ^= flip;
      try {
        for (const TensorEntry& entry : ParseCheckpoint(AsBytes(file)).tensors) {
          EXPECT_LE(entry.offset + entry.nbytes, file.size()) << i;
        }
      } catch (const Error&) {
      }
      file[i] ^= flip;
    }
  }
}

struct BadFile {
  const char* name;
  std::string file;
  const char* error;  // part of it
};

class BadTorchFile : public ::testing::TestWithParam<BadFile> {};

TEST_P(BadTorchFile, IsRefused) { EXPECT_THAT(ParseError(GetParam().file), HasSubstr(GetParam().error)); }

std::string PtOfPickle(const std::string& pickle) {
  return Pt(p::kStart + pickle + ".", RawBytes<float>({0, 1, 2, 3, 4, 5}));
}

std::string Repeat(const std::string& text, std::size_t times) {
  std::string result;
  for (std::size_t i = 0; i < times; ++i) result += text;
  return result;
}

// Many names, each with a view of the one large storage.
std::string AmplifiedFile() {
  std::string items = p::String("0") + p::Tensor({{100000}, {1}, 0, 100000}) + "q\1";
  for (int i = 1; i < 100; ++i) items += p::String(std::to_string(i)) + "h\1";
  return Pt(p::kStart + p::Dict(items) + ".", std::string(400000, '\0'));
}

const std::string kGood = p::kStart + p::Dict(p::String("w") + p::Tensor({})) + ".";
const std::string kFloats = RawBytes<float>({0, 1, 2, 3, 4, 5});
constexpr std::int64_t kHuge = std::int64_t{1} << 62;

INSTANTIATE_TEST_SUITE_P(
    Zip, BadTorchFile,
    ::testing::ValuesIn(std::vector<BadFile>{
        {"Empty", "", "the file is empty"},
        {"NoRecords", Zip({}), "no data.pkl"},
        {"NoPickle", Zip({{"archive/data/0", kFloats}}), "no data.pkl"},
        {"EndOnly", "PK\3\4", "no end record"},
        {"Compressed", Zip({{.name = "a/data.pkl", .contents = kGood, .method = 8}}),
         "'a/data.pkl' is compressed"},
        {"Encrypted", Zip({{.name = "a/data.pkl", .contents = kGood, .flags = 1}}), "encrypted"},
        {"Twice", Zip({{"a/data.pkl", kGood}, {"a/data.pkl", kGood}}), "twice"},
        {"OtherNameInRecord",
         Zip({{.name = "a/data.pkl", .contents = kGood, .local_name = "a/data.pkx"}}),
         "another name"},
        {"TwoNamesForOneRecord",
         Zip({{"a/data/0", kFloats}, {.name = "a/data/1", .contents = kFloats, .at = 0}}),
         "another name"},
        {"OneInsideAnother",
         Zip({{"a/data.pkl", kGood}, {"a/data/0", LocalRecord({"a/data/1", kFloats})},
              {.name = "a/data/1", .contents = kFloats,
               .at = static_cast<std::int64_t>(30 + 10 + kGood.size() + 30 + 8)}}),
         "'a/data/0' and 'a/data/1' overlap"},
        {"SizeOutOfFile", Zip({{.name = "a/data.pkl", .contents = kGood, .claim = 100000}}),
         "reaches out of the file"},
        {"PlaceOutOfFile", Zip({{.name = "a/data.pkl", .contents = kGood, .at = 100000}}),
         "lies outside the file"},
        {"HugeZip64", Zip({{.name = "a/data.pkl", .contents = kGood, .claim = -2 & INT64_MAX,
                            .zip64 = true}}),
         "reaches out of the file"},
        {"RecordMissing", Zip({{"a/data.pkl", kGood}}), "in a record that is missing, '0'"},
        {"BigEndian",
         Zip({{"a/data.pkl", kGood}, {"a/data/0", kFloats}, {"a/byteorder", "big"}}),
         "little-endian"},
        {"PickleTooLong", Zip({{"a/data.pkl", std::string(17 << 20, 'N')}}), "too long"},
    }),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Pickle, BadTorchFile,
    ::testing::ValuesIn(std::vector<BadFile>{
        {"NoDict", PtOfPickle("N"), "no dict of tensors"},
        {"NothingLeft", PtOfPickle(""), "nothing on the stack"},
        {"EndsTooEarly", Pt(p::kStart + "}", ""), "data.pkl ends too early"},
        {"UnknownOpcode", PtOfPickle("}\x93"), "opcode '\\x93'"},
        {"Code", PtOfPickle(p::Global("builtins", "eval") + "(" + p::String("1") + "tR"),
         "'builtins.eval'"},
        {"CodeOfTorch", PtOfPickle(p::Global("torch.hub", "load")), "'torch.hub.load'"},
        {"NestedName", PtOfPickle(p::Global("torch", "storage._load")), "refused"},
        {"LongNameIsCut", PtOfPickle(p::Global("m", std::string(5000, 'n'))), "...'"},
        {"CallOfDtype", PtOfPickle(p::Global("torch", "float32") + ")R"), "no function"},
        {"CallOfString", PtOfPickle(p::String("x") + ")R"), "malformed call"},
        {"NoMark", PtOfPickle("t"), "no mark"},
        {"PopBelowMark", PtOfPickle("N(Q"), "nothing on the stack"},
        {"NoMemo", PtOfPickle("h\7"), "no value under memo 7"},
        {"ListAsDict", PtOfPickle("](NNu"), "no container"},
        {"OddItems", PtOfPickle("}(Nu"), "a key without a value"},
        {"BuildOfList", PtOfPickle("]}b"), "attributes"},
        {"HugeInteger", PtOfPickle("\x8a\x09" + std::string(9, '\x7f')), "more than 64 bits"},
        {"TooManyValues", PtOfPickle(Repeat("N", (1 << 20) + 1)), "too many values"},
        {"DeepNesting", PtOfPickle(Repeat("]", 200000) + Repeat("a", 199999)), "no dict"},
        {"ContainsItself", PtOfPickle("}q\1(" + p::String("w") + "h\1u"), "'w' is no tensor"},
        {"IntegerKey", PtOfPickle(p::Dict("K\1" + p::Tensor({}))), "no string"},
        {"Twice", PtOfPickle(p::Dict(p::String("w") + p::Tensor({}) + p::String("w") +
                                     p::Tensor({}))),
         "'w' is there twice"},
        {"NoTensor", PtOfPickle(p::Dict(p::String("epoch") + "K\1")), "'epoch' is no tensor"},
        {"BadPersistentId", PtOfPickle(")Q"), "names no storage"},
        {"TensorOfNothing",
         PtOfPickle(p::Global("torch._utils", "_rebuild_tensor_v2") + ")R"), "malformed tensor"},
        {"ParameterOfNothing",
         PtOfPickle(p::Global("torch._utils", "_rebuild_parameter") + ")R"), "no tensor"},
        {"SharedTooOften", AmplifiedFile(), "share their storages more often"},
    }),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Tensor, BadTorchFile,
    ::testing::ValuesIn(std::vector<BadFile>{
        {"UnknownDtype", PtOf({.storage = "ShortStorage"}), "tensor 'w' has the unknown dtype"},
        {"NegativeSize", PtOf({.shape = {-2, 3}}), "[-2, 3] leaves its storage"},
        {"HugeShape", PtOf({.shape = {kHuge, 3}}), "leaves its storage"},
        {"HugeProduct", PtOf({.shape = {kHuge, kHuge}}), "leaves its storage"},
        {"HugeBesideEmpty", PtOf({.shape = {kHuge, kHuge, 0}, .strides = {1, 1, 1}}),
         "leaves its storage"},
        {"OneTooMany", PtOf({.shape = {2, 3}, .offset = 1}), "leaves its storage of 6 elements"},
        {"NegativeOffset", PtOf({.offset = -1}), "leaves its storage"},
        {"HugeOffset", PtOf({.offset = INT64_MAX}), "leaves its storage"},
        {"StridesLeaveStorage", PtOf({.strides = {4, 1}}), "leaves its storage"},
        {"NegativeStride", PtOf({.strides = {-3, 1}}), "leaves its storage"},
        {"HugeStride", PtOf({.strides = {INT64_MAX, INT64_MAX}}), "leaves its storage"},
        {"ExpandedByStride0", PtOf({.shape = {1000000}, .strides = {0}}), "leaves its storage"},
        {"TooFewStrides", PtOf({.strides = {1}}), "too few strides"},
        {"TooManyDims",
         PtOf({.shape = std::vector<std::int64_t>(9, 1),
               .strides = std::vector<std::int64_t>(9, 1)}),
         "malformed tensor"},
        {"StorageLongerThanRecord", PtOf({.numel = 7}), "7 elements in a record of 24 bytes"},
        {"StorageNegative", PtOf({.numel = -1}), "-1 elements"},
        {"StorageOverflows", PtOf({.numel = kHuge, .storage = "DoubleStorage"}),
         "in a record of 24 bytes"},
    }),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace sam2::test
