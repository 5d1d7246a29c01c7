// SPDX-License-Identifier: Apache-2.0
#include "image/components.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <vector>

namespace sam2::test {
namespace {

// One mask from rows of '#' (object, logit 5) and '.' (background, -5).
at::Tensor FromRows(const std::vector<std::string>& rows) {
  at::Tensor logits = at::empty({1, 1, static_cast<std::int64_t>(rows.size()),
                                 static_cast<std::int64_t>(rows[0].size())});
  float* out = logits.mutable_data_ptr<float>();
  for (const std::string& row : rows) {
    for (const char c : row) *out++ = c == '#' ? 5 : -5;
  }
  return logits;
}

// The reference by the book: a flood from every pixel of background.
at::Tensor Filled(const at::Tensor& logits, int max_area) {
  at::Tensor result = logits.clone();
  const int height = static_cast<int>(logits.size(2)), width = static_cast<int>(logits.size(3));
  for (int n = 0; n < logits.size(0); ++n) {
    const float* in = logits[n].const_data_ptr<float>();
    float* out = result[n].mutable_data_ptr<float>();
    std::vector<bool> seen(width * height);
    for (int start = 0; start < width * height; ++start) {
      if (in[start] > 0 || seen[start]) continue;
      std::vector<int> part = {start};
      seen[start] = true;
      for (std::size_t i = 0; i < part.size(); ++i) {
        for (int dy = -1; dy <= 1; ++dy) {
          for (int dx = -1; dx <= 1; ++dx) {
            const int x = part[i] % width + dx, y = part[i] / width + dy;
            if (x < 0 || y < 0 || x >= width || y >= height) continue;
            if (in[y * width + x] > 0 || seen[y * width + x]) continue;
            seen[y * width + x] = true;
            part.push_back(y * width + x);
          }
        }
      }
      if (part.size() > static_cast<std::size_t>(max_area)) continue;
      for (const int i : part) out[i] = 0.1f;
    }
  }
  return result;
}

TEST(FillHoles, FillsUpToTheArea) {
  at::Tensor logits = FromRows({"........", ".######.", ".#..##..", ".######.", "........"});
  const at::Tensor before = logits.clone();
  FillHoles(logits, 1);
  EXPECT_TRUE(at::equal(logits, before));
  FillHoles(logits, 2);
  EXPECT_FLOAT_EQ(logits[0][0][2][2].item<float>(), 0.1f);
  EXPECT_FLOAT_EQ(logits[0][0][2][3].item<float>(), 0.1f);
  EXPECT_EQ((logits != before).sum().item<int>(), 2);
}

TEST(FillHoles, CornersConnect) {
  at::Tensor logits = FromRows({"#####", "#.###", "##..#", "#####"});
  FillHoles(logits, 2);
  EXPECT_EQ((logits <= 0).sum().item<int>(), 3);
  FillHoles(logits, 3);
  EXPECT_EQ((logits <= 0).sum().item<int>(), 0);
}

TEST(FillHoles, ACutOffCornerOfThePictureIsAHoleToo) {
  at::Tensor logits = FromRows({".####", "#####", "#####"});
  FillHoles(logits, 8);
  EXPECT_FLOAT_EQ(logits[0][0][0][0].item<float>(), 0.1f);
}

TEST(FillHoles, EqualsTheReferenceOnRandomMasks) {
  at::manual_seed(3);
  for (const auto& [height, width] : {std::pair{40, 50}, {25, 150}, {1, 30}, {30, 1}, {9, 9}, {3, 2}}) {
    for (const float shift : {-2.5f, -1.f, 0.f, 0.5f, 1.f, 2.f}) {
      for (const int area : {1, 3, 8, 20}) {
        at::Tensor logits = at::randn({3, 1, height, width}) + shift;
        const at::Tensor expected = Filled(logits, area);
        FillHoles(logits, area);
        EXPECT_TRUE(at::equal(logits, expected)) << height << "x" << width << " " << shift;
      }
    }
  }
}

TEST(FillHoles, LeavesTheRestAlone) {
  for (const float value : {-1.f, 0.f, 1.f}) {
    at::Tensor logits = at::full({2, 1, 20, 20}, value);
    FillHoles(logits, 8);
    EXPECT_TRUE((logits == value).all().item<bool>());
  }
  at::Tensor dot = at::full({1, 1, 20, 20}, -1.f);  // the ring round it has 8 logits
  dot[0][0][10][10] = 1;
  const at::Tensor before = dot.clone();
  FillHoles(dot, 8);
  EXPECT_TRUE(at::equal(dot, before));
}

TEST(FillHoles, OfAreaZeroOrLessDoesNothing) {
  for (const int area : {0, -1}) {
    at::Tensor logits = FromRows({"###", "#.#", "###"});
    FillHoles(logits, area);
    EXPECT_EQ((logits <= 0).sum().item<int>(), 1);
  }
}

TEST(FillHoles, TakesNoMaskAtAll) {
  at::Tensor logits = at::empty({0, 1, 20, 20});
  EXPECT_NO_THROW(FillHoles(logits, 8));
}

TEST(RemoveSpecks, RemovesUpToTheArea) {
  at::Tensor logits = FromRows({"......##", ".####...", ".####...", "........", "#......#"});
  const at::Tensor before = logits.clone();
  RemoveSpecks(logits, 1);
  EXPECT_EQ((logits > 0).sum().item<int>(), 10);
  EXPECT_FLOAT_EQ(logits[0][0][4][0].item<float>(), -0.1f);
  RemoveSpecks(logits, 2);
  EXPECT_EQ((logits > 0).sum().item<int>(), 8);
  EXPECT_TRUE(at::equal(logits.gt(0), before.gt(0) & (logits == before)));
}

TEST(RemoveSpecks, LeavesTheLargestPartHoweverSmall) {
  at::Tensor logits = FromRows({"##..#", ".....", "#...."});
  RemoveSpecks(logits, 100);
  EXPECT_EQ((logits > 0).sum().item<int>(), 2);
  EXPECT_GT(logits[0][0][0][0].item<float>(), 0);
}

TEST(RemoveSpecks, LeavesPartsOfEqualSize) {
  at::Tensor logits = FromRows({"#.#.#", ".....", "#...#"});
  const at::Tensor before = logits.clone();
  RemoveSpecks(logits, 100);
  EXPECT_TRUE(at::equal(logits, before));
}

TEST(RemoveSpecks, CornersConnect) {
  at::Tensor logits = FromRows({"###..", "###..", "...#.", "....#"});
  RemoveSpecks(logits, 5);
  EXPECT_EQ((logits > 0).sum().item<int>(), 8);
}

// A speck is a hole of the mask turned inside out.
TEST(RemoveSpecks, EqualsTheReferenceOnRandomMasks) {
  at::manual_seed(4);
  for (const float shift : {-2.f, -1.f, -0.5f}) {
    for (const int area : {1, 3, 8}) {
      at::Tensor logits = at::randn({3, 1, 40, 50}) + shift;
      logits.slice(2, 10, 20).slice(3, 10, 20).fill_(1);  // larger than any speck
      const at::Tensor expected = -Filled(-logits, area);
      RemoveSpecks(logits, area);
      EXPECT_TRUE(at::equal(logits, expected)) << shift << " " << area;
    }
  }
}

TEST(RemoveSpecks, OfAreaZeroOrLessDoesNothing) {
  for (const int area : {0, -1}) {
    at::Tensor logits = FromRows({"###", "...", "#.."});
    RemoveSpecks(logits, area);
    EXPECT_EQ((logits > 0).sum().item<int>(), 4);
  }
}

TEST(RemoveSpecks, TakesEmptyMasksAndNone) {
  at::Tensor empty = at::full({2, 1, 9, 9}, -1.f);
  const at::Tensor before = empty.clone();
  RemoveSpecks(empty, 8);
  EXPECT_TRUE(at::equal(empty, before));
  at::Tensor none = at::empty({0, 1, 20, 20});
  EXPECT_NO_THROW(RemoveSpecks(none, 8));
}

}  // namespace
}  // namespace sam2::test
