// SPDX-License-Identifier: Apache-2.0
#include "duplicates.h"

#include <gtest/gtest.h>

namespace gstsam2 {
namespace {

sam2::Object Square(int id, int x, int side = 10) {
  sam2::Object object;
  object.id = id;
  object.mask = {.x = x, .y = 0, .width = side, .height = side,
                 .pixels = std::vector<std::uint8_t>(static_cast<std::size_t>(side) * side, 255)};
  return object;
}

sam2::Object Unseen(int id) {
  sam2::Object object;
  object.id = id;
  object.state = sam2::ObjectState::kOccluded;
  return object;
}

// "goes>stays" of what is over at this time.
std::vector<std::pair<int, int>> At(Duplicates& duplicates, GstClockTime seconds,
                                    const std::vector<sam2::Object>& objects) {
  std::vector<std::pair<int, int>> over;
  for (const auto& [goes, stays] : duplicates.Update(objects, seconds * GST_SECOND)) {
    over.emplace_back(goes, stays);
  }
  return over;
}

using Over = std::vector<std::pair<int, int>>;

class OfDetections : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const int id : {1, 2, 3}) duplicates.Born(id);
  }
  Duplicates duplicates{0.76F, 2 * GST_SECOND};
};

TEST_F(OfDetections, TheYoungerGoesWhenTheTimeIsOver) {
  EXPECT_EQ(At(duplicates, 0, {Square(1, 0), Square(2, 1)}), Over());
  EXPECT_EQ(At(duplicates, 1, {Square(1, 0), Square(2, 0)}), Over());
  EXPECT_EQ(At(duplicates, 2, {Square(1, 0), Square(2, 0)}), Over({{2, 1}}));
}

TEST_F(OfDetections, OneFrameApartStartsTheTimeAgain) {
  EXPECT_EQ(At(duplicates, 0, {Square(1, 0), Square(2, 0)}), Over());
  EXPECT_EQ(At(duplicates, 1, {Square(1, 0), Square(2, 5)}), Over());
  EXPECT_EQ(At(duplicates, 2, {Square(1, 0), Square(2, 0)}), Over());
  EXPECT_EQ(At(duplicates, 3, {Square(1, 0), Unseen(2)}), Over());
  EXPECT_EQ(At(duplicates, 4, {Square(1, 0), Square(2, 0)}), Over());
}

TEST_F(OfDetections, PartsOfAnObjectStay) {
  for (GstClockTime t = 0; t < 5; ++t) {
    EXPECT_EQ(At(duplicates, t, {Square(1, 0), Square(2, 0, 8)}), Over());  // IoU 0.64
  }
}

TEST_F(OfDetections, OfThreeTheOldestStays) {
  At(duplicates, 0, {Square(1, 0), Square(2, 0), Square(3, 0)});
  EXPECT_EQ(At(duplicates, 2, {Square(1, 0), Square(2, 0), Square(3, 0)}),
            Over({{2, 1}, {3, 1}}));
}

TEST_F(OfDetections, WhatAPersonAskedForStays) {
  At(duplicates, 0, {Square(1, 0), Square(9, 0)});
  EXPECT_EQ(At(duplicates, 2, {Square(1, 0), Square(9, 0)}), Over({{1, 9}}));
  At(duplicates, 3, {Square(8, 0), Square(9, 0)});
  EXPECT_EQ(At(duplicates, 9, {Square(8, 0), Square(9, 0)}), Over());
}

TEST_F(OfDetections, ForgottenWithTheObject) {
  At(duplicates, 0, {Square(9, 0)});  // 1, 2 and 3 are gone
  At(duplicates, 1, {Square(9, 0), Square(1, 0)});
  EXPECT_EQ(At(duplicates, 9, {Square(9, 0), Square(1, 0)}), Over());
}

TEST(Duplicates, NeverAtOne) {
  Duplicates duplicates(1, 0);
  duplicates.Born(2);
  EXPECT_EQ(At(duplicates, 0, {Square(1, 0), Square(2, 0)}), Over());
}

}  // namespace
}  // namespace gstsam2
