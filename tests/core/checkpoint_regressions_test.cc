// SPDX-License-Identifier: Apache-2.0
//
// What the fuzzers found worth keeping, replayed: nothing may crash or let a
// tensor leave its file.
#include <gtest/gtest.h>

#include "../fuzz/check_index.h"
#include "checkpoint/pickle.h"
#include "checkpoint_bytes.h"

namespace sam2::test {
namespace {

template <typename Parse>
void Replay(const std::string& file, Parse parse) {
  try {
    parse(AsBytes(file));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kBadCheckpoint);
  }
}

TEST(Regressions, AreSurvivedByEveryReader) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SAM2_FUZZ_REGRESSIONS)) {
    const std::string file = ReadFile(entry.path());
    using Bytes = std::span<const std::uint8_t>;
    Replay(file, [](Bytes bytes) { CheckIndex(ParseCheckpoint(bytes), bytes); });
    Replay(file, [](Bytes bytes) { CheckIndex(ParseTorchZip(bytes), bytes); });
    Replay(file, [](Bytes bytes) { CheckIndex(ParseSafetensors(bytes), bytes); });
    Replay(file, [](Bytes bytes) { ParseStateDict(bytes); });
    // The pickle where the zip would have it.
    Replay(Pt(file, std::string(64, '\1')),
           [](Bytes bytes) { CheckIndex(ParseTorchZip(bytes), bytes); });
    ++files;
  }
  EXPECT_GT(files, 0);
}

}  // namespace
}  // namespace sam2::test
