// SPDX-License-Identifier: Apache-2.0
#include "predictor/memory_bank.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <tuple>

namespace sam2 {
namespace {

using ::testing::UnorderedElementsAreArray;

constexpr MemoryBank::Limits kLimits{.num_maskmem = 7, .max_obj_ptrs = 16, .max_cond_frames = 4};

MemoryStore& Store() {
  static MemoryStore* const store = new MemoryStore;
  return *store;
}

ObjectMemory MemoryOf(int64_t frame) {
  const at::Tensor row = at::full({1, 1}, static_cast<double>(frame));
  return {frame, Store().features.Write(row)[0], Store().obj_ptrs.Write(row)[0]};
}

using MemoryPlace = std::pair<int64_t, int64_t>;   // frame, t_pos
using PointerPlace = std::pair<int64_t, int64_t>;  // frame, age

struct Expected {
  std::vector<MemoryPlace> memories;
  std::vector<PointerPlace> pointers;
};

// The rule of SAM2Base._prepare_memory_conditioned_features over a history that
// forgets nothing. prompted: by frame, whether the user prompted it.
Expected ReferenceRule(const std::map<int64_t, bool>& history, int64_t frame) {
  std::vector<int64_t> conditioning;
  for (const auto& [t, prompted] : history) {
    if (prompted) conditioning.push_back(t);
  }
  // The first stays, with the latest three of the others.
  std::vector<int64_t> unselected;
  while (conditioning.size() > 4) {
    unselected.push_back(conditioning[1]);
    conditioning.erase(conditioning.begin() + 1);
  }
  Expected expected;
  for (int64_t t : conditioning) {
    expected.memories.emplace_back(t, 0);
    expected.pointers.emplace_back(t, frame - t);
  }
  const auto is_other = [&](int64_t t) {
    return history.contains(t) &&
           (!history.at(t) || std::ranges::count(unselected, t) > 0);
  };
  for (int64_t t_pos = 1; t_pos < 7; ++t_pos) {
    const int64_t t = frame - (7 - t_pos);
    if (is_other(t)) expected.memories.emplace_back(t, t_pos);
  }
  for (int64_t t_diff = 1; t_diff < 16; ++t_diff) {
    if (is_other(frame - t_diff)) expected.pointers.emplace_back(frame - t_diff, t_diff);
  }
  return expected;
}

std::vector<MemoryPlace> Memories(const MemoryBank::Selection& selection) {
  std::vector<MemoryPlace> places;
  for (size_t i = 0; i < selection.memories.size(); ++i) {
    places.emplace_back(selection.memories[i]->frame, selection.t_pos[i]);
  }
  return places;
}

std::vector<PointerPlace> Pointers(const MemoryBank::Selection& selection) {
  std::vector<PointerPlace> places;
  for (size_t i = 0; i < selection.pointers.size(); ++i) {
    places.emplace_back(selection.pointers[i]->frame, selection.ages[i]);
  }
  return places;
}

// How often, in percent, a frame is prompted; the first always is.
class RandomHistory : public ::testing::TestWithParam<int> {};

TEST_P(RandomHistory, IsSelectedFromAsTheReferenceDoes) {
  std::mt19937 random(GetParam());
  std::map<int64_t, bool> history;
  MemoryBank bank(kLimits);
  for (int64_t frame = 3; frame < 203; ++frame) {
    if (!history.empty()) {
      const Expected expected = ReferenceRule(history, frame);
      const MemoryBank::Selection selection = bank.Select(frame);
      ASSERT_THAT(Memories(selection), UnorderedElementsAreArray(expected.memories)) << frame;
      ASSERT_THAT(Pointers(selection), UnorderedElementsAreArray(expected.pointers)) << frame;
      for (const ObjectMemory* memory : selection.memories) {
        ASSERT_TRUE(memory->features.defined()) << frame;
        const at::Tensor row = Store().features.rows()[memory->features.index()];
        ASSERT_EQ(row.item<float>(), static_cast<float>(memory->frame));
      }
    }
    const bool prompted =
        history.empty() || static_cast<int>(random() % 100) < GetParam();
    history[frame] = prompted;
    prompted ? bank.AddPrompted(MemoryOf(frame)) : bank.AddTracked(MemoryOf(frame));
    // 4 prompted frames and the 15 latest of any kind.
    ASSERT_LE(bank.size(), 19u);
  }
}

INSTANTIATE_TEST_SUITE_P(PromptRates, RandomHistory, ::testing::Values(0, 3, 15, 50, 90, 100));

TEST(MemoryBank, IsEmptyAtFirst) {
  const MemoryBank bank(kLimits);
  EXPECT_EQ(bank.size(), 0u);
  EXPECT_TRUE(bank.Select(0).memories.empty());
  EXPECT_TRUE(bank.Select(0).pointers.empty());
}

TEST(MemoryBank, PromptReplacesWhatWasTrackedOnTheSameFrame) {
  MemoryBank bank(kLimits);
  bank.AddPrompted(MemoryOf(0));
  bank.AddTracked(MemoryOf(1));
  bank.AddPrompted(MemoryOf(1));
  EXPECT_THAT(Memories(bank.Select(2)), UnorderedElementsAreArray<MemoryPlace>({{0, 0}, {1, 0}}));
}

TEST(MemoryBank, PromptReplacesAnEarlierPromptOfTheSameFrame) {
  MemoryBank bank(kLimits);
  bank.AddPrompted(MemoryOf(5));
  bank.AddPrompted(MemoryOf(5));
  EXPECT_THAT(Memories(bank.Select(6)), UnorderedElementsAreArray<MemoryPlace>({{5, 0}}));
}

TEST(MemoryBank, FirstPromptStaysForever) {
  MemoryBank bank(kLimits);
  for (int64_t frame = 0; frame < 1000; ++frame) {
    frame == 0 ? bank.AddPrompted(MemoryOf(frame)) : bank.AddTracked(MemoryOf(frame));
  }
  const auto memories = Memories(bank.Select(1000));
  EXPECT_EQ(memories.front(), MemoryPlace(0, 0));
  EXPECT_EQ(memories.size(), 7u);
}

TEST(MemoryBank, FeaturesAreFreedWhenTooOldToBeAttendedTo) {
  MemoryBank bank(kLimits);
  bank.AddPrompted(MemoryOf(0));
  for (int64_t frame = 1; frame < 100; ++frame) bank.AddTracked(MemoryOf(frame));
  EXPECT_EQ(Store().features.used(), 1 + 6);
  EXPECT_EQ(Store().obj_ptrs.used(), 1 + 15);
  EXPECT_LE(Store().features.capacity(), 14);
}

TEST(MemoryBank, GapsInTimeAreNotFilled) {
  MemoryBank bank(kLimits);
  bank.AddPrompted(MemoryOf(0));
  bank.AddTracked(MemoryOf(1));
  bank.AddTracked(MemoryOf(40));
  EXPECT_THAT(Memories(bank.Select(41)), UnorderedElementsAreArray<MemoryPlace>({{0, 0}, {40, 6}}));
}

std::vector<MemoryPlace> PlacesOf(const MemoryBank::Selection& selection) {
  std::vector<MemoryPlace> places;
  for (size_t i = 0; i < selection.memories.size(); ++i) {
    places.emplace_back(selection.memories[i]->frame, selection.t_pos[i]);
  }
  return places;
}

TEST(MemoryBankAnchors, AreAttendedToLikePromptsOnceTheyAreOld) {
  MemoryBank bank(kLimits);
  bank.AddPrompted(MemoryOf(0));
  for (int64_t t = 1; t <= 20; ++t) {
    bank.AddTracked(MemoryOf(t));
    if (t == 5) bank.AnchorLatest();
  }
  EXPECT_THAT(PlacesOf(bank.Select(21)),
              UnorderedElementsAreArray({MemoryPlace{0, 0}, {5, 0}, {20, 6}, {19, 5}, {18, 4},
                                         {17, 3}, {16, 2}, {15, 1}}));
  EXPECT_TRUE(bank.Select(21).memories[1]->features.defined());
}

TEST(MemoryBankAnchors, RecentOneIsNotThereTwice) {
  MemoryBank bank(kLimits);
  bank.AddPrompted(MemoryOf(0));
  bank.AddTracked(MemoryOf(1));
  bank.AnchorLatest();
  EXPECT_THAT(PlacesOf(bank.Select(2)), UnorderedElementsAreArray({MemoryPlace{0, 0}, {1, 6}}));
}

TEST(MemoryBankAnchors, AreBounded) {
  MemoryBank bank(kLimits);
  bank.AddPrompted(MemoryOf(0));
  for (int64_t t = 1; t <= 500; ++t) {
    bank.AddTracked(MemoryOf(t));
    if (t % 5 == 0) bank.AnchorLatest();
  }
  EXPECT_LE(bank.size(), 1u + 15 + 2);
}

TEST(MemoryBankAnchors, NothingToAnchorIsNothing) {
  MemoryBank bank(kLimits);
  bank.AnchorLatest();
  EXPECT_EQ(bank.size(), 0u);
  MemoryBank none({.num_maskmem = 7, .max_obj_ptrs = 16, .max_cond_frames = 4, .max_anchors = 0});
  none.AddTracked(MemoryOf(0));
  none.AnchorLatest();
  EXPECT_EQ(none.size(), 1u);
}

}  // namespace
}  // namespace sam2
