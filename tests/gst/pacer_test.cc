// SPDX-License-Identifier: Apache-2.0
#include "pacer.h"

#include <gtest/gtest.h>

namespace gstsam2 {
namespace {

constexpr GstClockTime kMs = GST_MSECOND;

TEST(Pacer, LooksAtEveryFrameBeforeItKnowsHowLongThatTakes) {
  const Pacer pacer;
  EXPECT_FALSE(pacer.Skip(100 * kMs, 50 * kMs));
}

TEST(Pacer, SkipsWhatWouldLeaveTooLate) {
  Pacer pacer;
  pacer.Worked(100 * kMs, 30 * kMs);
  EXPECT_TRUE(pacer.Skip(100 * kMs, 129 * kMs));
  EXPECT_FALSE(pacer.Skip(100 * kMs, 130 * kMs));
}

TEST(Pacer, NeverForLongerThanAStepTook) {
  Pacer pacer;
  pacer.Worked(100 * kMs, 30 * kMs);
  EXPECT_TRUE(pacer.Skip(129 * kMs, 0));
  EXPECT_FALSE(pacer.Skip(130 * kMs, 0));
}

TEST(Pacer, HasRestedWhenTimeGoesBack) {
  Pacer pacer;
  pacer.Worked(100 * kMs, 30 * kMs);
  EXPECT_TRUE(pacer.Skip(100 * kMs, 0));
  EXPECT_FALSE(pacer.Skip(99 * kMs, 0));
  EXPECT_FALSE(pacer.Skip(0, 0));
}

// A source of 25 frames a second in front of a network that takes `step`: how
// many frames are looked at in ten seconds, and how late the latest one leaves.
struct Outcome {
  int looked_at = 0;
  GstClockTime latest = 0;
};

Outcome Simulate(GstClockTime step, GstClockTime allowed) {
  Pacer pacer;
  Outcome outcome;
  GstClockTime now = 0;
  for (int i = 0; i < 250; ++i) {
    const GstClockTime frame = i * 40 * kMs;
    now = std::max(now, frame);
    if (!pacer.Skip(now, frame + allowed)) {
      now += step;
      pacer.Worked(now, step);
      ++outcome.looked_at;
    }
    outcome.latest = std::max(outcome.latest, now - frame);
  }
  return outcome;
}

TEST(Pacer, KeepsUpWithAFastNetwork) {
  EXPECT_EQ(Simulate(30 * kMs, 40 * kMs).looked_at, 250);
}

TEST(Pacer, GivesUpRateAndNotTime) {
  for (const GstClockTime step : {50 * kMs, 100 * kMs, 400 * kMs, 2000 * kMs}) {
    const Outcome outcome = Simulate(step, step + step / 4);
    EXPECT_LE(outcome.latest, step + step / 4) << step;
    // At least half of the time is worked.
    EXPECT_GE(outcome.looked_at * step, 5 * GST_SECOND) << step;
  }
}

TEST(Pacer, ALatencyTooSmallForTheNetworkIsMissedByOneStepAtMost) {
  const Outcome outcome = Simulate(400 * kMs, 0);
  EXPECT_LE(outcome.latest, 440 * kMs);
  EXPECT_GE(outcome.looked_at, 8);
}

}  // namespace
}  // namespace gstsam2
