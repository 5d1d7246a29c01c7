// SPDX-License-Identifier: Apache-2.0
#include "predictor/slot_buffer.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

namespace sam2 {
namespace {

using testing::IsEmpty;

// Rows of one value each.
at::Tensor Rows(std::vector<float> values) {
  return at::tensor(values).view({-1, 1, 1}).expand({-1, 2, 3});
}

float ValueOf(const SlotBuffer& buffer, const SlotBuffer::Slot& slot) {
  const at::Tensor row = buffer.rows()[slot.index()];
  EXPECT_TRUE((row == row[0][0]).all().item<bool>());
  return row[0][0].item<float>();
}

TEST(SlotBuffer, KeepsWhatIsWritten) {
  SlotBuffer buffer;
  const auto slots = buffer.Write(Rows({1, 2, 3}));
  ASSERT_EQ(slots.size(), 3u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ValueOf(buffer, slots[i]), 1 + i);
  EXPECT_EQ(buffer.used(), 3);
}

TEST(SlotBuffer, NothingWrittenIsNothingKept) {
  SlotBuffer buffer;
  EXPECT_THAT(buffer.Write(Rows({})), IsEmpty());
  EXPECT_FALSE(buffer.rows().defined());
}

TEST(SlotBuffer, ARowIsFreeWhenTheLastOfItsSlotsIsGone) {
  SlotBuffer buffer;
  auto slots = buffer.Write(Rows({1, 2}));
  SlotBuffer::Slot copy = slots[0];
  slots.clear();
  EXPECT_EQ(buffer.used(), 1);
  EXPECT_EQ(ValueOf(buffer, copy), 1);
  copy.reset();
  EXPECT_FALSE(copy.defined());
  EXPECT_EQ(buffer.used(), 0);
}

TEST(SlotBuffer, HoldsNoTensorWhenNothingIsInUse) {
  SlotBuffer buffer;
  buffer.Write(Rows({1, 2}));
  EXPECT_FALSE(buffer.rows().defined());
  EXPECT_EQ(buffer.capacity(), 0);
}

TEST(SlotBuffer, SteadyUseStaysInPlace) {
  SlotBuffer buffer;
  auto slots = buffer.Write(Rows({1, 2, 3}));
  const void* place = nullptr;
  for (int i = 0; i < 100; ++i) {
    slots = buffer.Write(Rows({1, 2, 3}));
    if (i == 1) place = buffer.rows().data_ptr();
    if (i > 1) ASSERT_EQ(buffer.rows().data_ptr(), place);
  }
}

TEST(SlotBuffer, ShrinksWhenMostAreFree) {
  SlotBuffer buffer;
  auto many = buffer.Write(Rows(std::vector<float>(500, 7)));
  const auto few = buffer.Write(Rows({1, 2}));
  many.clear();
  const auto more = buffer.Write(Rows({3}));
  EXPECT_LE(buffer.capacity(), 10);
  EXPECT_EQ(ValueOf(buffer, few[0]), 1);
  EXPECT_EQ(ValueOf(buffer, few[1]), 2);
  EXPECT_EQ(ValueOf(buffer, more[0]), 3);
}

TEST(SlotBuffer, TakenRowsAreFilledWhereverTheyHaveMovedMeanwhile) {
  SlotBuffer buffer;
  const auto first = buffer.Write(Rows({1}));
  const auto taken = buffer.Take(3);
  EXPECT_EQ(buffer.used(), 4);
  const auto many = buffer.Write(Rows(std::vector<float>(100, 7)));  // grows
  buffer.Fill(taken, Rows({2, 3, 4}));
  EXPECT_EQ(ValueOf(buffer, first[0]), 1);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ValueOf(buffer, taken[i]), 2 + i);
  for (const auto& slot : many) EXPECT_EQ(ValueOf(buffer, slot), 7);
}

TEST(SlotBuffer, NothingCanBeTakenBeforeTheSizeIsKnown) {
  SlotBuffer buffer;
  EXPECT_ANY_THROW(buffer.Take(1));
  EXPECT_EQ(buffer.used(), 0);
}

TEST(SlotBuffer, RowsThatDoNotFitTheTakenOnesAreRefused) {
  SlotBuffer buffer;
  const auto first = buffer.Write(Rows({1}));
  const auto taken = buffer.Take(2);
  EXPECT_ANY_THROW(buffer.Fill(taken, Rows({2, 3, 4})));
  EXPECT_ANY_THROW(buffer.Fill(taken, at::zeros({2, 2, 4})));
  EXPECT_EQ(ValueOf(buffer, first[0]), 1);
}

TEST(SlotBuffer, AFailedWriteChangesNothing) {
  SlotBuffer buffer;
  const auto slots = buffer.Write(Rows({1, 2}));
  EXPECT_ANY_THROW(buffer.Write(at::zeros({1, 2, 4})));
  EXPECT_ANY_THROW(buffer.Write(at::zeros({40, 2, 4})));  // with growth
  EXPECT_EQ(buffer.used(), 2);
  EXPECT_EQ(ValueOf(buffer, slots[0]), 1);
  EXPECT_EQ(ValueOf(buffer, slots[1]), 2);
  EXPECT_EQ(ValueOf(buffer, buffer.Write(Rows({3}))[0]), 3);
}

TEST(SlotBuffer, RandomUseLosesNothing) {
  std::mt19937 random(3);
  SlotBuffer buffer;
  std::map<int, SlotBuffer::Slot> kept;
  int next = 1, most = 0;
  for (int round = 0; round < 300; ++round) {
    const int wanted = round / 50 % 2 == 0 ? 40 : 3;
    std::vector<float> values;
    for (unsigned n = random() % 5; n > 0; --n) values.push_back(static_cast<float>(next++));
    auto slots = buffer.Write(Rows(values));
    for (size_t i = 0; i < values.size(); ++i) kept[static_cast<int>(values[i])] = slots[i];
    slots.clear();
    while (static_cast<int>(kept.size()) > wanted) {
      kept.erase(std::next(kept.begin(), static_cast<long>(random() % kept.size())));
    }
    most = std::max(most, static_cast<int>(kept.size()));
    EXPECT_EQ(buffer.used(), static_cast<int64_t>(kept.size()));
    EXPECT_LE(buffer.capacity(), 2 * most + 20);
    for (const auto& [value, slot] : kept) ASSERT_EQ(ValueOf(buffer, slot), value) << round;
  }
}

}  // namespace
}  // namespace sam2
