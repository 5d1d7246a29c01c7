// SPDX-License-Identifier: Apache-2.0
#include "image/rle.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "image_pictures.h"

namespace sam2::test {
namespace {

// The reverse of the encoding, from its description: column-major pixels.
std::vector<bool> Decode(const std::string& text) {
  std::vector<std::int64_t> counts;
  for (std::size_t i = 0; i < text.size();) {
    std::int64_t number = 0;
    int shift = 0;
    int byte = 0;
    do {
      byte = text[i++] - 48;
      number |= static_cast<std::int64_t>(byte & 0x1f) << shift;
      shift += 5;
    } while ((byte & 0x20) != 0);
    if ((byte & 0x10) != 0) number |= ~std::int64_t{0} << shift;
    counts.push_back(counts.size() > 2 ? number + counts[counts.size() - 2] : number);
  }
  std::vector<bool> pixels;
  for (std::size_t i = 0; i < counts.size(); ++i) pixels.insert(pixels.end(), counts[i], i % 2);
  return pixels;
}

void ExpectRoundTrip(const Mask& mask, int frame_width, int frame_height) {
  const std::vector<bool> pixels = Decode(EncodeRle(mask, frame_width, frame_height));
  ASSERT_EQ(pixels.size(), static_cast<std::size_t>(frame_width) * frame_height);
  for (int x = 0; x < frame_width; ++x) {
    for (int y = 0; y < frame_height; ++y) {
      const int column = x - mask.x, row = y - mask.y;
      const bool in = column >= 0 && row >= 0 && column < mask.width && row < mask.height;
      const bool expected = in && mask.pixels[row * mask.width + column] != 0;
      ASSERT_EQ(pixels[x * frame_height + y], expected) << x << "," << y;
    }
  }
}

// tests/data/image/make.py
TEST(EncodeRle, EqualsPycocotools) {
  std::ifstream file(std::string(SAM2_TEST_DATA) + "/image/golden.json");
  const nlohmann::json golden = nlohmann::json::parse(file);
  ASSERT_GE(golden.at("masks").size(), 6u);
  for (const auto& item : golden.at("masks")) {
    const int width = item.at("width"), height = item.at("height"), grain = item.at("grain");
    const Mask mask = MakeMask(0, 0, width, height,
                               [&](int x, int y) { return ShapeAt(x, y, grain); });
    EXPECT_EQ(EncodeRle(mask, width, height), item.at("counts").get<std::string>());
  }
}

TEST(EncodeRle, PlacesTheMaskInItsFrame) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    Mask mask = RandomBlobs(30, 20, seed);
    mask.x = static_cast<int>(seed % 5);
    mask.y = static_cast<int>(seed % 3);
    ExpectRoundTrip(mask, 40, 25);
  }
}

// A column that ends in the mask runs on into the next one.
TEST(EncodeRle, JoinsFullColumns) {
  const auto all = [](int, int) { return true; };
  EXPECT_EQ(EncodeRle(MakeMask(1, 0, 2, 3, all), 4, 3), "363");  // 3, 6, 3
  EXPECT_EQ(EncodeRle(MakeMask(0, 0, 4, 3, all), 4, 3), "0<");   // 0, 12
  EXPECT_EQ(EncodeRle(MakeMask(3, 2, 1, 1, all), 4, 3), ";1");   // 11, 1
}

TEST(EncodeRle, OfNothingIsOneRun) {
  EXPECT_EQ(EncodeRle({}, 4, 3), "<");
  EXPECT_EQ(EncodeRle(MakeMask(1, 1, 2, 2, [](int, int) { return false; }), 4, 3), "<");
}

TEST(EncodeRle, TakesAnObjectInAn8KFrame) {
  Mask mask = RandomBlobs(100, 80, 1);
  mask.x = 7000;
  mask.y = 4000;
  const std::vector<bool> pixels = Decode(EncodeRle(mask, 7680, 4320));
  EXPECT_EQ(pixels.size(), 7680u * 4320u);
  EXPECT_EQ(std::count(pixels.begin(), pixels.end(), true),
            std::count(mask.pixels.begin(), mask.pixels.end(), 255));
}

TEST(EncodeRle, CutsWhatReachesOutOfTheFrame) {
  Mask mask = RandomBlobs(30, 30, 5);
  for (const auto& [x, y] : {std::pair{-7, -9}, {10, 12}, {-5, 15}, {40, 0}, {0, -30}}) {
    mask.x = x;
    mask.y = y;
    ExpectRoundTrip(mask, 20, 25);
  }
}

TEST(EncodeRle, RefusesImpossibleMasksAndFrames) {
  EXPECT_THROW(EncodeRle({0, 0, 2, 2, {255}}, 4, 3), Error);
  EXPECT_THROW(EncodeRle({0, 0, -2, 2, {}}, 4, 3), Error);
  EXPECT_THROW(EncodeRle({}, 0, 3), Error);
  EXPECT_THROW(EncodeRle({}, 4, -1), Error);
}

}  // namespace
}  // namespace sam2::test
