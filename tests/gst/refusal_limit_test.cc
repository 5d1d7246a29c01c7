// SPDX-License-Identifier: Apache-2.0
#include "refusal_limit.h"

#include <gtest/gtest.h>

namespace gstsam2 {
namespace {

TEST(RefusalLimit, TellsTheFirstOfAKindAndThenOneInTenSeconds) {
  RefusalLimit limit;
  EXPECT_EQ(limit.Tell("kind", "first", 5), "first");
  EXPECT_EQ(limit.Tell("kind", "second", 6), std::nullopt);
  EXPECT_EQ(limit.Tell("kind", "third", 10 * GST_SECOND + 4), std::nullopt);
  EXPECT_EQ(limit.Tell("kind", "fourth", 10 * GST_SECOND + 5), "fourth (and 2 more)");
  EXPECT_EQ(limit.Tell("kind", "fifth", 20 * GST_SECOND), std::nullopt);
}

TEST(RefusalLimit, CountsAnewAfterEachThatItTells) {
  RefusalLimit limit;
  limit.Tell("kind", "a", 0);
  limit.Tell("kind", "b", 1);
  EXPECT_EQ(limit.Tell("kind", "c", 10 * GST_SECOND), "c (and 1 more)");
  EXPECT_EQ(limit.Tell("kind", "d", 20 * GST_SECOND), "d");
}

TEST(RefusalLimit, AnotherKindIsToldAtOnce) {
  RefusalLimit limit;
  EXPECT_TRUE(limit.Tell("one", "a", 0).has_value());
  EXPECT_TRUE(limit.Tell("other", "b", 0).has_value());
  EXPECT_FALSE(limit.Tell("one", "b", 0).has_value());
}

TEST(RefusalLimit, ReasonsThatDifferInNumbersAreOfOneKind) {
  const std::string kind =
      RefusalLimit::KindOf("the box 1,2,3,4 lies outside the frame, which is 160x120");
  EXPECT_EQ(kind,
            RefusalLimit::KindOf("the box -1e+06,2.5,3,4 lies outside the frame, which is 64x48"));
  EXPECT_NE(kind, RefusalLimit::KindOf("the box 1,2,3,4 is empty"));
  EXPECT_NE(kind, RefusalLimit::KindOf(""));
}

}  // namespace
}  // namespace gstsam2
