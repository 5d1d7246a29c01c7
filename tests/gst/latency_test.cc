// SPDX-License-Identifier: Apache-2.0
#include "latency.h"

#include <gtest/gtest.h>

namespace gstsam2 {
namespace {

constexpr GstClockTime kStep = 10 * GST_MSECOND;

TEST(LatencyMeter, IgnoresTheFirstFramesAndOneHiccup) {
  LatencyMeter meter;
  EXPECT_FALSE(meter.Add(GST_SECOND));
  EXPECT_FALSE(meter.Add(GST_SECOND));
  EXPECT_FALSE(meter.Add(kStep));
  EXPECT_TRUE(meter.Add(kStep));
  EXPECT_GE(meter.reported(), kStep);
  EXPECT_LE(meter.reported(), 2 * kStep);
  EXPECT_FALSE(meter.Add(GST_SECOND));
  EXPECT_LE(meter.reported(), 2 * kStep);
}

TEST(LatencyMeter, FollowsOnlyLargeChanges) {
  LatencyMeter meter;
  for (int i = 0; i < 10; ++i) meter.Add(kStep);
  const GstClockTime before = meter.reported();
  EXPECT_FALSE(meter.Add(kStep + kStep / 10) || meter.Add(kStep + kStep / 10));
  EXPECT_EQ(meter.reported(), before);
  EXPECT_FALSE(meter.Add(4 * kStep));
  EXPECT_TRUE(meter.Add(4 * kStep));
  EXPECT_GE(meter.reported(), 4 * kStep);
  bool changed = false;
  for (int i = 0; i < 64; ++i) changed |= meter.Add(kStep);
  EXPECT_TRUE(changed);
  EXPECT_LE(meter.reported(), 2 * kStep);
}

}  // namespace
}  // namespace gstsam2
