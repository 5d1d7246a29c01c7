// SPDX-License-Identifier: Apache-2.0
#include "image/stretches.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <utility>
#include <vector>

namespace sam2::test {
namespace {

using Stretches = std::vector<std::pair<int, int>>;

Stretches Found(const std::vector<float>& row, bool above) {
  Stretches found;
  ForEachStretch(row.data(), static_cast<int>(row.size()), above,
                 [&](int begin, int end) { found.emplace_back(begin, end); });
  return found;
}

// One value after the other.
Stretches Expected(const std::vector<float>& row, bool above) {
  Stretches expected;
  const int width = static_cast<int>(row.size());
  for (int x = 0; x < width; ++x) {
    if ((row[x] > 0) != above) continue;
    if (expected.empty() || expected.back().second != x) expected.emplace_back(x, x);
    expected.back().second = x + 1;
  }
  return expected;
}

void ExpectRight(const std::vector<float>& row) {
  const Stretches above = Expected(row, true);
  EXPECT_EQ(Found(row, true), above) << row.size();
  EXPECT_EQ(Found(row, false), Expected(row, false)) << row.size();
  const Ends ends = EndsAbove(row.data(), static_cast<int>(row.size()));
  EXPECT_EQ(ends.first, above.empty() ? static_cast<int>(row.size()) : above.front().first);
  EXPECT_EQ(ends.last, above.empty() ? -1 : above.back().second - 1);
}

TEST(Stretches, AreThoseOfAPlainLoopInRowsOfAnyLength) {
  std::mt19937 random(1);
  for (int width = 0; width < 200; ++width) {
    for (const double share : {0.02, 0.5, 0.98}) {
      std::vector<float> row(width);
      for (float& value : row) value = std::bernoulli_distribution(share)(random) ? 1.f : -1.f;
      ExpectRight(row);
    }
  }
}

TEST(Stretches, ReachFromEndToEnd) {
  for (const int width : {1, 63, 64, 65, 128, 129}) {
    ExpectRight(std::vector<float>(width, 1.f));
    ExpectRight(std::vector<float>(width, -1.f));
  }
}

TEST(Stretches, ZeroAndWhatIsNoNumberAreNotAbove) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kLeast = std::numeric_limits<float>::denorm_min();
  const std::vector<float> row = {1, 0, 1, -0.f, kNan, kLeast, -kLeast, kNan, kNan, 2};
  EXPECT_EQ(Found(row, true), (Stretches{{0, 1}, {2, 3}, {5, 6}, {9, 10}}));
  EXPECT_EQ(Found(row, false), (Stretches{{1, 2}, {3, 5}, {6, 9}}));
}

}  // namespace
}  // namespace sam2::test
